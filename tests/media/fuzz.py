"""Mutated real files for the media child: `python -m tests.media.fuzz --seconds 600 --seed 7`.

Every input must end as a report or a typed error, within its bounds, and leave no process. A failing input is kept.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from media import Limits, MediaError, MediaTimeout, decode, sandbox
from media.decoder import BROKEN
from tests.audio import RATE, clip_pcm, packaged_clip
from tests.media.recordings import CONTAINERS, write_many_tracks, write_recording, write_silent_flac

LIMITS = Limits(seconds=600, wall_seconds=60, cpu_seconds=20, memory_bytes=512 << 20)
AT_ONCE = 2


@dataclass
class Outcome:
    """What a run found."""

    inputs: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        ends = ", ".join(f"{count} {name}" for name, count in self.ends.most_common())
        return f"media fuzz: {self.inputs} inputs ({ends}), {len(self.failures)} failures, {sandbox.active()}"


def corpus(folder: Path) -> list[bytes]:
    """Return one short real recording in every container, and what is made to harm."""
    pcm = clip_pcm(packaged_clip("beckett.wav"))[: 2 * RATE]
    seeds = [write_recording(folder / suffix, pcm, suffix).read_bytes() for suffix in CONTAINERS]
    seeds.append(write_many_tracks(folder / "tracks", 70).read_bytes())
    seeds.append(write_silent_flac(folder / "silence", 0.1).read_bytes())
    return seeds


def mutate(seeds: list[bytes], chance: random.Random) -> bytes:
    """Return a seed with a few random changes, most of them in its first kilobytes, where the structure is."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice([1, 1, 2, 4, 8])):
        reach = len(data) if chance.random() < 0.4 else min(len(data), 4_096)
        at, length = chance.randrange(reach or 1), chance.choice([1, 4, 16, 256, 4_096])
        match chance.randrange(7):
            case 0:
                for _ in range(length):
                    if data:
                        data[chance.randrange(reach) % len(data)] ^= 1 << chance.randrange(8)
            case 1:
                del data[max(1, at) :]
            case 2:
                del data[at : at + length]
            case 3:
                data[at:at] = data[at : at + length]
            case 4:
                other = chance.choice(seeds)
                begin = chance.randrange(len(other))
                data[at : at + length] = other[begin : begin + length]
            case 5:
                data[at : at + 4] = chance.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1"])
            case 6:
                data[at : at + length] = chance.randbytes(length)
    return bytes(data)


async def feed(data: bytes, path: Path) -> str:
    """Decode one input and say how it ended; raise AssertionError for an end that must not be."""
    path.write_bytes(data)
    try:
        async with decode(path, limits=LIMITS) as decoder:
            size = sum([len(chunk) async for chunk in decoder])
    except MediaError as error:
        assert str(error) != BROKEN, "a fault of ours in the child"
        assert not isinstance(error, MediaTimeout), "more time than such a file may take"
        return error.reason
    assert size == round(decoder.report.duration * RATE) * 2, "the report and the samples differ"
    return "truncated" if decoder.report.truncated else "decoded"


async def run(seconds: float, seed: int, *, keep: Path, more: Path | None = None) -> Outcome:
    """Feed mutated files for as long as said, made of the corpus and of what lies in the folder `more`."""
    before = psutil.Process().children(recursive=True)
    outcome, chance = Outcome(), random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        seeds = corpus(Path(folder)) + [path.read_bytes() for path in (sorted(more.iterdir()) if more else ())]
        inputs = endless(seeds, chance)
        end = time.monotonic() + seconds

        async def worker(number: int) -> None:
            while time.monotonic() < end:
                data = next(inputs)
                outcome.inputs += 1
                try:
                    outcome.ends[await feed(data, Path(folder) / f"input-{number}")] += 1
                except AssertionError as error:
                    kept = keep / f"media-fuzz-{seed}-{outcome.inputs}"
                    kept.write_bytes(data)
                    outcome.failures.append(f"{kept}: {error}")

        async with asyncio.TaskGroup() as group:
            for number in range(AT_ONCE):
                group.create_task(worker(number))
    if left := [process for process in psutil.Process().children(recursive=True) if process not in before]:
        outcome.failures.append(f"processes are left: {left}")
    return outcome


def endless(seeds: list[bytes], chance: random.Random) -> Iterator[bytes]:
    """Yield one input after the other, the same for the same seed."""
    while True:
        yield mutate(seeds, chance)


def main() -> int:
    parser = argparse.ArgumentParser(description="Feed mutated files to the media child.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--more", type=Path, help="a folder of further files to mutate")
    arguments = parser.parse_args()
    outcome = asyncio.run(run(arguments.seconds, arguments.seed, keep=Path.cwd(), more=arguments.more))
    print(outcome, *outcome.failures, sep="\n")  # noqa: T201  # the command's answer
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
