"""`python -m inference transcription|diarization` runs a service of this room; `fetch` gets the weights of both."""

import asyncio
import sys
from collections.abc import Callable, Mapping

from inference import heap


def _transcription() -> int:
    heap.use_huge_pages()
    heap.share()
    from inference.service import main

    return asyncio.run(main())


def _diarization() -> int:
    from inference.diarization import main

    return main()


def _fetch() -> int:
    from inference.fetching import main

    return main()


COMMANDS: Mapping[str, Callable[[], int]] = {
    "transcription": _transcription,
    "diarization": _diarization,
    "fetch": _fetch,
}


def main(arguments: list[str]) -> int:
    """Do what the argument names; 2 if it names nothing."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        sys.stderr.write(f"usage: python -m inference {'|'.join(COMMANDS)}\n")
        return 2
    return COMMANDS[arguments[0]]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
