"""One heap for all threads."""

import os
import platform
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, threading
from inference import heap
if not heap.share():
    raise SystemExit(3)
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
def allocate():
    for _ in range(100):
        libc.malloc(10_000)
threads = [threading.Thread(target=allocate) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.malloc_stats()
"""


def test_threads_share_one_arena() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True, timeout=60)
    if done.returncode == 3:
        pytest.skip("this C library has no arenas")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("Arena")] == ["Arena 0:"]


LARGE = """
import ctypes
from inference import heap
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd a b c d e".split()]
if not heap.share():
    raise SystemExit(3)
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
libc.mallinfo2.restype = Info
for size in (24 << 20, 5 << 20):
    before = libc.mallinfo2().hblks
    block = libc.malloc(size)
    print(libc.mallinfo2().hblks - before)
    libc.free(block)
    print(libc.mallinfo2().hblks - before)
"""


def test_large_blocks_are_given_back_whatever_was_freed_before() -> None:
    done = subprocess.run([sys.executable, "-c", LARGE], check=False, capture_output=True, text=True, timeout=60)
    if done.returncode == 3:
        pytest.skip("this C library has no such setting")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1", "0", "1", "0"]


ASKING = """
import os
from inference import heap
heap.use_huge_pages()
print(os.environ["GLIBC_TUNABLES"])
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
@pytest.mark.parametrize(
    ("set_before", "then"),
    [
        ("", "glibc.malloc.hugetlb=1"),
        ("glibc.malloc.arena_max=2", "glibc.malloc.arena_max=2:glibc.malloc.hugetlb=1"),
        ("glibc.malloc.hugetlb=0", "glibc.malloc.hugetlb=0"),
    ],
)
def test_a_program_starts_again_with_huge_pages_unless_they_were_refused(set_before: str, then: str) -> None:
    environment = {**os.environ, "GLIBC_TUNABLES": set_before}
    done = subprocess.run(
        [sys.executable, "-c", ASKING], env=environment, check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == [then]
