import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from media import Limits, MediaError, MediaLimitExceeded, MediaTimeout, MediaTooLong, UnreadableMedia, decode, probe
from media.sandbox import RLIMITS, Sandbox, best
from tests.audio import silence
from tests.media.recordings import write_recording, write_silent_flac

PATIENCE_SECONDS = 60


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def descriptors() -> set[str]:
    """Name what is open in this process."""
    return {str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.exists()}


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    """Whatever a test does to a child, no process and no descriptor stays."""
    before = {process.pid for process in children()}
    opened = descriptors()
    yield
    async with asyncio.timeout(PATIENCE_SECONDS):
        while any(process.pid not in before for process in children()) or any(
            name.startswith("pipe:") for name in descriptors() - opened
        ):
            await asyncio.sleep(0.02)


@pytest.fixture(params=["bare", "bubblewrap"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Return each sandbox in turn; the strong one where the machine has it."""
    chosen = RLIMITS if request.param == "bare" else best()
    if request.param == "bubblewrap" and chosen.name != "bubblewrap":
        pytest.skip("SYSTEM TOOL MISSING: bwrap, or it may not be used here")
    return chosen


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "recording.wav", silence(3), "wav")


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    return write_silent_flac(tmp_path / "endless.flac", 11)


async def test_each_sandbox_decodes(sandbox: Sandbox, recording: Path) -> None:
    async with decode(recording, sandbox=sandbox) as decoder:
        assert sum([len(chunk) async for chunk in decoder]) == 3 * 32_000
    assert decoder.report.duration == 3
    assert (await probe(recording, sandbox=sandbox)).codec == "pcm_s16le"


async def test_a_descriptor_keeps_its_position_and_stays_open(sandbox: Sandbox, recording: Path) -> None:
    with recording.open("rb") as file:
        file.seek(1_000)
        for _ in range(2):
            async with decode(file.fileno(), sandbox=sandbox) as decoder:
                assert sum([len(chunk) async for chunk in decoder]) == 3 * 32_000
        assert file.tell() == 1_000


async def test_an_unlinked_file_is_decoded_by_two_at_once(recording: Path) -> None:
    with recording.open("rb") as file:
        recording.unlink()
        async with decode(file.fileno()) as one, decode(file.fileno()) as other:
            lengths = [(len(a), len(b)) async for a, b in pairs(one, other)]
    assert sum(a for a, _ in lengths) == sum(b for _, b in lengths) == 3 * 32_000


async def pairs(one: AsyncIterator[bytes], other: AsyncIterator[bytes]) -> AsyncIterator[tuple[bytes, bytes]]:
    async for chunk in one:
        yield chunk, await anext(other)
    assert await anext(other, None) is None


async def test_leaving_early_ends_the_child(sandbox: Sandbox, endless: Path) -> None:
    async with decode(endless, sandbox=sandbox) as decoder:
        await anext(decoder)
        assert children()
    assert not [process for process in children() if process.status() != psutil.STATUS_ZOMBIE]
    with pytest.raises(RuntimeError):
        _ = decoder.report


async def test_a_cancelled_consumer_ends_the_child(sandbox: Sandbox, endless: Path) -> None:
    begun = asyncio.Event()

    async def consume() -> None:
        async with decode(endless, sandbox=sandbox) as decoder:
            async for _ in decoder:
                begun.set()

    task = asyncio.create_task(consume())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("steps", range(12))
async def test_cancelling_at_any_step_of_the_start_leaves_nothing(steps: int, endless: Path) -> None:
    async def consume() -> None:
        async with decode(endless) as decoder:
            await anext(decoder)

    task = asyncio.create_task(consume())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


async def test_many_at_once_leave_nothing(recording: Path) -> None:
    async def consume() -> float:
        async with decode(recording) as decoder:
            async for _ in decoder:
                pass
        return decoder.report.duration

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(consume()) for _ in range(12)]
    assert [task.result() for task in tasks] == [3.0] * 12


async def test_a_slow_consumer_holds_the_child_back(endless: Path) -> None:
    """The child of a day's worth of audio stops writing when nobody takes it."""
    async with decode(endless, sandbox=RLIMITS) as decoder:
        await anext(decoder)
        (child,) = children()
        async with asyncio.timeout(PATIENCE_SECONDS):
            written = -1
            while written != (written := child.io_counters().write_chars):
                await asyncio.sleep(0.5)
        assert written < 1 << 20
        assert len(await anext(decoder)) == 64_000


async def test_the_child_stays_small_whatever_the_length(endless: Path) -> None:
    hours = 0.0
    async with decode(endless, sandbox=RLIMITS) as decoder:
        (child,) = children()
        async for chunk in decoder:
            hours += len(chunk) / 32_000 / 3_600
            if hours > 4:
                break
        peak = int(Path(f"/proc/{child.pid}/status").read_text().split("VmHWM:")[1].split()[0])
    assert peak < 150 * 1024


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT, signal.SIGXCPU])
async def test_a_child_that_dies_is_a_typed_error(number: signal.Signals, sandbox: Sandbox, endless: Path) -> None:
    with pytest.raises(MediaError) as raised:
        async with decode(endless, sandbox=sandbox) as decoder:
            await anext(decoder)
            children()[-1].send_signal(number)
            async for _ in decoder:
                pass
    expected = {signal.SIGKILL: "media_limit", signal.SIGXCPU: "media_timeout"}
    assert raised.value.reason == expected.get(number, "unreadable_media")


