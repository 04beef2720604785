"""Landlock, the kernel's way for a process to give up rights without any privilege: no files and no TCP from then on.

Interface: https://docs.kernel.org/userspace-api/landlock.html
"""

import ctypes
import struct
import sys

# The same numbers on every architecture.
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_ASK_VERSION = 1
_SET_NO_NEW_PRIVILEGES = 38

_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many kinds of access to files exist, since which version."""
_TCP_SINCE, _SCOPES_SINCE = 4, 6
_BOTH = 0b11
"""Of TCP: bind and connect. Of scopes: abstract sockets and signals."""


def version() -> int:
    """Return the version that the kernel offers; 0: none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_library().syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)))


def give_up() -> bool:
    """Deny this process everything that the kernel's version can deny, for good; say whether that worked.

    What is open stays open.
    """
    offered = version()
    if offered == 0:
        return False
    library = _library()
    rights = _FILE_RIGHTS[max(since for since in _FILE_RIGHTS if since <= offered)]
    wanted = struct.pack("<Q", (1 << rights) - 1)
    if offered >= _TCP_SINCE:
        wanted += struct.pack("<Q", _BOTH)
    if offered >= _SCOPES_SINCE:
        wanted += struct.pack("<Q", _BOTH)
    rules = library.syscall(_CREATE_RULESET, wanted, ctypes.c_size_t(len(wanted)), 0)
    if rules < 0 or library.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    # A set of rules without a rule allows nothing.
    return bool(library.syscall(_RESTRICT_SELF, rules, 0) == 0)


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None)
