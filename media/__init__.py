"""Any audio or video bytes to 16 kHz mono PCM, in a sandboxed child; knows no gRPC."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from media.decoder import Decoder, decode, probe
    from media.errors import (
        EmptyMedia,
        MediaError,
        MediaLimitExceeded,
        MediaTimeout,
        MediaTooLong,
        NoAudioTrack,
        UnreadableMedia,
    )
    from media.limits import Limits
    from media.report import Probe, Report

_HOMES = {
    "media.decoder": ("Decoder", "decode", "probe"),
    "media.errors": (
        "EmptyMedia",
        "MediaError",
        "MediaLimitExceeded",
        "MediaTimeout",
        "MediaTooLong",
        "NoAudioTrack",
        "UnreadableMedia",
    ),
    "media.limits": ("Limits",),
    "media.report": ("Probe", "Report"),
}

__all__ = [
    "Decoder",
    "EmptyMedia",
    "Limits",
    "MediaError",
    "MediaLimitExceeded",
    "MediaTimeout",
    "MediaTooLong",
    "NoAudioTrack",
    "Probe",
    "Report",
    "UnreadableMedia",
    "decode",
    "probe",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: the child imports this package too, and must start quickly."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
