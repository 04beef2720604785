import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.resample import Resampler
from tests.audio import RATE, Pcm, tone


def at_rate(rate: int, seconds: float = 0.5) -> Pcm:
    times = np.arange(round(seconds * rate)) / rate
    return (8_000 * np.sin(2 * np.pi * 440 * times)).astype(np.int16)


def mulaw(pcm: Pcm) -> bytes:
    """Encode with FFmpeg's encoder, which is not ours."""
    encoder = av.CodecContext.create("pcm_mulaw", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.format, encoder.layout = 8_000, "s16", "mono"
    frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = 8_000
    return b"".join(bytes(packet) for packet in encoder.encode(frame))


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000])
def test_a_tone_stays_the_same_tone(rate: int) -> None:
    resampler = Resampler(rate)
    out = np.frombuffer(resampler.push(at_rate(rate).tobytes()) + resampler.flush(), np.int16)
    expected = at_rate(RATE)
    assert abs(len(out) - len(expected)) <= 2
    length = min(len(out), len(expected))
    # The edges of the filter are left out.
    difference = (out[:length] - expected[:length].astype(np.int32))[200:-200]
    assert np.abs(difference).max() < 100


@settings(deadline=None, max_examples=30)
@given(
    rate=st.sampled_from([8_000, 16_000, 44_100, 48_000]),
    encoding=st.sampled_from(["pcm_s16le", "mulaw"]),
    sizes=st.lists(st.integers(1, 997), min_size=1, max_size=20),
)
def test_any_cut_gives_the_same_samples(rate: int, encoding: str, sizes: list[int]) -> None:
    data = at_rate(rate, 0.2).tobytes()
    whole = Resampler(rate, encoding=encoding)
    expected = whole.push(data) + whole.flush()
    pieces, position = Resampler(rate, encoding=encoding), 0
    out = b""
    while position < len(data):
        size = sizes[position % len(sizes)]
        out += pieces.push(data[position : position + size])
        position += size
    assert out + pieces.flush() == expected


def test_mulaw_is_what_others_encode() -> None:
    pcm = np.concatenate([at_rate(8_000), np.array([0, 1, -1, 32_767, -32_768, 12_345, -12_345], np.int16)])
    decoded = np.frombuffer(Resampler(8_000, encoding="mulaw", target_rate=8_000).push(mulaw(pcm)), np.int16)
    error = np.abs(decoded.astype(np.int32) - pcm)
    # Quantisation steps grow with the level, up to 1024 at full scale.
    assert (error <= np.maximum(16, np.abs(pcm.astype(np.int32)) // 16 + 16)).all()


def test_nothing_is_held_back_at_the_same_rate() -> None:
    resampler = Resampler(RATE)
    pcm = tone(0.1).tobytes()
    assert resampler.push(pcm[:1]) == b""
    assert resampler.push(pcm[1:]) == pcm
    assert resampler.flush() == b""


@pytest.mark.parametrize("rate", [0, 7_999, 48_001, 192_000])
def test_other_rates_are_refused(rate: int) -> None:
    with pytest.raises(ValueError, match="sample rate"):
        Resampler(rate)


def test_other_encodings_are_refused() -> None:
    with pytest.raises(ValueError, match="neither"):
        Resampler(8_000, encoding="opus")
