"""Passages of a transcript in which somebody takes something on: what action items are written from, and held to."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from summarizer import acts, quantities, terms, wording, words
from summarizer.acts import Sentence
from summarizer.types import Utterance
from summarizer.wording import Worded, worded

_BACKED = 0.6
"""Least share of a task's words that its passage has."""
_KEY = 4
"""Characters that stand for a word: "look" is short beside "looking"."""
_CONTEXT = 2
"""Sentences before a promise that tell what it is about."""
_LONGEST = 50
"""Words of a sentence past which recognized speech has lost its full stops: nobody knows what belongs together."""
_TELLING = 2
"""Words that a sentence must have to tell what is taken on."""
_FIRST = 3
"""Words that an answer agrees within."""


@dataclass(frozen=True, slots=True)
class Commitment:
    """What somebody takes on, in the words of those who speak of it."""

    owner: str
    said: tuple[Utterance, ...]
    """Who says what, the promise or the answer to the request last."""
    core: str
    """The promise, or the request and its answer: what a time must be said in."""

    quote: str
    """The sentence of the core that tells most, in quotes; empty in the language whose words are understood."""
    worded: Worded
    """What is taken on, in the words of the core, as far as they are understood."""
    late: bool
    """Whether it is in the last third of the conversation, where plans are settled."""

    @property
    def text(self) -> str:
        """Its lines."""
        return "\n".join(utterance.line for utterance in self.said)

    def backs(self, task: str) -> bool:
        """Say whether this is where a task was taken on: most of its words were said here, its days in the core."""
        wanted = _keys(task) - _keys(self.owner)
        spoken = _keys(" ".join(utterance.line for utterance in self.said))
        core = _keys(self.core)
        days = {terms.bare(word) for word in terms.WORD.findall(task)} & words.DATES
        return len(wanted & spoken) >= _BACKED * len(wanted) and {day[:_KEY] for day in days} <= core

    def due(self, due: str, *, task: str) -> str:
        """Return a time as far as it was said with the promise, "" if it was not or the task tells it already."""
        values = quantities.values(self.core)
        numbers = quantities.claims(due)
        said = {terms.bare(word) for word in terms.WORD.findall(self.core)}
        telling = {word for word in map(terms.bare, terms.WORD.findall(due)) if len(word) > 3}
        if not (telling or numbers) or any(claim.values.isdisjoint(values) for claim in numbers):
            return ""
        told = telling <= {terms.bare(word) for word in terms.WORD.findall(task)} and not numbers
        return due if telling - quantities.WORDS.keys() <= said and not told else ""


def commitments(spoken: Sequence[Utterance], *, language: str) -> list[Commitment]:
    """Return what is taken on in a cleaned transcript, in its order; nothing in a language that is not known."""
    if not acts.known(language):
        return []
    turns: list[list[Sentence]] = [[] for _ in spoken]
    for sentence in acts.read(spoken, language=language):
        turns[sentence.turn].append(sentence)
    english = language == wording.LANGUAGE
    word = worded if english else _unworded
    found: list[Commitment] = []
    used: set[int] = set()
    for number, said in enumerate(turns):
        following = turns[number + 1] if number + 1 < len(turns) else []
        for at, sentence in enumerate(said):
            if sentence.place in used or not spoken[number].speaker or len(sentence.text.split()) > _LONGEST:
                continue
            if sentence.requests and _takes_on(following):
                last = _answer(following)
                lines = [*said[max(0, at - 1) : at + 1], *last]
                task = word(
                    last[0].text if last[0].promises else last[-1].text,
                    request=sentence.text,
                    speaker=spoken[number + 1].speaker,
                    asking=spoken[number].speaker,
                )
                # Who is asked for several things at once may be several people, of whom one answers.
                several = sentence.asks > 1 and len(sentence.text.split()) > _LONGEST // 2
                owner = "" if several else spoken[number + 1].speaker
                found.append(
                    _commitment(spoken, lines, owner=owner, core=[sentence, *last], task=task, english=english)
                )
                used.update(each.place for each in last)
            elif sentence.promises and not (
                sentence.text.endswith(("?", "\uff1f")) or (english and wording.at_once(sentence.text))
            ):
                before = turns[number - 1][-_CONTEXT:] if number and at < _CONTEXT else []
                lines = [*before, *said[max(0, at - _CONTEXT) : at + 1]]
                task = word(sentence.text)
                found.append(
                    _commitment(
                        spoken, lines, owner=spoken[number].speaker, core=[sentence], task=task, english=english
                    )
                )
    return found


def _unworded(promise: str, *, request: str = "", speaker: str = "", asking: str = "") -> Worded:
    return Worded()


def _answer(turn: Sequence[Sentence]) -> Sequence[Sentence]:
    """Return what of a turn answers the one before: "Sure. I'll do it tomorrow." is one answer."""
    ends = len(turn) < 2 or turn[1].asks or turn[1].text.lower().startswith("you ")
    return turn[:1] if ends or (turn[0].promises and turn[1].promises) else turn[:2]


def _takes_on(answer: Sequence[Sentence]) -> bool:
    """Say whether somebody answers that he does what was asked."""
    if not answer:
        return False
    first = re.findall(r"[^\W_]+(?:['\u2019-][^\W_]+)*", answer[0].text.lower())[:_FIRST]
    if answer[0].text.endswith("?") or answer[0].requests or any(word in words.REFUSES for word in first):
        return False
    return any(word in words.AGREES for word in first) or any(each.promises for each in _answer(answer))


def _commitment(
    spoken: Sequence[Utterance],
    lines: Sequence[Sentence],
    *,
    owner: str,
    core: Sequence[Sentence],
    task: Worded,
    english: bool,
) -> Commitment:
    turns = dict.fromkeys(line.turn for line in lines)
    said = (
        Utterance(spoken[turn].speaker, " ".join(line.text for line in lines if line.turn == turn)) for turn in turns
    )
    # The promise, unless it says no more than "I'll do that".
    telling = max(reversed(core), key=lambda sentence: min(len(_keys(sentence.text)), _TELLING)).text
    quote = "" if english else f"\u201c{telling}\u201d"
    late = 3 * lines[-1].turn >= 2 * (len(spoken) - 1)
    return Commitment(owner, tuple(said), " ".join(sentence.text for sentence in core), quote, task, late)


def _keys(text: str) -> set[str]:
    return {stem[:_KEY] for stem in terms.stems(text)}