def captured(script: str) -> Sandbox:
    """Return a `sandbox` whose child is a script of ours: a child that an attacker runs."""
    return Sandbox("captured", (sys.executable, "-c", "import struct, sys, os, time\n" + script, "--"))


PROBE = {"container_seconds": None, "format": "wav", "codec": "pcm_s16le", "channels": 1, "sample_rate": 16_000}
SAY_PROBE = f"""
def say(kind, payload): os.write(1, struct.pack("<cI", kind, len(payload)) + payload)
say(b"i", {json.dumps(PROBE).encode()!r})
"""


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("os.write(1, b'nonsense, no frame at all' * 1000)", UnreadableMedia),
        ("os.write(1, struct.pack('<cI', b'i', 0xFFFFFFFF) + bytes(1000))", UnreadableMedia),
        ("os.write(1, struct.pack('<cI', b'i', 2) + b'[]')", UnreadableMedia),
        ("os.write(1, struct.pack('<cI', b'i', 1) + b'{')", UnreadableMedia),
        ("os.write(1, struct.pack('<cI', b'p', 2) + bytes(2))", UnreadableMedia),
        ("sys.exit(0)", UnreadableMedia),
        ("time.sleep(1000)", MediaTimeout),
        (SAY_PROBE + "time.sleep(1000)", MediaTimeout),
        (SAY_PROBE + "say(b'p', bytes(3))", UnreadableMedia),
        (SAY_PROBE + "say(b'?', bytes(2))", UnreadableMedia),
        (SAY_PROBE + "say(b'p', bytes(60_000)); sys.exit(0)", UnreadableMedia),
        (SAY_PROBE + "\nwhile True: say(b'p', bytes(60_000))", MediaTooLong),
        (SAY_PROBE + """say(b'x', b'{"reason": "made_up", "message": "x"}')""", UnreadableMedia),
        (SAY_PROBE + """say(b'x', b'{"reason": "media_limit", "message": "x"}')""", MediaLimitExceeded),
        (SAY_PROBE + """say(b'f', b'{"error": "x"}')""", UnreadableMedia),
    ],
)
async def test_a_captured_child_gains_nothing(script: str, kind: type[MediaError], recording: Path) -> None:
    limits = Limits(seconds=30, wall_seconds=2 if kind is MediaTimeout else PATIENCE_SECONDS)
    with pytest.raises(kind):
        async with decode(recording, limits=limits, sandbox=captured(script)) as decoder:
            async for _ in decoder:
                pass


async def test_a_sandbox_that_cannot_be_started(recording: Path) -> None:
    with pytest.raises(FileNotFoundError):
        async with decode(recording, sandbox=Sandbox("none", ("/nonexistent",))):
            pass
