"""Log-mel features of a window, at an encoder length that depends on that window alone."""

import math

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray

from inference.types import Window

FRAMES_PER_SECOND = 100
FULL_SECONDS = 30
SHORTEST = 1600
"""Samples that a spectrum needs at least; shorter audio is filled with silence."""
FULL_FRAMES = FULL_SECONDS * FRAMES_PER_SECOND


def context_frames(duration: float, *, pad: float, step: float) -> int:
    """Mel frames that the encoder is given for `duration` seconds of audio.

    `pad` seconds of silence follow the audio, and the sum is rounded up to a multiple of `step`, so that windows of
    about the same length share a batch and none is padded by its neighbours. Never more than Whisper's 30 s.
    """
    steps = math.ceil((duration + pad) / step)
    return min(FULL_FRAMES, round(steps * step * FRAMES_PER_SECOND))


class Features:
    """Whisper's log-mel spectrogram, padded with the silence it was trained on."""

    def __init__(self, bands: int) -> None:
        self._extractor = FeatureExtractor(feature_size=bands)

    def log_mel(self, window: Window, frames: int, *, blank: bool = False) -> NDArray[np.float32]:
        """Features of shape `(bands, frames)`, float32; what follows the audio is silence, or zeros if `blank`."""
        waveform = window.heard[: frames * self._extractor.hop_length].astype(np.float32) / 32768
        if len(waveform) < SHORTEST:
            waveform = np.pad(waveform, (0, SHORTEST - len(waveform)))
        mel = self._extractor(waveform)[:, :frames]
        # What digital silence would give beside this audio: Whisper floors at 8 decades under the loudest bin.
        silence = 0.0 if blank else max(-1.5, float(mel.max()) - 2.0)
        padded = np.full((mel.shape[0], frames), silence, dtype=np.float32)
        padded[:, : mel.shape[1]] = mel
        return padded
