"""Why bytes cannot be made into audio: one class a reason, each with the slug that callers show.

- MediaError
  - EmptyMedia: no bytes, or a track without a sample
  - UnreadableMedia: not a container that is read here, damaged beyond use, or not a file
  - NoAudioTrack: a container without sound
  - MediaTooLong: more decoded seconds than allowed
  - MediaLimitExceeded: another bound: bytes, streams, channels, sample rate, memory
  - MediaTimeout: too much time for what it is
"""

from typing import ClassVar


class MediaError(Exception):
    """The media cannot be decoded; the message is meant for the person who sent it."""

    reason: ClassVar[str] = "media_error"


class EmptyMedia(MediaError):
    """There is nothing in it."""

    reason = "empty_media"


class UnreadableMedia(MediaError):
    """It is no audio or video that can be read."""

    reason = "unreadable_media"


class NoAudioTrack(MediaError):
    """It can be read and holds no sound."""

    reason = "no_audio_track"


class MediaTooLong(MediaError):
    """It lasts longer than allowed, by what was decoded."""

    reason = "media_too_long"


class MediaLimitExceeded(MediaError):
    """It is beyond a bound other than length and time."""

    reason = "media_limit"


class MediaTimeout(MediaError):
    """Decoding took more processor or wall time than allowed."""

    reason = "media_timeout"


_KINDS = (EmptyMedia, UnreadableMedia, NoAudioTrack, MediaTooLong, MediaLimitExceeded, MediaTimeout)


def by_reason(reason: str, message: str) -> MediaError:
    """Return the error that a child named by its slug."""
    return next((kind for kind in _KINDS if kind.reason == reason), UnreadableMedia)(message)
