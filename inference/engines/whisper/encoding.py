"""The encoding half of the model."""

import threading
from collections.abc import Sequence

import ctranslate2
import numpy as np
from numpy.typing import NDArray

LONG_FRAMES = 2_500
"""Mel frames from which on the attention of a window takes much memory: 70 MiB for 30 s."""


class Encoder:
    """Encodes spectra of one length; shared by threads.

    On a CPU half of the workers encode long windows at a time, while the others decode: about half of the time goes
    into either, so that hardly anybody waits, and the memory of attention is needed by half as many.
    """

    def __init__(self, model: ctranslate2.models.Whisper, *, workers: int) -> None:
        self._model = model
        self._turns = threading.BoundedSemaphore((workers + 1) // 2)

    def __call__(self, mels: Sequence[NDArray[np.float32]]) -> ctranslate2.StorageView:
        """Encoder output of shape `(rows, frames / 2, width)` for spectra of shape `(bands, frames)`."""
        if self._model.device != "cpu":
            return self._model.encode(ctranslate2.StorageView.from_array(np.stack(mels)))
        # The encoder fills a core with one window, and the attention of 30 s takes 70 MiB for each: nothing is won
        # by more at once. The decoder is where a batch pays.
        alone = [self._encoded(mel[None]) for mel in mels]
        if len(alone) == 1:
            return alone[0]
        return ctranslate2.StorageView.from_array(np.concatenate([np.asarray(each) for each in alone]))

    def _encoded(self, mel: NDArray[np.float32]) -> ctranslate2.StorageView:
        if mel.shape[-1] < LONG_FRAMES:
            return self._model.encode(ctranslate2.StorageView.from_array(mel))
        with self._turns:
            return self._model.encode(ctranslate2.StorageView.from_array(mel))
