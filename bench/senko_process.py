"""senko as a peer: in a process and an environment of its own, fed by files."""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.conversations import Turns

Pcm = NDArray[np.int16]


class Senko:
    """The peer, in a process of its own."""

    def __init__(self, python: Path) -> None:
        script = Path(__file__).with_name("diarization_peer.py")
        self._process = subprocess.Popen(
            [str(python), str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.peak = 0

    def __call__(self, pcm: Pcm) -> tuple[Turns, float]:
        """Diarize a recording; gives the turns and CPU seconds."""
        assert self._process.stdin and self._process.stdout
        with tempfile.NamedTemporaryFile(suffix=".pcm") as file:
            file.write(pcm.tobytes())
            file.flush()
            self._process.stdin.write(file.name + "\n")
            self._process.stdin.flush()
            for line in self._process.stdout:
                if line.startswith('{"turns"'):
                    answer = json.loads(line)
                    self.peak = answer["peak_bytes"]
                    return [tuple(turn) for turn in answer["turns"]], answer["cpu"]
        raise RuntimeError("senko ended")

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
