"""Captions: segments cut at the times of their words into cues of at most two lines of 42 characters."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from edge.transcript import PAUSE, SENTENCE_END
from edge.types import Segment, Word

LINE_CHARACTERS = 42
LINES = 2
CUE_SECONDS = 7.0
"""Longest time that a cue stays, unless one word is longer."""
LEAST_SECONDS = 0.5
"""A shorter cue stays this long if the next one lets it."""
FULL_ENOUGH = LINE_CHARACTERS
"""A cue of this many characters ends at a sentence's end rather than taking more."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A caption on the screen."""

    start: float
    end: float
    lines: tuple[str, ...]
    speaker: int | None
    opens_turn: bool
    """Whether another speaker than in the cue before begins to speak."""


def cues(segments: Iterable[Segment], *, label: bool) -> list[Cue]:
    """Cut segments into cues. With `label`, the first line leaves room for `Speaker 1: ` where a turn opens."""
    made: list[Cue] = []
    speaker: int | None = None
    for segment in segments:
        opens = segment.speaker is not None and segment.speaker != speaker
        speaker = segment.speaker
        for words in _pack(_tokens(segment), prefix_of(segment.speaker) if label and opens else ""):
            prefix = prefix_of(speaker) if label and opens else ""
            lines = wrap(words, prefix) or (prefix,)
            made.append(Cue(words[0].start, max(word.end for word in words), lines, speaker, opens))
            opens = False
    return [_stay(cue, made[i + 1] if i + 1 < len(made) else None) for i, cue in enumerate(made)]


def prefix_of(speaker: int | None) -> str:
    """What stands before the words of a speaker."""
    return "" if speaker is None else f"Speaker {speaker}: "


def wrap(words: Sequence[Word], prefix: str = "") -> tuple[str, ...]:
    """Words as lines of at most 42 characters, `prefix` counted."""
    lines: list[str] = []
    line = prefix
    empty = True
    for word in words:
        joined = line + ("" if empty or not word.space_before else " ") + word.text
        if len(joined) > LINE_CHARACTERS and not empty:
            lines.append(line)
            joined = word.text
        line, empty = joined, False
    return (*lines, line) if not empty else tuple(lines)


def _pack(words: Iterable[Word], prefix: str) -> Iterator[list[Word]]:
    """Words as they fill cues: cut where they no longer fit, at pauses, and at sentence ends once there is enough."""
    cue: list[Word] = []
    for word in words:
        if cue and (_full([*cue, word], prefix) or _rounded(cue, word)):
            yield cue
            cue, prefix = [], ""
        cue.append(word)
    if cue:
        yield cue


def _full(words: Sequence[Word], prefix: str) -> bool:
    lines = wrap(words, prefix)
    too_wide = len(lines) > LINES or any(len(line) > LINE_CHARACTERS for line in lines)
    return too_wide or words[-1].end - words[0].start > CUE_SECONDS


def _rounded(cue: Sequence[Word], word: Word) -> bool:
    characters = sum(len(each.text) + each.space_before for each in cue)
    pause = word.start - cue[-1].end
    return pause >= 3 * PAUSE or (characters >= FULL_ENOUGH and (cue[-1].text.endswith(SENTENCE_END) or pause >= PAUSE))


def _tokens(segment: Segment) -> Iterator[Word]:
    """Words no longer than a line; a segment without words is spread evenly over its time."""
    words = segment.words
    if not words:
        texts = segment.text.split()
        step = (segment.end - segment.start) / max(1, len(texts))
        words = tuple(
            Word(text, segment.start + i * step, segment.start + (i + 1) * step, segment.confidence)
            for i, text in enumerate(texts)
        )
    room = LINE_CHARACTERS - len(prefix_of(segment.speaker))
    for word in words:
        pieces = [word.text[i : i + room] for i in range(0, len(word.text), room)]
        step = (word.end - word.start) / max(1, len(pieces))
        for i, piece in enumerate(pieces):
            begin = word.start + i * step
            yield replace(word, text=piece, start=begin, end=begin + step, space_before=word.space_before and i == 0)


def _stay(cue: Cue, following: Cue | None) -> Cue:
    wanted = max(cue.end, cue.start + LEAST_SECONDS)
    if following is not None:
        wanted = max(min(wanted, following.start), cue.start)
    return replace(cue, end=wanted)
