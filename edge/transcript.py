"""Words meet turns: each word gets a speaker, and segments are cut where the speaker changes.

A word goes to the speaker whose turns cover most of it; a near tie goes to who is
speaking already, a word outside all turns to the nearest turn. Then changes of speaker
that fall a few words beside the end of a sentence or a pause are moved there, since the
edges of turns are less exact than the times of words, and a lone short word between two
stretches of one speaker joins them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from edge.types import Segment, Turn, Word

NEAR_TIE = 1.5
"""A speaker takes the word from who is speaking by covering this many times more of it."""
PAUSE = 0.35
"""Seconds of silence between words that make a likely change of speaker."""
REACH_WORDS = 3
REACH_SECONDS = 1.2
"""How far a change of speaker may be moved to a sentence's end or a pause."""
LONE_SECONDS = 0.6
"""A single word no longer than this, with no pause around it, does not make a turn."""
SENTENCE_END = (".", "?", "!", "\u2026", "\u3002", "\uff1f", "\uff01", "\u0964", "\u061f")
"""Latin marks and ellipsis, then those of Chinese and Japanese, Hindi and Arabic."""
UNSPACED = frozenset({"zh", "yue", "ja", "th", "lo", "my", "km", "bo"})
"""Languages written without spaces between sentences."""


def join_words(words: Iterable[Word]) -> str:
    """Running text."""
    return "".join((" " if word.space_before else "") + word.text for word in words).strip()


def join_segments(segments: Iterable[Segment]) -> str:
    """The texts of segments in a row, with a space between two unless both languages do without."""
    text, unspaced = "", False
    for segment in segments:
        here = segment.language in UNSPACED
        text += ("" if not text or (here and unspaced) else " ") + segment.text
        unspaced = here
    return text


def in_order(segments: Iterable[Segment], duration: float, *, since: float = 0.0) -> list[Segment]:
    """The same segments with times that never go back, words inside their segments, all within `duration`.

    `since` is the start of the last word before them.
    """
    ordered: list[Segment] = []
    clock = since
    for segment in segments:
        words = []
        floor = clock
        for word in segment.words:
            start = min(max(word.start, clock), duration)
            clock = start
            words.append(replace(word, start=start, end=min(max(word.end, start), duration)))
        start = min(max(segment.start, floor), words[0].start if words else duration)
        end = max(min(segment.end, duration), start, *(word.end for word in words))
        clock = max(clock, start)
        ordered.append(replace(segment, start=start, end=end, words=tuple(words)))
    return ordered


def attribute(segments: Sequence[Segment], turns: Sequence[Turn]) -> list[Segment]:
    """Give every word a speaker and cut segments where the speaker changes.

    Without turns the segments come back as they are. Numbers are the turns' own:
    `number_speakers` brings them into the order of speech.
    """
    alone = [turn for turn in turns if not turn.overlapped] or turns
    exclusive = sorted(alone, key=lambda turn: turn.start)
    if not exclusive:
        return list(segments)
    atoms = [atom for segment in segments for atom in _atoms(segment)]
    speakers = smooth(atoms, list(vote(atoms, exclusive)))
    voices = iter(speakers)
    return [piece for segment in segments for piece in _cut(segment, [next(voices) for _ in _atoms(segment)])]


def number_speakers(segments: Sequence[Segment], turns: Sequence[Turn]) -> tuple[list[Segment], list[Turn]]:
    """Number speakers from 1 by their first word; those without a word leave their turns too."""
    numbers: dict[int, int] = {}
    for segment in segments:
        if segment.speaker is not None:
            numbers.setdefault(segment.speaker, len(numbers) + 1)
    numbered = [replace(s, speaker=None if s.speaker is None else numbers[s.speaker]) for s in segments]
    return numbered, [replace(turn, speaker=numbers[turn.speaker]) for turn in turns if turn.speaker in numbers]


