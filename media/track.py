"""The audio track of a file: opened with narrow rights, decoded frame by frame. Lives in the child only."""

import os
from collections.abc import Iterator

import av
from av.audio.frame import AudioFrame
from av.stream import Discard

from media.containers import DEMUXERS
from media.errors import EmptyMedia, MediaLimitExceeded, MediaTooLong, NoAudioTrack, UnreadableMedia
from media.limits import Limits

_READ_BYTES = 1 << 17
_SHORT_SECONDS = 1.0
"""A track that falls short of its own claim by less is not called truncated: codecs pad and trim."""
_SHORT_PART = 0.02


class Source:
    """A file by its descriptor, read at positions of our own: the parent shares the descriptor's."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0
        self._size = os.fstat(descriptor).st_size

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes."""
        data = os.pread(self._descriptor, size, self._position)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move, and return the new position."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position


class Track:
    """The audio track of an open container, decoded frame by frame to samples."""

    def __init__(self, descriptor: int, *, limits: Limits, sample_rate: int) -> None:
        self._limits = limits
        self._rate = sample_rate
        self._damaged = False
        self.samples = 0
        try:
            container = av.open(
                Source(descriptor),
                mode="r",
                metadata_errors="ignore",
                buffer_size=_READ_BYTES,
                io_open=_refuse,
                container_options={
                    "format_whitelist": ",".join(DEMUXERS),
                    "protocol_whitelist": "none",
                    # Video is never decoded, not even to find out its size: only these decoders may be opened.
                    "codec_whitelist": ",".join(_audio_decoders()),
                    "max_streams": str(limits.streams + 1),
                },
            )
        except MemoryError:
            raise MediaLimitExceeded("The file has too many tracks or needs too much memory.") from None
        except (av.error.FFmpegError, ValueError, EOFError, OSError) as error:
            raise UnreadableMedia(
                "This is no audio or video file that can be read, or its index is missing."
            ) from error
        self._container = container
        streams = container.streams
        if len(streams) > limits.streams:
            raise MediaLimitExceeded(f"The file has more than {limits.streams} tracks.")
        audio = streams.best("audio")
        if audio is None or not isinstance(audio, av.AudioStream):
            raise NoAudioTrack("The file has no audio track.")
        for stream in streams:
            if stream is not audio:
                stream.discard = Discard.all
        self._stream = audio
        self._check(audio.codec_context.sample_rate, audio.codec_context.channels)
        audio.codec_context.thread_count = 1

    def describe(self) -> dict[str, object]:
        """Return the fields of a `Probe`."""
        context = self._stream.codec_context
        return {
            "container_seconds": self._container.duration / av.time_base if self._container.duration else None,
            "format": self._container.format.name,
            "codec": context.name,
            "channels": context.channels,
            "sample_rate": context.sample_rate or 0,
        }

    def pcm(self) -> Iterator[memoryview]:
        """Yield samples, s16le mono, in pieces as they come."""
        resampler = self._resampler()
        shape = None
        for frame in self._frames():
            before, shape = shape, (frame.format.name, frame.layout.name, frame.sample_rate)
            if before != shape:
                self._check(frame.sample_rate, frame.layout.nb_channels)
                if before is not None:
                    yield from self._out(resampler.resample(None))
                    resampler = self._resampler()
            frame.pts = None
            yield from self._out(resampler.resample(frame))
        if shape is not None:
            yield from self._out(resampler.resample(None))
        if self.samples == 0:
            raise EmptyMedia("The audio track is empty.")

    def _resampler(self) -> av.AudioResampler:
        return av.AudioResampler(format="s16", layout="mono", rate=self._rate)

    def _frames(self) -> Iterator[AudioFrame]:
        try:
            for packet in self._container.demux(self._stream):
                try:
                    yield from packet.decode()
                except (av.error.FFmpegError, ValueError):
                    self._damaged = True
        except MemoryError:
            raise MediaLimitExceeded("The file needs too much memory.") from None
        except (av.error.FFmpegError, OSError, ValueError):
            # What stands before the damage is good.
            self._damaged = True

    def _out(self, frames: list[AudioFrame]) -> Iterator[memoryview]:
        for frame in frames:
            self.samples += frame.samples
            if self.samples > self._limits.seconds * self._rate:
                raise MediaTooLong(f"The recording is longer than {self._limits.seconds / 60:g} minutes.")
            yield memoryview(frame.planes[0])[: 2 * frame.samples]

    def _check(self, sample_rate: int, channels: int) -> None:
        if channels > self._limits.channels:
            raise MediaLimitExceeded(f"The audio has {channels} channels; {self._limits.channels} are allowed.")
        if sample_rate > self._limits.sample_rate:
            raise MediaLimitExceeded(f"The audio has {sample_rate} Hz; {self._limits.sample_rate} Hz are allowed.")

    @property
    def truncated(self) -> bool:
        """Whether samples are missing, by damage met or by what the track claims."""
        stream = self._stream
        claimed = 0.0
        if stream.duration and stream.time_base:
            claimed = float(stream.duration * stream.time_base)
        elif self._container.duration and not self._container.streams.video:
            claimed = self._container.duration / av.time_base
        missing = claimed - self.samples / self._rate
        return self._damaged or missing > max(_SHORT_SECONDS, _SHORT_PART * claimed)


def _refuse(url: str, flags: int, options: dict[str, str]) -> object:
    raise PermissionError(f"a container may not open {url!r}")


def _audio_decoders() -> list[str]:
    return [name for name in av.codecs_available if _decodes_audio(name)]


def _decodes_audio(name: str) -> bool:
    try:
        return av.Codec(name, "r").type == "audio"
    except ValueError:
        return False
