"""Voice activity: how likely each frame of audio holds speech."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

FRAME = 512
"""Samples of one frame: what the Silero model was trained on at 16 kHz."""
CONTEXT = 64
"""Samples before a frame that the Silero model sees with it."""

Frames: TypeAlias = NDArray[np.float32]
"""Shape `(frames, FRAME)`, -1 to 1."""
Probabilities: TypeAlias = NDArray[np.float32]
"""Shape `(frames,)`, 0 to 1."""


class VoiceDetector(Protocol):
    """The memory of one stream; frames come in order. Blocks: call it from a worker thread."""

    def __call__(self, frames: Frames) -> Probabilities:
        """Return the probability of speech in each of the next frames."""
        ...


Voices: TypeAlias = Callable[[], VoiceDetector]
"""Makes the detector of a new stream."""


class Silero:
    """Silero VAD v6 (https://github.com/snakers4/silero-vad), from the file that faster-whisper carries.

    The recurrent state and the context of the last frame are kept from call to call, so that a stream gives
    the same probabilities however it is cut into calls.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._hidden = np.zeros((1, 1, 128), np.float32)
        self._cell = np.zeros((1, 1, 128), np.float32)
        self._context = np.zeros((1, CONTEXT), np.float32)

    def __call__(self, frames: Frames) -> Probabilities:
        """Return the probability of speech in each of the next frames."""
        before = np.concatenate([self._context, frames[:-1, -CONTEXT:]])
        self._context = frames[-1:, -CONTEXT:].copy()
        inputs = {"input": np.concatenate([before, frames], axis=1), "h": self._hidden, "c": self._cell}
        scores, self._hidden, self._cell = self._session.run(None, inputs)
        return np.asarray(scores, np.float32).reshape(-1)


def silero() -> Voices:
    """Load the model once; the session is shared, its calls may run at once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread: the model is tiny, and a pool of its own would fight with the engine's for the cores.
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    model = files("faster_whisper").joinpath("assets/silero_vad_v6.onnx").read_bytes()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda: Silero(session)


class Loudness:
    """Takes whatever is louder than `threshold` (root mean square, 0 to 1) for speech. For scripted engines."""

    def __init__(self, threshold: float = 0.01) -> None:
        self._threshold = threshold

    def __call__(self, frames: Frames) -> Probabilities:
        """Return 1 for loud frames, 0 for quiet ones."""
        loudness = np.sqrt(np.mean(np.square(frames), axis=1))
        return np.asarray(loudness > self._threshold, np.float32)


def loudness() -> Voices:
    """Make detectors that know no speech, only sound."""
    return Loudness
