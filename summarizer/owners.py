"""Who takes a task, and by when: by the sentences that it rests on, in which somebody says "I will" or is asked."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from summarizer import quantities, terms, words
from summarizer.shape import sentences
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

_PROMISES = {
    "en": r"\bi(?:'ll| will| can| could| should| shall| have to| need to| must|'d|'m going to| am going to)\b"
    r"(?= \w)(?! (?:say|think|imagine|guess|hope|like|not|never|see)\b)|\blet me\b|\bme to\b|\bwill do\b",
    "de": r"(?<!habe )(?<!glaube )\bich\b(?! (?:habe|hatte|war|weiß|bin|denke|glaube|finde|meine)\b)",
    "nl": r"\bik\b(?! (?:heb|had|was|weet|ben|denk|geloof|vind)\b)",
    "fr": r"\bje (?:vais|peux|dois|m'en|m'occupe|\w+rai)\b",
    "es": r"\b(?:voy a|puedo|me encargo|tengo que|\w{3,}ré)\b",
    "it": r"\b(?:posso|devo|ci penso|me ne occupo|\w{3,}rò)\b",
    "pt": r"\b(?:vou|posso|tenho que|\w{3,}rei)\b",
}
"""How somebody takes something on, by language."""
_REQUESTS = {
    "en": r"\byou(?: maybe| all)? (?:do|could|can|will|should|must|might|want|take|make|look|send|write|prepare|check"
    r"|call|go|get|have to|need to|are going to)\b|\byou'll\b|\b(?:could|can|would|will) you\b|\bplease\b",
    "de": r"\b(?:du|ihr|bitte)\b|\b(?:können|könnten|würden) sie\b",
    "nl": r"\b(?:je|jij|jullie|alsjeblieft|alstublieft|graag)\b|\bkunt u\b",
    "fr": r"\b(?:tu|vous|veuillez)\b",
    "es": r"\b(?:puede[sn]?|podría[sn]?|usted|ustedes|tú|por favor)\b",
    "it": r"\b(?:puoi|può|potresti|potrebbe|potete|per favore)\b",
    "pt": r"\b(?:você|vocês|pode|poderia|por favor)\b",
}
"""How somebody asks another one, by language; questions do so too."""
_DUTIES = {
    "en": r"\b(?:have|has|need|needs) to\b|\b(?:must|should|let's|let us|we'll|we will|we can|we could)\b",
    "de": r"\b(?:müssen|muss|sollte|sollten|soll|sollen|wir können|wir könnten|lass uns|lasst uns)\b",
    "nl": r"\b(?:moet|moeten|zullen we|we zullen|laten we)\b",
    "fr": r"\b(?:il faut|il faudrait|faut|devons|doit|doivent|devrait|on va|nous allons)\b",
    "es": r"\b(?:tenemos que|tiene que|tienen que|hay que|debe|deben|debemos|vamos a|podemos)\b",
    "it": r"\b(?:dobbiamo|deve|devono|bisogna|possiamo)\b",
    "pt": r"\b(?:temos que|temos de|precisamos|deve|devem|devemos|vamos|podemos)\b",
}
"""How it is said that something is to be done, by nobody in particular, by language."""
_AND = re.compile(r"\s*[,&/+]\s*|\s+(?:and|und|et|y|e|en)\s+")


@dataclass(frozen=True, slots=True)
class _Sentence:
    turn: int
    place: int
    """Number of the sentence in the transcript."""
    text: str
    promises: bool
    """Whether the speaker takes something on."""
    asks: int
    """How often the speaker wants something of another one."""
    duty: bool
    """Whether the speaker says that something is to be done."""


class Owners:
    """Knows who speaks and who is asked in each sentence of a transcript."""

    def __init__(self, spoken: Sequence[Utterance], *, language: str) -> None:
        """`spoken`: cleaned, so that the next turn is an answer and no mere sound. `language`: its code."""
        self._spoken = spoken
        self._speakers = [each.speaker for each in spoken]
        self._labels = {terms.bare_name(speaker): speaker for speaker in self._speakers if speaker}
        self._language = language if self._labels and language in _PROMISES else ""
        """Empty where nobody can be found by what he says."""
        self._promises = re.compile(_PROMISES.get(language, "(?!)"))
        self._requests = re.compile(_REQUESTS.get(language, "(?!)"))
        self._duties = re.compile(_DUTIES.get(language, "(?!)"))
        self._sentences: list[_Sentence] = []
        self._having: defaultdict[str, list[int]] = defaultdict(list)
        """Numbers of the sentences that have a stem."""
        self._asked: Counter[int] = Counter()
        """How much is asked in a turn."""
        for turn, utterance in enumerate(spoken):
            for text in sentences(utterance.text):
                for stem in _keys(text):
                    self._having[stem].append(len(self._sentences))
                self._sentences.append(self._read(turn, text))
                self._asked[turn] += self._sentences[-1].asks

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

    def _read(self, turn: int, text: str) -> _Sentence:
        low = text.lower().replace("\u2019", "'")
        asks = max(text.endswith(("?", "\uff1f")), len(self._requests.findall(low)))
        return _Sentence(
            turn, len(self._sentences), text, bool(self._promises.search(low)), asks, bool(self._duties.search(low))
        )

    def _resting(self, task: str, due: str = "") -> list[_Sentence]:
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

    def _takers(self, resting: Sequence[_Sentence]) -> tuple[set[str], set[str]]:
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

    def _promising(self, resting: Sequence[_Sentence], text: str) -> list[str]:
        """Return the speaker who promises the task itself, if it is one."""
        stems = _keys(text)
        promises = [each for each in resting if each.promises and not each.asks]
        speakers = {self._speakers[each.turn] for each in promises}
        sure = any(len(stems & _keys(each.text)) >= _SURE for each in promises)
        return list(speakers) if sure and len(speakers) == 1 else []


def _keys(text: str) -> set[str]:
    """Return what the words of a text have in common with their other forms: "look" is short beside "looking"."""
    return {stem[:_KEY] for stem in terms.stems(text)}
