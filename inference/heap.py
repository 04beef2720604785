"""The heap of the process: in huge pages, one for all threads so that what one worker freed serves the others, and
given back.

An encoder's attention over 30 s takes and frees 140 MB in each layer, which the C library asks of the system and gives
back each time. In pages of 4 KiB, clearing them took a third of the encoder's time on one thread and more on two, which
wait for each other there: 20 minutes of speech with `base` took 47 s, and 31 s in huge pages.

glibc gives each thread an arena of its own and keeps in each what was once needed there. On five minutes of speech
with `base`, one arena took the peak from 918 to 730 MiB at the same speed, and what an idle process holds after work
went from 428 to 271 MiB by giving it back, for some 2 % of the time. What is large is asked of the system by itself and
given back at once: left to itself, glibc does so from 32 MiB on, and keeps holes where the smaller of an encoder's
buffers were. With two workers on windows of 27 s that took the peak above the loaded model from 265 to 240 MiB, in the
median of eight and of four runs, for some 2 % of the time; clips of 3 to 13 s pay a tenth.
"""

import ctypes
import os
import platform
import sys
from collections.abc import Callable
from functools import cache

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""From glibc's malloc.h."""
LARGE_BYTES = 4 << 20
"""What is asked of the system by itself."""
TUNABLES = "GLIBC_TUNABLES"
HUGE_PAGES = "glibc.malloc.hugetlb"
"""The C library reads it from the environment when a program starts, and only then."""


def use_huge_pages() -> None:
    """Start this program again with huge pages asked for, unless it was; the process stays the same one.

    Without effect where the system has no transparent huge pages or another C library; `hugetlb=0` keeps them off.
    """
    tunables = os.environ.get(TUNABLES, "")
    if HUGE_PAGES in tunables or platform.libc_ver()[0] != "glibc":
        return
    environment = {**os.environ, TUNABLES: ":".join(filter(None, (tunables, f"{HUGE_PAGES}=1")))}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606  # no shell is wanted


def share() -> bool:
    """Use one arena from now on, and none for large blocks; before threads start.

    False where the C library has no such settings.
    """
    mallopt = _function("mallopt")
    return mallopt is not None and bool(mallopt(M_ARENA_MAX, 1)) and bool(mallopt(M_MMAP_THRESHOLD, LARGE_BYTES))


def trim() -> None:
    """Give back to the system what is free between what is not; some milliseconds."""
    malloc_trim = _function("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)


@cache
def _function(name: str) -> Callable[..., int] | None:
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError):
        return None
    return found
