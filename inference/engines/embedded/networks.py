"""The two networks of the engine, run by ONNX Runtime: who is active where in 10 s, and what a voice is like."""

import gzip
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.engines.embedded.checkpoint import Tensors, read_tensors
from inference.engines.embedded.features import FRAMES, filterbank
from inference.types import Pcm

WINDOW = 160_000
"""Samples that the segmentation network sees at once: what it was trained on."""
HOP = 270
"""Samples between two of its frames."""
CENTRE = 495
"""Sample in the middle of what frame 0 sees."""
WINDOW_FRAMES = 589
"""Frames of one window."""
VOICES = 3
"""Voices that it can tell apart inside a window."""

_SETS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], np.float32)
"""The powerset classes of the segmentation network: who is active in each."""

Activity = NDArray[np.float32]
"""Probability that a voice is active, shape `(frames, VOICES)`."""
Embeddings = NDArray[np.float32]
"""Unit vectors, one row a window."""


class Segmenter:
    """pyannote segmentation-3.0 (Plaquet and Bredin, 2023: powerset classes over at most 2 of 3 voices)."""

    def __init__(self, checkpoint: Path, *, threads: int = 1) -> None:
        self._session = _session("segmentation", read_tensors(checkpoint), threads=threads)

    def __call__(self, windows: NDArray[np.int16]) -> NDArray[np.float32]:
        """Return the probability of each voice in each frame, shape `(windows, frames, VOICES)`."""
        samples = windows[:, None].astype(np.float32) / 32768
        (scores,) = self._session.run(None, {"x": samples})
        return np.asarray(np.exp(scores) @ _SETS, np.float32)


class Embedder:
    """CAM++ (Wang et al., 2023), 192 numbers a voice."""

    def __init__(self, checkpoint: Path, *, threads: int = 1) -> None:
        self._session = _session("embedding", read_tensors(checkpoint), threads=threads)

    def __call__(self, pieces: list[Pcm]) -> Embeddings:
        """Return one unit vector a piece of about 1.5 s; a shorter piece is repeated until it is as long."""
        features = np.stack([_repeated(filterbank(piece)) for piece in pieces])
        (vectors,) = self._session.run(None, {"x": features})
        return unit(vectors)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale rows to length 1."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)


def _repeated(features: NDArray[np.float32]) -> NDArray[np.float32]:
    # One length for all, so that a window's vector does not depend on its neighbours in the batch.
    centred = features - features.mean(axis=0)
    return np.resize(centred, (FRAMES, centred.shape[1]))


def _resource(name: str) -> bytes:
    return files(__package__).joinpath("graphs").joinpath(name).read_bytes()


def _session(name: str, tensors: Tensors, *, threads: int) -> Any:
    """Join the graph, which is ours, with the weights, which are not."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Batches differ in size: the arena would keep the largest of each.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    # Named, because the session does not keep the values alive while it is being made.
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(tensor) for tensor in tensors.values()]
    options.add_external_initializers(list(tensors), values)
    graph = gzip.decompress(_resource(f"{name}.onnx.gz"))
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
