"""The child: reads a hostile file from descriptor 0 and writes frames of samples to descriptor 1.

`media.decoder` starts it and trusts nothing that it says. It imports little: the imports are its start-up time.
"""

import json
import os
import sys

from media import landlock, wire
from media.confinement import confine
from media.errors import MediaError, MediaLimitExceeded
from media.limits import Limits


def send(kind: bytes, payload: bytes | bytearray | memoryview) -> None:
    """Write one frame; blocks while the parent does not read."""
    frame = memoryview(wire.HEADER.pack(kind, len(payload)) + payload)
    while frame:
        frame = frame[os.write(1, frame) :]


def send_json(kind: bytes, values: dict[str, object]) -> None:
    """Write one frame of JSON."""
    send(kind, json.dumps(values).encode())


def run(limits: Limits, *, sample_rate: int, probe_only: bool) -> None:
    """Decode descriptor 0 to frames on descriptor 1. Raises MediaError."""
    from media.track import Track  # FFmpeg is loaded under the limits

    landlock.give_up()  # all code is loaded; where the kernel knows no such thing, the limits stand alone
    track = Track(0, limits=limits, sample_rate=sample_rate)
    send_json(wire.PROBE, track.describe())
    if probe_only:
        return
    pending = bytearray()
    for piece in track.pcm():
        pending += piece
        while len(pending) >= wire.CHUNK_BYTES:
            send(wire.PCM, pending[: wire.CHUNK_BYTES])
            del pending[: wire.CHUNK_BYTES]
    if pending:
        send(wire.PCM, pending)
    send_json(wire.END, {"truncated": track.truncated})


def main() -> None:
    """Read the settings from the first argument, and decode under them."""
    settings = json.loads(sys.argv[1])
    limits = Limits(**settings["limits"])
    confine(limits)
    try:
        run(limits, sample_rate=settings["sample_rate"], probe_only=settings["probe_only"])
    except MediaError as refusal:
        send_json(wire.ERROR, {"reason": refusal.reason, "message": str(refusal)})
    except MemoryError:
        send_json(wire.ERROR, {"reason": MediaLimitExceeded.reason, "message": "The file needs too much memory."})
    except BrokenPipeError:
        sys.exit(1)
    except Exception as fault:
        # The last frame of a process, not a silence: the parent logs it, since nobody sees this process's own output.
        send_json(wire.FAULT, {"error": repr(fault)[:1_000]})
        raise


if __name__ == "__main__":
    main()
