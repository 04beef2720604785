"""Who takes a task, and by when: by the sentences that it rests on, in which somebody says "I will" or is asked."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from summarizer import acts, quantities, terms, words
from summarizer.acts import Sentence
from summarizer.types import Line, Utterance

_KEY = 4
"""Characters of a word that sentences are found by."""
_NEAR = 0.6
"""A sentence with so much of what the best one shares with a task is looked at as well."""
_AFTER = 3
"""Turns after the best sentence in which a promise needs only one word of the task."""
_AROUND = 2
"""Turns before and after in which a task's time may be said."""
_SURE = 2
"""Stems that a promise shares with a task to be the promise of it."""
_ANSWERS = 2
"""Most of those who speak next after somebody was asked that may be the ones who were."""

_AND = re.compile(r"\s*[,&/+]\s*|\s+(?:and|und|et|y|e|en)\s+")


class Owners:
    """Knows who speaks and who is asked in each sentence of a transcript."""

    def __init__(self, spoken: Sequence[Utterance], *, language: str) -> None:
        """`spoken`: cleaned, so that the next turn is an answer and no mere sound. `language`: its code."""
        self._spoken = spoken
        self._speakers = [each.speaker for each in spoken]
        self._labels = {terms.bare_name(speaker): speaker for speaker in self._speakers if speaker}
        self._language = language if self._labels and acts.known(language) else ""
        """Empty where nobody can be found by what he says."""
        self._sentences = acts.read(spoken, language=language)
        self._having: defaultdict[str, list[int]] = defaultdict(list)
        """Numbers of the sentences that have a stem."""
        self._asked: Counter[int] = Counter()
        """How much is asked in a turn."""
        for sentence in self._sentences:
            for stem in _keys(sentence.text):
                self._having[stem].append(sentence.place)
            self._asked[sentence.turn] += sentence.asks

    @property
    def asking(self) -> frozenset[int]:
        """Numbers of the turns in which something is wanted of another one."""
        return frozenset(turn for turn, asked in self._asked.items() if asked)

    def named(self, owner: str) -> list[str]:
        """Return the people that an owner names, speakers as they are labelled."""
        whole = self._labels.get(terms.bare_name(owner))
        if whole or not owner:
            return [whole] if whole else []
        return [self._labels.get(terms.bare_name(name), name) for name in _AND.split(owner) if name]

    def of(self, line: Line, *, answer: str) -> str:
        """Return the owner of a task: of those whom the line names the ones who take it, "" if none does.

        One who says in so many words that he does it is the owner even if the line names another. `answer`: code of
        the line's language; in another than the transcript's, the sentences that it rests on cannot be found.
        """
        claimed = self.named(line.owner)
        if self._language and answer == self._language:
            resting = self._resting(line.text, line.due)
            takers, called = self._takers(resting)
            claimed = [name for name in claimed if self._takes(name, takers, called)]
            if not claimed:
                claimed = self._promising(resting, line.text)
        return ", ".join(claimed)

    def given(self, line: Line, *, answer: str) -> bool:
        """Say whether a task is given or taken on near the sentences that it rests on, as far as can be known."""
        if not self._language or answer != self._language:
            return True
        turns = {sentence.turn + step for sentence in self._resting(line.text, line.due) for step in (0, 1)}
        near = [sentence for sentence in self._sentences if sentence.turn in turns]
        return any(sentence.promises or sentence.asks or sentence.duty for sentence in near)

    def timed(self, line: Line, *, answer: str) -> bool:
        """Say whether the time of a task was said near what the task itself rests on, as far as can be known."""
        if not line.due or not self._language or answer != self._language:
            return True
        resting = self._resting(line.text)
        turns = {sentence.turn + step for sentence in resting for step in range(-_AROUND, _AROUND + 1)}
        last = {sentence.turn: sentence.place for sentence in resting}
        answers = {sentence.turn + 1 for sentence in self._sentences if sentence.asks and sentence.turn in turns}
        near = " ".join(
            sentence.text
            for sentence in self._sentences
            if sentence.place <= last.get(sentence.turn, -1)
            # "The next meeting is on Friday" is no time of a task that was given before.
            or (sentence.turn in turns and (sentence.promises or sentence.asks or sentence.turn in answers))
        )
        values = quantities.values(near)
        return _keys(line.due) <= _keys(near) and not any(
            claim.values.isdisjoint(values) for claim in quantities.claims(line.due)
        )

    def _resting(self, task: str, due: str = "") -> list[Sentence]:
        """Return the sentences that share the rarest words with a task, and what is promised of it right after."""
        scores: defaultdict[int, float] = defaultdict(float)
        for key in _keys(task):
            having = self._having.get(key, ())
            for number in having:
                scores[number] += 1.0 / len(having)
        if not scores:
            return []
        best = max(scores, key=lambda number: (scores[number], -number))
        resting = {number for number, score in scores.items() if score >= _NEAR * scores[best]}
        said = self._sentences[best].turn
        for number in {number for key in _keys(f"{task} {due}") for number in self._having.get(key, ())}:
            if self._sentences[number].promises and 0 < self._sentences[number].turn - said <= _AFTER:
                resting.add(number)
        return [self._sentences[number] for number in sorted(resting)]

    def _takers(self, resting: Sequence[Sentence]) -> tuple[set[str], set[str]]:
        """Return the speakers who take what the sentences speak of, and the words by which others are called."""
        takers: set[str] = set()
        called: set[str] = set()
        plain = not any(sentence.promises or sentence.asks for sentence in resting)
        for sentence in resting:
            if sentence.promises or plain:
                takers.add(self._speakers[sentence.turn])
            if sentence.asks:
                takers.update(self._answering(sentence.turn))
            if sentence.asks or not sentence.promises:
                called.update(map(terms.bare, terms.WORD.findall(sentence.text)))
        return takers, called

    def _answering(self, turn: int) -> Iterator[str]:
        """Yield the others who speak next: so many as were asked something, and no more than a few."""
        following = self._speakers[turn + 1 : turn + 2 + _ANSWERS]
        others = [speaker for speaker in following if speaker != self._speakers[turn]]
        yield from others[: min(_ANSWERS, self._asked[turn])]

    def _takes(self, name: str, takers: set[str], called: set[str]) -> bool:
        parts = set(terms.bare_name(name).split())
        if name in takers or parts <= called or parts <= words.EVERYONE:
            return True
        return name not in self._labels.values() and self._known_as(parts) in takers

    def _known_as(self, name: set[str]) -> str:
        """Return the label of who answers when somebody of that name is asked, "" if nobody does."""
        answering = Counter(
            speaker
            for sentence in self._sentences
            if sentence.asks and name <= set(map(terms.bare, terms.WORD.findall(sentence.text)))
            for speaker in list(self._answering(sentence.turn))[:1]
        )
        return answering.most_common(1)[0][0] if answering else ""

    def _promising(self, resting: Sequence[Sentence], text: str) -> list[str]:
        """Return the speaker who promises the task itself, if it is one."""
        stems = _keys(text)
        promises = [each for each in resting if each.promises and not each.asks]
        speakers = {self._speakers[each.turn] for each in promises}
        sure = any(len(stems & _keys(each.text)) >= _SURE for each in promises)
        return list(speakers) if sure and len(speakers) == 1 else []


def _keys(text: str) -> set[str]:
    """Return what the words of a text have in common with their other forms: "look" is short beside "looking"."""
    return {stem[:_KEY] for stem in terms.stems(text)}
