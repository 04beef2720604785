"""The channel: what a microphone or a telephone line adds to every voice alike, and how it is taken out again."""

import json
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inference.engines.embedded.networks import Embeddings, unit
from inference.types import SAMPLE_RATE, Pcm

Channel: TypeAlias = Literal["wide", "narrow", "telephone"]
Bands = NDArray[np.float32]
"""Power above 4.3 kHz and below 220 Hz beside that of the middle, in decibels; shape `(pieces, 2)`."""

_MISSING = -36.0
"""Decibels under which a band counts as cut off."""
_POINTS = 8192


def bands(pieces: list[Pcm]) -> Bands:
    """Measure the bands of each piece."""
    frequencies = np.fft.rfftfreq(_POINTS, 1 / SAMPLE_RATE)
    high = (frequencies > 4300) & (frequencies < 7800)
    middle = (frequencies > 300) & (frequencies < 3400)
    low = (frequencies > 60) & (frequencies < 220)
    measured = np.zeros((len(pieces), 2), np.float32)
    for row, pcm in enumerate(pieces):
        whole = np.pad(pcm, (0, -len(pcm) % _POINTS)).reshape(-1, _POINTS).astype(np.float32)
        power = np.square(np.abs(np.fft.rfft(whole * np.hanning(_POINTS)))).sum(axis=0)
        reference = power[middle].sum() + 1.0
        measured[row] = [10 * np.log10(power[band].sum() / reference + 1e-9) for band in (high, low)]
    return measured


def channel_of(measured: Bands) -> Channel:
    """Return the channel that most pieces came through."""
    high, low = np.median(measured, axis=0)
    if high > _MISSING:
        return "wide"
    return "narrow" if low > _MISSING else "telephone"


def centred(vectors: Embeddings, channel: Channel) -> Embeddings:
    """Subtract what all voices have in common on the channel of the recording, then what codecs and rooms add to it.

    All vectors share an offset of length 0.65: distances spread over a far wider range without it. A narrow band
    shifts it by another 0.25 to 0.4, as measured on the same voices with and without, and so does a codec or an echo,
    which nobody names: the directions of such shifts are taken out of every vector (nuisance attribute projection,
    Solomonoff et al., 2005).
    """
    means, shifts = _known()
    own = vectors - means[channel]
    return unit(np.asarray(own - own @ shifts.T @ shifts, np.float32))


@cache
def _known() -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float32]]:
    """Return the mean of each channel, and the directions of shifts, one a row, at right angles.

    The latter are the first six principal ones of the shifts that 20 voices have in common through 29 codecs, bands,
    noises and echoes, each beside the same voices as they are.
    """
    stored = json.loads(files(__package__).joinpath("graphs").joinpath("embedding_channels.json").read_bytes())
    means = {channel: np.array(mean, np.float32) for channel, mean in stored["means"].items()}
    return means, np.array(stored["shifts"], np.float32)
