"""Recordings for the tests of media, made on the spot: sound ones in every container, and ones made to harm."""

import struct
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np

from tests.audio import RATE, Pcm

CONTAINERS = {
    # suffix: (muxer, audio encoder, sample rate, with a video track)
    "mp3": ("mp3", "mp3", 44_100, False),
    "wav": ("wav", "pcm_s16le", 16_000, False),
    "flac": ("flac", "flac", 16_000, False),
    "ogg": ("ogg", "flac", 16_000, False),
    "m4a": ("ipod", "aac", 44_100, False),
    "aac": ("adts", "aac", 44_100, False),
    "opus": ("opus", "libopus", 48_000, False),
    "wma": ("asf", "wmav2", 44_100, False),
    "mp4": ("mp4", "aac", 48_000, True),
    "webm": ("webm", "libopus", 48_000, True),
    "mkv": ("matroska", "ac3", 48_000, True),
    "avi": ("avi", "mp3", 44_100, True),
    "mov": ("mov", "pcm_s16le", 48_000, True),
    "wmv": ("asf", "wmav2", 44_100, True),
    "mpg": ("mpeg", "mp2", 44_100, True),
    "mpeg": ("mpegts", "mp2", 48_000, True),
}
"""The formats of the public contract."""

_VIDEO = {"webm": "libvpx", "mpeg": "mpeg2video", "mpegts": "mpeg2video"}


def write_recording(
    path: Path,
    pcm: Pcm,
    suffix: str,
    *,
    film_seconds: float | None = None,
    bit_rate: int = 64_000,
    options: dict[str, str] | None = None,
) -> Path:
    """Encode 16 kHz mono samples as a file of that kind, with pictures where it is a film: as long, unless said."""
    seconds = len(pcm) / RATE if film_seconds is None else film_seconds
    muxer, encoder, rate, has_video = CONTAINERS[suffix]
    with av.open(str(path), "w", format=muxer, options=options) as container:
        audio = container.add_stream(encoder, rate=rate, layout="mono")
        assert isinstance(audio, av.AudioStream)
        audio.bit_rate = bit_rate
        audio.codec_context.open()
        if has_video and seconds:
            _add_picture(container, _VIDEO.get(muxer, "mpeg4"), frames=int(25 * seconds))
        resampler = av.AudioResampler(format=audio.codec_context.format.name, layout="mono", rate=rate)
        frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            piece.pts = None
            container.mux(audio.encode(piece))
        # FFmpeg's FLAC encoder ends with a packet that has no samples; Ogg does not take it, FLAC needs it.
        container.mux([packet for packet in audio.encode(None) if packet.size or muxer == "flac"])
    return path


def _add_picture(container: av.container.OutputContainer, encoder: str, *, frames: int) -> None:
    options = {"deadline": "realtime", "cpu-used": "8"} if encoder == "libvpx" else {}
    video = container.add_stream(encoder, rate=25, options=options)
    assert isinstance(video, av.VideoStream)
    video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
    video.codec_context.thread_count = 1
    black = _black(64)
    for number in range(frames):
        black.pts = number
        container.mux(video.encode(black))
    container.mux(video.encode(None))


def _black(side: int) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.zeros((side, side, 3), np.uint8), format="rgb24").reformat(format="yuv420p")


def write_film_without_sound(path: Path) -> Path:
    with av.open(str(path), "w", format="mp4") as container:
        _add_picture(container, "mpeg4", frames=25)
    return path


def write_tracks(path: Path, tracks: Sequence[Pcm]) -> Path:
    """Write a film's container with several tracks of sound beside each other."""
    with av.open(str(path), "w", format="matroska") as container:
        streams = [container.add_stream("pcm_s16le", rate=RATE, layout="mono") for _ in tracks]
        for stream, pcm in zip(streams, tracks, strict=True):
            assert isinstance(stream, av.AudioStream)
            frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate = RATE
            container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def write_silent_flac(path: Path, hours: float, *, rate: int = 16_000, channels: int = 1) -> Path:
    """Write hours of silence in a few hundred kilobytes: constant subframes, the largest blocks, by hand."""
    block = 65_535
    blocks = round(hours * 3600 * rate / block)
    bits = (rate << 44) | ((channels - 1) << 41) | (15 << 36) | (blocks * block)
    information = struct.pack(">HH", block, block) + bytes(6) + bits.to_bytes(8, "big") + bytes(16)
    with path.open("wb") as file:
        file.write(b"fLaC" + bytes([0x80, 0, 0, len(information)]) + information)
        for number in range(blocks):
            header = bytes([0xFF, 0xF8, 0x70, (channels - 1) << 4]) + _utf8(number) + struct.pack(">H", block - 1)
            header += bytes([_crc(header, 8, 0x07)])
            frame = header + channels * bytes([0, 0, 0])
            file.write(frame + _crc(frame, 16, 0x8005).to_bytes(2, "big"))
    return path


def write_long_film(path: Path, sound: Path) -> Path:
    """Write a film with a picture every minute for as long as the sound lasts."""
    with av.open(str(sound)) as origin, av.open(str(path), "w", format="matroska") as container:
        track = origin.streams.audio[0]
        audio = container.add_stream_from_template(track)
        video = container.add_stream("mpeg4", rate=1)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 16, 16, "yuv420p"
        black, minute = _black(16), 0
        for packet in origin.demux(track):
            if packet.pts is None or track.time_base is None:
                continue
            while minute * 60 <= packet.pts * track.time_base:
                black.pts = minute * 60
                container.mux(video.encode(black))
                minute += 1
            packet.stream = audio
            container.mux(packet)
        container.mux(video.encode(None))
    return path


def write_many_tracks(path: Path, tracks: int) -> Path:
    """Write an AVI file whose header has that many audio tracks, by hand."""
    header = b"auds" + bytes(16) + struct.pack("<IIIIIIIIHHHH", 1, 16_000, 0, 100, 1_024, 0, 2, 0, 0, 0, 0, 0)[:44]
    form = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)
    strl = _chunk(b"LIST", b"strl" + _chunk(b"strh", header) + _chunk(b"strf", form))
    avih = struct.pack("<14I", 40_000, 0, 0, 0x10, 100, 0, tracks, 0, 0, 0, 0, 0, 0, 0)
    hdrl = _chunk(b"LIST", b"hdrl" + _chunk(b"avih", avih) + strl * tracks)
    movi = _chunk(b"LIST", b"movi" + _chunk(b"00wb", bytes(3_200)) * 10)
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(hdrl) + len(movi)) + b"AVI " + hdrl + movi)
    return path


def _chunk(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack("<I", len(payload)) + payload + bytes(len(payload) % 2)


def _crc(data: bytes, width: int, polynomial: int) -> int:
    value = 0
    top, mask = 1 << (width - 1), (1 << width) - 1
    for byte in data:
        value ^= byte << (width - 8)
        for _ in range(8):
            value = ((value << 1) ^ polynomial if value & top else value << 1) & mask
    return value


def _utf8(number: int) -> bytes:
    return chr(number).encode("utf-8", "surrogatepass") if number < 0x110000 else b""
