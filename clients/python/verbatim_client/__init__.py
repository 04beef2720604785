"""A client of a Verbatim server: recordings, live audio, summaries."""

from verbatim_client.client import Client
from verbatim_client.errors import (
    BadRequest,
    NoCredits,
    ServerError,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    VerbatimError,
)
from verbatim_client.stream import Stream

__all__ = [
    "BadRequest",
    "Client",
    "NoCredits",
    "ServerError",
    "Stream",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "VerbatimError",
]
