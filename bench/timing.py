"""How far word times are from the truth, beside `WhisperModel` with the same weights in the same process."""

import argparse
import difflib
import re

import numpy as np

from bench.clips import Clip, Ours, Plain, clips

Times = tuple[tuple[str, float, float], ...]
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def run(args: argparse.Namespace) -> str:
    """One row a clip with known word times."""
    recognize, theirs = Ours(), Plain()
    lines = [
        "## Word times",
        "",
        "Median distance of matched words from the reference; times of digits are exact, the others were made by a "
        "machine and are good to about 100 ms. Stray: words before 0, past the end or going back.",
        "",
        "| clip | words | start, ours | start, plain | end, ours | end, plain | stray, ours |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    timed = [clip for clip in clips() if clip.words]
    for clip in timed:
        mine, other = recognize(clip.pcm).words, theirs(clip.pcm).words
        starts, ends = distances(clip, mine)
        plain_starts, plain_ends = distances(clip, other)
        figures = [f"{1000 * np.median(values):.0f} ms" for values in (starts, plain_starts, ends, plain_ends)]
        kind = "exact" if clip.exact else "machine"
        lines.append(
            f"| {clip.name} ({kind}) | {len(starts)} | {' | '.join(figures)} | {stray(mine, len(clip.pcm) / 16_000)} |"
        )
    return "\n".join(lines) if timed else "Word times: no recordings with known word times are here."


def distances(clip: Clip, words: Times) -> tuple[list[float], list[float]]:
    """Absolute distances of starts and of ends, in seconds, of the words that match.

    Scripts without spaces are matched by character, since words are cut differently.
    """
    known, found = _units(clip.words, clip), _units(words, clip)
    matcher = difflib.SequenceMatcher(None, [unit[0] for unit in known], [unit[0] for unit in found], autojunk=False)
    starts: list[float] = []
    ends: list[float] = []
    for block in matcher.get_matching_blocks():
        for (_, start, end), (_, heard, heard_end) in zip(
            known[block.a : block.a + block.size], found[block.b : block.b + block.size], strict=True
        ):
            starts += [abs(start - heard)] if start is not None and heard is not None else []
            ends += [abs(end - heard_end)] if end is not None and heard_end is not None else []
    return starts, ends


def stray(words: Times, seconds: float) -> int:
    """Words outside the recording or out of order."""
    floor, count = 0.0, 0
    for _, start, end in words:
        count += not floor <= start <= end <= seconds + 0.001
        floor = max(floor, start)
    return count


def _units(words: Times, clip: Clip) -> list[tuple[str, float | None, float | None]]:
    units: list[tuple[str, float | None, float | None]] = []
    for text, start, end in words:
        bare = re.sub(r"[^\w]", "", text.lower())
        bare = str(DIGITS.index(bare)) if bare in DIGITS else bare
        if clip.language in {"ja", "th", "zh"}:
            last = len(bare) - 1
            units += [
                (one, start if place == 0 else None, end if place == last else None) for place, one in enumerate(bare)
            ]
        elif bare:
            units.append((bare, start, end))
    return units
