"""The audit log: who was let in, refused, charged or changed, without keys, addresses or anything that was said."""

import structlog

_LOG = structlog.get_logger("audit")


def audit(event: str, **fields: str | int | None) -> None:
    """Write one line."""
    _LOG.info(f"audit_{event}", **fields)
