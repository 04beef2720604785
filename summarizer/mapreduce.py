"""Long transcripts cut at turns into parts that fit the model, each overlapping the last; nothing is left out."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from summarizer.types import Utterance

Count = Callable[[Sequence[str]], Awaitable[list[int]]]
"""Counts the tokens of texts."""

_OVERLAP_SHARE = 8
"""An overlap takes at most one part in so many of the room."""
_OVERLAP_TURNS = 2


@dataclass(frozen=True, slots=True)
class Measured:
    """An utterance and what it costs to read."""

    utterance: Utterance
    tokens: int
    """With the end of its line."""


async def measure(utterances: Sequence[Utterance], *, count: Count, room: int) -> list[Measured]:
    """Count each utterance, splitting those that are longer than `room` tokens."""
    measured: list[Measured] = []
    counts = await count([utterance.line for utterance in utterances])
    for utterance, tokens in zip(utterances, counts, strict=True):
        if tokens < room or len(utterance.text) < 2:
            measured.append(Measured(utterance, tokens + 1))
            continue
        pieces = [replace(utterance, text=text) for text in _cut(utterance.text, 2 * tokens // room + 1)]
        measured.extend(await measure(pieces, count=count, room=room))
    return measured


def total(measured: Sequence[Measured]) -> int:
    """Return the tokens of all utterances together."""
    return sum(each.tokens for each in measured)


def parts(measured: Sequence[Measured], *, room: int) -> list[list[Utterance]]:
    """Cut into parts of at most `room` tokens, each beginning with the last turns of the one before.

    Parts are filled from the start, so that a transcript that grows keeps all its parts but the last.
    """
    cut: list[list[Utterance]] = []
    current: list[Measured] = []
    held = fresh = 0
    for each in measured:
        if current and held + each.tokens > room:
            cut.append([one.utterance for one in current])
            current = _overlap(current, room=min(room // _OVERLAP_SHARE, room - each.tokens))
            held, fresh = total(current), 0
        current.append(each)
        held += each.tokens
        fresh += 1
    if fresh:
        cut.append([one.utterance for one in current])
    return cut


def _overlap(last: Sequence[Measured], *, room: int) -> list[Measured]:
    kept: list[Measured] = []
    for each in reversed(last[-_OVERLAP_TURNS:]):
        if total(kept) + each.tokens > room:
            break
        kept.insert(0, each)
    return kept


def _cut(text: str, pieces: int) -> list[str]:
    """Cut a text into at least two pieces of about one length, at spaces where there are any."""
    length = max(1, -(-len(text) // max(2, pieces)))
    cut: list[str] = []
    start = 0
    while start < len(text):
        end = start + length
        if end < len(text):
            for mark in (". ", " "):
                space = text.rfind(mark, start + length // 2, end)
                if space > start:
                    end = space + len(mark)
                    break
        cut.append(text[start:end].strip())
        start = end
    return [piece for piece in cut if piece]
