"""Live captions at 1, 2, 4 and 8 real-time streams: when words show, when finals come, how right they are, at what CPU.

A word's time is its end in the transcript of the same recording posted as a file; it has shown when it stands, in
order, in the finals and the partial of a message.

The end of speech is the end of the last word before a pause of half a second or more, and its final is there with the
first message whose finals reach into that word by their times. By their times and not by their words: where file and
live hear other words, a word of the file would be found in a later utterance, if at all.
"""

import argparse
import asyncio
import difflib
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.corpus import RATE, utterances, write_flac
from bench.live_clients import Heard, peer_server, verbatim, whisper_live
from bench.load import cpu_of, post, row, table
from bench.words import english, error_rate
from tests.house import House

PAUSE = 0.5
LONGEST_UTTERANCE = 20.0
HELD_SECONDS = 1.5
"""A stream is held if its finals come within this time after the end of speech, 95 of 100."""


def configure(parser: argparse._ArgumentGroup) -> None:
    """Add this benchmark's flags."""
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--stream-seconds", type=float, default=60.0)
    parser.add_argument(
        "--live-recordings", type=int, default=4, help="how many a row hears at least, in turn if need be"
    )
    parser.add_argument("--whisper-live-python", help="an interpreter that has WhisperLive")


@dataclass(frozen=True)
class Reference:
    """A recording, its human text, and its words with the ends that the file's transcript gives."""

    pcm: NDArray[np.int16]
    text: str
    file_text: str
    words: list[tuple[str, float]]
    """Normalised word, its end in seconds."""
    ends: list[tuple[float, float]]
    """Start and end, in seconds, of each last word before a pause."""


def tokens(text: str) -> list[str]:
    """Normalised words."""
    return english(text).split()


def recording(seconds: float, seed: int, *, gap: float = 0.6) -> tuple[NDArray[np.int16], str]:
    """About `seconds` of whole English utterances in a seeded order, none twice, with pauses between."""
    said = {one.text: one for one in utterances() if one.language == "en"}
    pool = [one for one in said.values() if RATE < len(one.pcm) < LONGEST_UTTERANCE * RATE]
    pool = pool or list(said.values())
    random.Random(seed).shuffle(pool)
    parts: list[NDArray[np.int16]] = []
    texts: list[str] = []
    total = 0.0
    for one in pool:
        length = len(one.pcm) / RATE + gap
        if not parts or total + length <= seconds:
            parts += [one.pcm, np.zeros(int(gap * RATE), np.int16)]
            texts.append(one.text)
            total += length
    return np.concatenate(parts), " ".join(texts)


def reference(url: str, seconds: float, seed: int, folder: Path) -> Reference:
    """Post the recording as a file and keep its words."""
    pcm, text = recording(seconds, seed)
    body = post(url, write_flac(pcm, folder / f"{seed}.flac"), language="en", diarize="false").body
    said = [word for segment in body["segments"] for word in segment["words"]]
    words = [(one, word["end"]) for word in said for one in tokens(word["word"])]
    starts = [*(word["start"] for word in said[1:]), len(pcm) / RATE]
    ends = [
        (word["start"], word["end"])
        for word, following in zip(said, starts, strict=True)
        if following - word["end"] >= PAUSE
    ]
    return Reference(pcm, text, body["text"], words, ends)


def showing(heard: Heard, words: Sequence[tuple[str, float]]) -> list[float]:
    """Seconds from each word's end to its first showing."""
    wanted = [word for word, _ in words]
    shown: dict[int, float] = {}
    last = ""
    for when, finals, partial in heard.messages:
        text = f"{finals} {partial}"
        if text == last:
            continue
        matcher = difflib.SequenceMatcher(None, wanted, tokens(text), autojunk=False)
        for block in matcher.get_matching_blocks():
            for position in range(block.a, block.a + block.size):
                # A word cannot show before it was said: an earlier twin matched.
                if when >= words[position][1] - 0.5:
                    shown.setdefault(position, when)
        last = text
    return [max(0.0, shown[at] - words[at][1]) for at in shown]


