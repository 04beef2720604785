"""The audio track of a file: opened with narrow rights, decoded frame by frame. Lives in the child only."""

from collections.abc import Iterator

import av

# PyAV imports these when it opens the first file, and by then the child can open no more modules.
import av.subtitles.codeccontext
import av.subtitles.stream
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Discard, Stream

from media.containers import DEMUXERS
from media.errors import EmptyMedia, MediaLimitExceeded, MediaTooLong, NoAudioTrack, UnreadableMedia
from media.limits import Limits
from media.source import Source

_READ_BYTES = 1 << 17
_SHORT_SECONDS = 1.0
"""A track that falls short of its own claim by less is not called truncated: codecs pad and trim."""
_SHORT_PART = 0.02
_BAD_PACKETS = 2
"""Recordings that begin in the midst of a stream have a few packets that cannot be decoded."""
_BAD_PART = 0.01
_TRACK_DURATIONS = frozenset({"mov", "avi"})
"""Containers of films that say for each track how long it is."""

_GUESSED_DURATIONS = frozenset({"aac", "ac3", "amr", "dts", "eac3", "gsm", "loas", "mp3", "mpeg", "mpegts"})
"""Formats that do not say how long they are: FFmpeg guesses from the size, and a cut file seems whole."""


class OtherFileRefused(Exception):
    """A container wanted to open another file."""


class Track:
    """The audio track of an open container, decoded frame by frame to samples."""

    def __init__(self, descriptor: int, *, limits: Limits, sample_rate: int) -> None:
        self._limits = limits
        self._rate = sample_rate
        self._broke_off = False
        self._packets = 0
        self._bad_packets = 0
        self._picture_end = 0.0
        self.samples = 0
        source = Source(descriptor)
        self._cut = source.is_cut()
        try:
            container = av.open(
                source,
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
        except (av.error.FFmpegError, ValueError, OtherFileRefused) as error:
            raise UnreadableMedia(
                "This is no audio or video file that can be read, or its index is missing."
            ) from error
        self._container = container
        streams = container.streams
        if len(streams) > limits.streams:
            raise MediaLimitExceeded(f"The file has more than {limits.streams} tracks.")
        if not streams.audio:
            raise NoAudioTrack("The file has no audio track.")
        # PyAV's types deny it, but a track whose codec is unknown has no context.
        known = [stream for stream in streams.audio if stream.codec_context is not None]
        best = streams.best("audio")
        audio = best if isinstance(best, AudioStream) and best in known else next(iter(known), None)
        if audio is None:
            raise UnreadableMedia("The sound is in a form that cannot be decoded here.")
        self._stream = audio
        self._claims = container.format.name not in _GUESSED_DURATIONS or source.counts_frames()
        self._read: list[Stream] = [audio]
        self._own_duration = not streams.video or container.format.name.split(",")[0] in _TRACK_DURATIONS
        if not self._own_duration:
            # Only the container says how long it is: the pictures tell a cut file from one whose sound is shorter.
            self._read += streams.video[:1]
        for stream in streams:
            if stream not in self._read:
                stream.discard = Discard.all
        self._check(audio.codec_context.sample_rate, audio.codec_context.channels)
        audio.codec_context.thread_count = 1

    def describe(self) -> dict[str, object]:
        """Return the fields of a `Probe`."""
        context = self._stream.codec_context
        duration = self._container.duration or 0
        return {
            "container_seconds": duration / av.time_base if duration > 0 else None,
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
                    yield from self._out(self._resample(resampler, None))
                    resampler = self._resampler()
            frame.pts = None
            yield from self._out(self._resample(resampler, frame))
        if shape is not None:
            yield from self._out(self._resample(resampler, None))
        if self.samples == 0:
            raise EmptyMedia("The audio track is empty.")

    def _resampler(self) -> av.AudioResampler:
        return av.AudioResampler(format="s16", layout="mono", rate=self._rate)

    def _resample(self, resampler: av.AudioResampler, frame: AudioFrame | None) -> list[AudioFrame]:
        try:
            return resampler.resample(frame)
        except MemoryError:
            raise
        except (av.error.FFmpegError, ValueError):
            self._bad_packets += 1
            return []

    def _frames(self) -> Iterator[AudioFrame]:
        try:
            for packet in self._container.demux(self._read):
                if packet.stream is self._stream:  # the last, empty packet has a stream but not its index
                    yield from self._decode(packet)
                elif packet.pts is not None and packet.time_base:
                    self._picture_end = max(self._picture_end, float(packet.pts * packet.time_base))
        except MemoryError:
            raise MediaLimitExceeded("The file needs too much memory.") from None
        except (av.error.FFmpegError, ValueError, OtherFileRefused):
            # What stands before the damage is good.
            self._broke_off = True
        except IndexError:
            # PyAV stumbles at the end of a file over tracks that began in its midst, once it has given us all of ours.
            return

    def _decode(self, packet: "Packet[Stream]") -> Iterator[AudioFrame]:
        self._packets += 1
        try:
            for frame in packet.decode():
                if isinstance(frame, AudioFrame):
                    yield frame
        except MemoryError:
            raise
        except (av.error.FFmpegError, ValueError):
            self._bad_packets += 1

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
        """Whether samples are missing: the file is cut or damaged in places, or falls short of what it claims."""
        heard = self.samples / self._rate
        if self._own_duration and self._stream.duration and self._stream.time_base:
            claimed = float(self._stream.duration * self._stream.time_base)
        else:
            claimed = (self._container.duration or 0) / av.time_base
            heard = max(heard, self._picture_end - (self._container.start_time or 0) / av.time_base)
        damaged = self._bad_packets > max(_BAD_PACKETS, _BAD_PART * self._packets)
        short = self._claims and claimed - heard > max(_SHORT_SECONDS, _SHORT_PART * claimed)
        return self._cut or self._broke_off or damaged or short


def _refuse(url: str, flags: int, options: dict[str, str]) -> object:
    raise OtherFileRefused(url)


def _audio_decoders() -> list[str]:
    return [name for name in av.codecs_available if _decodes_audio(name)]


def _decodes_audio(name: str) -> bool:
    try:
        return av.Codec(name, "r").type == "audio"
    except ValueError:
        return False
