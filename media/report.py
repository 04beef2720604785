"""What is known of a recording: before it is decoded, by its header, and afterwards, by its samples."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Probe:
    """What the container says of itself. Claims only."""

    container_seconds: float | None
    """Length that the container claims; None where it claims none."""
    format: str
    """FFmpeg's name of the container."""
    codec: str
    """FFmpeg's name of the decoder of the chosen track."""
    channels: int
    sample_rate: int
    """Samples per second of the track as it is stored."""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a decoding."""

    duration: float
    """Seconds decoded, by the count of samples."""
    container_seconds: float | None
    """Length that the container claims; None where it claims none."""
    truncated: bool
    """Whether the file ends early or is damaged in places, so that audio is missing."""
    format: str
    codec: str
    channels: int
    sample_rate: int
