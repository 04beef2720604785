"""`python -m inference transcription|diarization`: runs one of the two services of this room."""

import asyncio
import sys
from collections.abc import Callable, Mapping


def _transcription() -> int:
    from inference.service import main

    return asyncio.run(main())


def _diarization() -> int:
    from inference.diarization import main

    return main()


SERVICES: Mapping[str, Callable[[], int]] = {"transcription": _transcription, "diarization": _diarization}


def main(arguments: list[str]) -> int:
    """Run the service that the arguments name; 2 if they name none."""
    if len(arguments) != 1 or arguments[0] not in SERVICES:
        sys.stderr.write(f"usage: python -m inference {'|'.join(SERVICES)}\n")
        return 2
    return SERVICES[arguments[0]]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