def vote(words: Sequence[Word], turns: Sequence[Turn]) -> Iterator[int]:
    """Speaker of each word in one sweep; both sequences are sorted by start, `turns` is not empty."""
    following = 0
    active: list[Turn] = []
    last: Turn | None = None
    running: int | None = None
    for word in words:
        while following < len(turns) and turns[following].start < word.end:
            active.append(turns[following])
            following += 1
        gone = [turn for turn in active if turn.end <= word.start]
        if gone:
            last = max([*gone, *([last] if last else [])], key=lambda turn: turn.end)
            active = [turn for turn in active if turn.end > word.start]
        shares: dict[int, float] = {}
        for turn in active:
            shared = min(turn.end, word.end) - max(turn.start, word.start)
            if shared >= 0:
                shares[turn.speaker] = shares.get(turn.speaker, 0.0) + shared
        if shares:
            best = max(shares, key=lambda speaker: shares[speaker])
            if running is None or shares.get(running, 0.0) * NEAR_TIE < shares[best]:
                running = best
        else:
            # A longer word before this one may have reached turns that are still ahead of it.
            ahead = min([*active, *turns[following : following + 1]], key=lambda turn: turn.start, default=None)
            running = _nearest(word, last, ahead)
        yield running


def smooth(words: Sequence[Word], speakers: list[int]) -> list[int]:
    """Move changes of speaker to where speech breaks, and drop turns of one short word inside another's."""
    smoothed = _without_lone_words(words, speakers)
    for change in [i for i in range(1, len(smoothed)) if smoothed[i] != smoothed[i - 1]]:
        before, after = smoothed[change - 1], smoothed[change]
        if before == after or _breaks(words, change):
            continue
        target = _nearest_break(words, smoothed, change)
        if target is None:
            continue
        for index in range(change, target):
            smoothed[index] = before
        for index in range(target, change):
            smoothed[index] = after
    return smoothed


def _nearest(word: Word, last: Turn | None, ahead: Turn | None) -> int:
    if last is None or (ahead is not None and ahead.start - word.end < word.start - last.end):
        if ahead is None:
            raise ValueError("no turns to choose from")
        return ahead.speaker
    return last.speaker


def _without_lone_words(words: Sequence[Word], speakers: list[int]) -> list[int]:
    result = list(speakers)
    for i in range(1, len(words) - 1):
        alone = result[i - 1] == speakers[i + 1] != result[i]
        short = words[i].end - words[i].start <= LONE_SECONDS
        if alone and short and not _breaks(words, i) and not _breaks(words, i + 1):
            result[i] = result[i - 1]
    return result


def _breaks(words: Sequence[Word], index: int) -> bool:
    """Whether a sentence ends or a pause lies before the word at `index`."""
    previous, word = words[index - 1], words[index]
    return previous.text.endswith(SENTENCE_END) or word.start - previous.end >= PAUSE


def _nearest_break(words: Sequence[Word], speakers: Sequence[int], change: int) -> int | None:
    """The index nearest to `change`, within reach and within the two runs it parts, before which speech breaks."""
    for distance in range(1, REACH_WORDS + 1):
        for target in (change - distance, change + distance):
            if not 0 < target < len(words) or not _breaks(words, target):
                continue
            low, high = min(change, target), max(change, target)
            moved = speakers[low:high]
            if len(set(moved)) == 1 and words[high - 1].end - words[low].start <= REACH_SECONDS:
                return target
    return None


def _atoms(segment: Segment) -> tuple[Word, ...]:
    """What is attributed: the words, or the whole segment where it has none."""
    return segment.words or (Word(segment.text, segment.start, segment.end, segment.confidence),)


def _cut(segment: Segment, speakers: Sequence[int]) -> Iterator[Segment]:
    if len(set(speakers)) == 1:
        yield replace(segment, speaker=speakers[0])
        return
    edges = [0, *(i for i, (a, b) in enumerate(pairwise(speakers), 1) if a != b), len(speakers)]
    for low, high in pairwise(edges):
        words = segment.words[low:high]
        yield Segment(
            text=join_words(words),
            start=segment.start if low == 0 else words[0].start,
            end=segment.end if high == len(speakers) else max(word.end for word in words),
            words=words,
            confidence=sum(word.confidence for word in words) / len(words),
            language=segment.language,
            speaker=speakers[low],
        )
