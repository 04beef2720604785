"""The limits that a child puts on itself before it reads the first byte, whatever else confines it."""

import resource

from media.limits import Limits

_OPEN_FILES = 32
"""Standard streams, and the modules while they are imported."""
_SPARE_CPU_SECONDS = 5


def confine(limits: Limits) -> None:
    """Bound memory, processor time, open files, written files, processes and core dumps, for good."""
    for bound, value in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        # Counts only for a user without privileges, and for him it forbids any further process or thread.
        (resource.RLIMIT_NPROC, 0),
    ):
        _, hard = resource.getrlimit(bound)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # At the hard limit of processor time the kernel kills without a reason, at the soft one it names it.
        spare = _SPARE_CPU_SECONDS if bound == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else 0
        resource.setrlimit(bound, (allowed, allowed + spare))
