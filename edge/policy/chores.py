"""Chores: many things of one kind that have to be done, each whatever becomes of the others."""

import contextlib
from collections.abc import Iterator

import structlog

from edge.policy.database import DatabaseBusy, DatabaseGone

LOG = structlog.get_logger(__name__)


@contextlib.contextmanager
def one_of_many(chore: str, **which: str) -> Iterator[None]:
    """Do one of many: if it cannot be done it is logged, and left for the next time.

    Raises `DatabaseGone` if none of them could be done just now.
    """
    try:
        yield
    except DatabaseBusy:
        LOG.warning("locked", chore=chore, **which)
    except DatabaseGone:
        raise
    except Exception:
        # It waits for somebody to look at it; the others need not.
        LOG.exception("chore_failed", chore=chore, **which)
