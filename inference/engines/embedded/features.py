"""Mel filterbank features as the voice network was trained on them."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.types import SAMPLE_RATE, Pcm

FRAMES = 150
"""Frames of a whole piece of audio."""
BINS = 80
_HOP = 160
_SPAN = 400
PIECE = (FRAMES - 1) * _HOP + _SPAN
"""Samples of a whole piece."""


def filterbank(pcm: Pcm) -> NDArray[np.float32]:
    """Return log mel energies, shape `(frames, BINS)`, at least one frame, at most `FRAMES`."""
    import kaldi_native_fbank

    samples = pcm[:PIECE].astype(np.float32) / 32768
    if len(samples) < _SPAN:
        samples = np.pad(samples, (0, _SPAN - len(samples)))
    extractor = kaldi_native_fbank.OnlineFbank(_options())
    extractor.accept_waveform(SAMPLE_RATE, samples.tolist())
    extractor.input_finished()
    return np.stack([extractor.get_frame(frame) for frame in range(extractor.num_frames_ready)])


@cache
def _options() -> Any:
    import kaldi_native_fbank

    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = SAMPLE_RATE
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = True
    options.frame_opts.window_type = "povey"
    options.mel_opts.num_bins = BINS
    return options