def lateness(heard: Heard, ends: Sequence[tuple[float, float]]) -> list[float]:
    """Seconds from each end of speech to its final; one that never came is for the error rate to tell."""
    arrivals = [next((when for when, reached in heard.reached if reached > start), None) for start, _ in ends]
    return [max(0.0, at - end) for at, (_, end) in zip(arrivals, ends, strict=True) if at is not None]


def quantile(figures: Sequence[float], share: float) -> str:
    """A quantile in seconds."""
    return f"{float(np.quantile(figures, share)):.2f}" if figures else "none"


async def streams(one: Any, url: str, recordings: Sequence[Reference], at_once: int) -> list[Heard]:
    """Some at once, begun 0.37 s apart so that their windows do not fall together, then the next."""
    heard = [Heard() for _ in recordings]

    async def later(number: int) -> None:
        await asyncio.sleep(0.37 * (number % at_once))
        await one(url, recordings[number].pcm, heard[number])

    for first in range(0, len(recordings), at_once):
        await asyncio.gather(*(later(number) for number in range(first, first + at_once)))
    return heard


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    streams: int
    late: float
    """Seconds within which 95 of 100 finals came."""
    text: str


def figures(name: str, at_once: int, recordings: Sequence[Reference], heard: Sequence[Heard], cpu: float) -> Row:
    """What the streams of one run showed."""
    first: list[float] = []
    ends: list[float] = []
    for recording, one in zip(recordings, heard, strict=True):
        first += showing(one, recording.words)
        ends += lateness(one, recording.ends)
    truth = [recording.text for recording in recordings]
    live = error_rate(truth, [one.finals for one in heard])
    file = error_rate(truth, [recording.file_text for recording in recordings])
    late = float(np.quantile(ends, 0.95)) if ends else float("inf")
    text = row(
        name,
        at_once,
        f"{quantile(first, 0.5)} / {quantile(first, 0.95)}",
        f"{quantile(ends, 0.5)} / {quantile(ends, 0.95)}",
        f"{live:.1f} / {file:.1f} %",
        f"{cpu / sum(len(recording.pcm) / RATE for recording in recordings):.2f}",
    )
    return Row(at_once, late, text)


def run(args: argparse.Namespace) -> str:
    """Ours at each number of streams; the peer at one."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, House() as house:
        every = max(args.live_recordings, *args.streams)
        recordings = [reference(house.url, args.stream_seconds, seed, Path(folder)) for seed in range(every)]
        for count in args.streams:
            some = recordings[: max(count, args.live_recordings // count * count)]
            before = cpu_of(list(house.processes))
            heard = asyncio.run(streams(verbatim, house.url, some, count))
            cpu = cpu_of(list(house.processes)) - before
            rows.append(figures("Verbatim", count, some, heard, cpu))
        if args.whisper_live_python:
            with peer_server(args.whisper_live_python) as (url, process):
                before_times = process.cpu_times()
                some = recordings[: args.live_recordings]
                heard = asyncio.run(streams(whisper_live, url, some, 1))
                after = process.cpu_times()
                cpu = after.user + after.system - before_times.user - before_times.system
                rows.append(figures("WhisperLive", 1, some, heard, cpu))
    held = max((one.streams for one in rows if "Verbatim" in one.text and one.late <= HELD_SECONDS), default=0)
    head = table(
        "server",
        "streams",
        "word shown after its end, median / 95 %, s",
        "final after the end of speech, median / 95 %, s",
        "errors live / as a file",
        "cores a stream",
    )
    same = args.live_recordings
    words = sum(len(tokens(one.text)) for one in recordings[:same])
    note = (
        f"Streams held with 95 of 100 finals within {HELD_SECONDS} s, of those tried: {held}. "
        "Speech ends where half a second or more follows a word of the file's transcript; its final is the first that "
        "reaches that word by its times. No utterance is in a recording twice. "
        f"Rows of up to {same} streams hear the same {same} recordings of {words} words, in turn if need be."
    )
    return "\n".join(["### Live captions (base, int8)", "", head, *(one.text for one in rows), "", note])
