"""The encoding half of the model."""

import threading
from collections.abc import Sequence
from contextlib import nullcontext

import ctranslate2
import numpy as np
from numpy.typing import NDArray

LONG_FRAMES = 2_500
"""Spectra of at least this length are encoded one after the other on a CPU."""


class Encoder:
    """Encodes spectra of one length; shared by threads."""

    def __init__(self, model: ctranslate2.models.Whisper) -> None:
        self._model = model
        self._turn = threading.Lock()

    def __call__(self, mels: Sequence[NDArray[np.float32]]) -> ctranslate2.StorageView:
        """Encoder output of shape `(rows, frames / 2, width)` for spectra of shape `(bands, frames)`."""
        if self._model.device != "cpu":
            return self._model.encode(ctranslate2.StorageView.from_array(np.stack(mels)))
        # One window fills a core, and nothing is won by more at once. The decoder is where a batch pays.
        alone = [self._alone(mel) for mel in mels]
        if len(alone) == 1:
            return alone[0]
        return ctranslate2.StorageView.from_array(np.concatenate([np.asarray(each) for each in alone]))

    def _alone(self, mel: NDArray[np.float32]) -> ctranslate2.StorageView:
        # The attention of 30 s takes some 150 MiB while it is made: workers take turns, and others decode meanwhile.
        with self._turn if mel.shape[1] >= LONG_FRAMES else nullcontext():
            return self._model.encode(ctranslate2.StorageView.from_array(mel[None]))
