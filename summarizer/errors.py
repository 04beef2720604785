"""The ways in which a summary is refused, each with its gRPC code and slug."""

from rpc.errors import InvalidArgument, ResourceExhausted, Unavailable


class EmptyText(InvalidArgument):
    """There is nothing to summarize."""

    reason = "empty_text"


class UnknownModel(InvalidArgument):
    """The model asked for does not answer here."""

    reason = "unknown_model"


class UnknownLanguage(InvalidArgument):
    """The language asked for has no name that a model could be told."""

    reason = "unknown_language"


class UnknownStyle(InvalidArgument):
    """A style from a later version of the contract."""

    reason = "unknown_style"


class PieceTooLarge(InvalidArgument):
    """One message holds more text than a piece may."""

    reason = "piece_too_large"


class TextTooLarge(ResourceExhausted):
    """The transcript is past the bound of this server."""

    reason = "too_large"


class QueueFull(Unavailable):
    """More work waits than this server takes on."""

    reason = "overloaded"


class ModelFetching(Unavailable):
    """The weights are still on their way."""

    reason = "model_fetching"


class ModelUnavailable(Unavailable):
    """The weights are not here and could not be fetched."""

    reason = "model_unavailable"


class EngineFailed(Unavailable):
    """The engine broke off; another try, or another replica, may do."""

    reason = "engine_failed"
