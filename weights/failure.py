"""What a single source can say instead of giving a file; the store makes one error of all of them."""

import errno

BLOCK = 1 << 20
"""Bytes read or written at once."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class SourceFailure(Exception):
    """The source does not have the file now; the next one is tried."""


class CorruptSource(SourceFailure):
    """The source has something else under that name; the next one is tried."""


class NoRoom(Exception):
    """There is no room for the file; another source would not help."""


def is_no_room(error: OSError) -> bool:
    """Say whether the error means a full disk, quota or file size limit."""
    return error.errno in _NO_ROOM
