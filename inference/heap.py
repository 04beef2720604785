"""The heap of the process: one for all threads, so that what one worker freed serves the others.

glibc gives each thread an arena of its own and keeps in each what was once needed there; with three workers of an
engine that is a third of the memory beside the weights (`bench --only memory`), and buys no speed.
"""

import ctypes

M_ARENA_MAX = -8
"""From glibc's malloc.h."""


def share() -> bool:
    """Use one arena from now on; before threads start. False where the C library has no such setting."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(mallopt(M_ARENA_MAX, 1))
