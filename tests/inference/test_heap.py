"""One heap for all threads."""

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
