"""The resampler for live audio: bare samples at telephone to studio rates become 16 kHz, piece by piece."""

from typing import Literal

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

RATES = range(8_000, 48_001)
"""Samples per second that are taken."""

Encoding = Literal["pcm_s16le", "mulaw"]


def _mulaw_table() -> NDArray[np.int16]:
    """Return the linear value of each code of ITU-T G.711 mu-law, shape `(256,)`."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


_MULAW = _mulaw_table()


class Resampler:
    """State of one stream. Any cut of the bytes into pieces gives the same samples; an odd byte waits for the next."""

    def __init__(self, sample_rate: int, *, encoding: str = "pcm_s16le", target_rate: int = 16_000) -> None:
        if sample_rate not in RATES:
            raise ValueError(f"sample rate {sample_rate} is not within {RATES.start} to {RATES.stop - 1}")
        if encoding not in {"pcm_s16le", "mulaw"}:
            raise ValueError(f"encoding {encoding!r} is neither pcm_s16le nor mulaw")
        self._sample_rate = sample_rate
        self._mulaw = encoding == "mulaw"
        self._rest = b""
        self._resampler: av.AudioResampler | None = None
        if sample_rate != target_rate:
            self._resampler = av.AudioResampler(format="s16", layout="mono", rate=target_rate)

    def push(self, data: bytes) -> bytes:
        """Take mono samples, return those that are ready: s16le at the target rate."""
        if self._mulaw:
            samples = _MULAW[np.frombuffer(data, np.uint8)]
        else:
            if self._rest or len(data) & 1:
                data = self._rest + data
                self._rest = data[len(data) & ~1 :]
            whole = len(data) & ~1
            if self._resampler is None:
                return data[:whole]
            samples = np.frombuffer(data, np.int16, whole // 2)
        if self._resampler is None or not len(samples):
            return samples.tobytes()
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = self._sample_rate
        return _joined(self._resampler.resample(frame))

    def flush(self) -> bytes:
        """Return what the filter still holds. The stream ends with it."""
        return _joined(self._resampler.resample(None)) if self._resampler is not None else b""


def _joined(frames: list[AudioFrame]) -> bytes:
    return b"".join(frame.to_ndarray().tobytes() for frame in frames)
