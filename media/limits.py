"""The bounds of one decoding, set so that what people upload passes and what is made to harm does not."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a single file may use. All are checked on what is really there, never on what a header claims."""

    seconds: float = 12 * 3600.0
    """Decoded audio."""
    bytes: int = 2 << 30
    """Size of the file."""
    streams: int = 64
    """Tracks of all kinds in the container."""
    channels: int = 8
    sample_rate: int = 192_000
    """Samples per second of the track."""
    wall_seconds: float = 900.0
    """Time spent waiting for the child; time in which the consumer keeps the child waiting does not count."""
    cpu_seconds: int = 300
    """Processor time of the child."""
    memory_bytes: int = 768 << 20
    """Address space of the child; about 150 MiB of it are the libraries."""
