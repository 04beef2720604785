"""The last sentence of a summary by a small model: what was taken on, by whom, in the words in which it was said.

Small models leave out most of it, or give it to another one; see `commitments`.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from summarizer import shape, terms
from summarizer.commitments import Commitment
from summarizer.guard import Checked
from summarizer.types import Style

MOST = {Style.BRIEF: 3, Style.DETAILED: 6}
"""Tasks that are told, by style."""
_POINTING = frozenset(
    re.findall(
        r"\w+",
        "i me my mine we us our you your yours he him his she her they them their it its that this these those there "
        "here one something anything could would should is are was were",
    )
)
"""Words that point at what only those who were there can see, or tell that a task was not told to its end."""
_UNENDED = frozenset(re.findall(r"\w+", "a an the and or but to of in on at by for from with about into as"))
"""Words that end no task: something was left unsaid."""
_LONGEST = 14
"""Words of a task past which speech has lost its full stops."""
_SAME = 0.75
"""Share of a task's words that one sentence has which tells it already."""
_CONDITION = re.compile(r"\b(?:if|unless|in case|maybe|might|i'd|i would|agree)\b", re.IGNORECASE)
_NUMBERED = re.compile(r"\d$")


def with_next_steps(checked: Checked, style: Style, taken_on: Sequence[Commitment], *, transcript: str) -> Checked:
    """Return prose in English with a last sentence on what was taken on, as far as it was not told yet."""
    told = [terms.stems(sentence) for block in checked.blocks for sentence in block]
    clear = [taken for taken in taken_on if _clear(taken) and not _told(taken.worded.task, told)]
    if not checked.kept or not clear:
        return checked
    first = sorted(range(len(clear)), key=lambda number: (not clear[number].worded.due, number))[: MOST[style]]
    sentence = _sentence([clear[number] for number in sorted(first)], near=f"{transcript} {checked.text}".lower())
    if style is Style.DETAILED:
        return replace(checked, blocks=(*checked.blocks, (sentence,)))
    [*others, last] = checked.blocks
    room = shape.BRIEF_SENTENCES - 1 - sum(map(len, others))
    return replace(checked, blocks=(*others, (*last[:room], sentence)))


def _clear(taken: Commitment) -> bool:
    """Say whether it is done after the conversation, and for sure, and a reader who was not there understands what."""
    said = [terms.bare(word) for word in terms.WORD.findall(taken.worded.task)]
    whole = 2 < len(said) <= _LONGEST and said[-1] not in _UNENDED and taken.worded.task.count(",") < 2
    later = bool(taken.worded.due) or taken.late
    return bool(taken.owner) and whole and later and _POINTING.isdisjoint(said) and not _CONDITION.search(taken.core)


def _told(task: str, sentences: Sequence[set[str]]) -> bool:
    stems = terms.stems(task)
    return any(len(stems & sentence) >= _SAME * len(stems) for sentence in sentences)


def _sentence(taken_on: Sequence[Commitment], *, near: str) -> str:
    tasks: dict[str, list[str]] = {}
    for taken in taken_on:
        tasks.setdefault(taken.owner, []).append(f"{taken.worded.task} {taken.worded.due}".strip())
    return f"Next, {_joined([f'{_called(owner, near)} will {_joined(theirs)}' for owner, theirs in tasks.items()])}."


def _called(owner: str, near: str) -> str:
    """Return a speaker as he stands in a sentence: "Tom", but "the Project Manager"."""
    role = " " in owner and not _NUMBERED.search(owner) and f"the {owner.lower()}" in near
    return f"the {owner}" if role else owner


def _joined(parts: Sequence[str]) -> str:
    if len(parts) < 3:
        return " and ".join(parts)
    return f"{', '.join(parts[:-1])}, and {parts[-1]}"
