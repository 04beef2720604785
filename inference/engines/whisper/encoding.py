"""The encoding half of the model."""

from collections.abc import Sequence

import ctranslate2
import numpy as np
from numpy.typing import NDArray


class Encoder:
    """Encodes spectra of one length; immutable and shared by threads."""

    def __init__(self, model: ctranslate2.models.Whisper) -> None:
        self._model = model

    def __call__(self, mels: Sequence[NDArray[np.float32]]) -> ctranslate2.StorageView:
        """Encoder output of shape `(rows, frames / 2, width)` for spectra of shape `(bands, frames)`."""
        if self._model.device != "cpu":
            return self._model.encode(ctranslate2.StorageView.from_array(np.stack(mels)))
        # The encoder fills a core with one window, and the attention of 30 s takes 70 MiB for each: nothing is won
        # by more at once. The decoder is where a batch pays.
        alone = [self._model.encode(ctranslate2.StorageView.from_array(mel[None])) for mel in mels]
        if len(alone) == 1:
            return alone[0]
        return ctranslate2.StorageView.from_array(np.concatenate([np.asarray(each) for each in alone]))
