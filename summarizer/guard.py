"""The check of a summary against its transcript: names, numbers, dates and owners that nobody said do not go out."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from summarizer import echoes, shape, wording
from summarizer.attribution import Attribution
from summarizer.commitments import Commitment
from summarizer.nearness import Nearness
from summarizer.owners import Owners
from summarizer.reading import Told, asks, first_person, goes_on, names_something, says_nothing
from summarizer.types import Line, Utterance
from summarizer.vocabulary import Vocabulary
from summarizer.wording import Worded


@dataclass(frozen=True, slots=True)
class Checked:
    """What is left of a summary."""

    blocks: tuple[tuple[str, ...], ...] = ()
    lines: tuple[Line, ...] = ()
    dropped: int = 0

    @property
    def kept(self) -> int:
        """Number of sentences and lines."""
        return sum(len(block) for block in self.blocks) + len(self.lines)

    @property
    def text(self) -> str:
        """All of it, for looking at."""
        return " ".join(
            (*(sentence for block in self.blocks for sentence in block), *(line.text for line in self.lines))
        )


class Guard:
    """Knows what a transcript says. Building it reads the whole text once: not for an event loop."""

    def __init__(
        self, utterances: Sequence[Utterance], *, language: str, spoken: Sequence[Utterance] | None = None
    ) -> None:
        """`spoken`: the same, cleaned. `language`: the transcript's code."""
        speakers = {utterance.speaker for utterance in utterances if utterance.speaker}
        self._language = language
        self._vocabulary = Vocabulary(
            "\n".join(utterance.line for utterance in utterances), speakers, language=language
        )
        self._owners = Owners(utterances if spoken is None else spoken, language=language)
        self._attribution = Attribution(utterances if spoken is None else spoken, asking=self._owners.asking)
        self._nearness = Nearness(utterances if spoken is None else spoken)
        self._speakers = speakers
        self._label = re.compile(rf"(?:{'|'.join(map(re.escape, filter(None, speakers))) or '(?!)'})\s*:\s*(?=\S)")

    def prose(
        self, blocks: Sequence[Sequence[str]], *, answer: str, wide: bool = False, facts: bool = False
    ) -> Checked:
        """Drop the sentences that claim what the transcript does not support, and those that tell nothing new.

        `answer`: language code of the text. `wide`: a sentence may rest on more than one place of the transcript.
        `facts`: all but the first tell a single fact each.
        """
        given = "" if wide else next((sentence for block in blocks for sentence in block), "")
        told = Told(self._speakers)
        kept, dropped = [], 0
        for number, block in enumerate(blocks):
            sound = []
            for sentence in block:
                if asks(sentence):
                    continue
                vague = facts and sentence != given and self._vague(sentence, answer=answer)
                mended = "" if vague else self._mended(sentence, answer=answer, given=given)
                dropped += not mended
                if mended and not told.again(mended, closing=0 < number == len(blocks) - 1):
                    sound.append(mended)
            if sound:
                kept.append(tuple(sound))
        return Checked(blocks=tuple(kept), dropped=dropped)

    def points(self, lines: Sequence[Line], *, answer: str, wide: bool = False) -> Checked:
        """Drop the points of a list that are not supported, are no statements or tell nothing new."""
        given = lines[0].text if lines and not wide else ""
        told = Told(self._speakers)
        kept, dropped = [], 0
        for line in lines:
            text = self._label.sub("", line.text, count=1) if self._label.match(line.text) else line.text
            if any(map(asks, shape.sentences(text))):
                continue
            vague = text != given and self._vague(text, answer=answer)
            mended = "" if vague else self._mended(text, answer=answer, given=given)
            dropped += not mended
            if mended and not told.again(mended):
                kept.append(replace(line, text=_capital(mended)))
        return Checked(lines=tuple(kept), dropped=dropped)

    def tasks(self, lines: Iterable[Line], *, answer: str) -> Checked:
        """Drop the tasks that nobody gave or took on, and from the others owners and times that are not supported."""
        kept, dropped = [], 0
        for line in lines:
            quoted = first_person(line.text, language=answer) or goes_on(line.text)
            if (
                quoted
                or not self._names_a_task(line.text, answer=answer)
                or not self._owners.given(line, answer=answer)
            ):
                dropped += 1
                continue
            due = (
                line.due
                if self._vocabulary.has_time(line.due, answer=answer) and self._owners.timed(line, answer=answer)
                else ""
            )
            owner = self._owners.of(replace(line, owner=self._vocabulary.named(line.owner), due=due), answer=answer)
            dropped += (owner == "" != line.owner) + (due == "" != line.due)
            kept.append(replace(line, owner=owner, due=due))
        return Checked(lines=tuple(kept), dropped=dropped)

    def taken_on(self, rows: Iterable[tuple[Commitment, Sequence[Line]]], *, answer: str) -> Checked:
        """Hold tasks to the passages that they were worded from, which also tell whose they are, and by when.

        A passage whose own words are understood needs no other wording.
        """
        kept, dropped = [], 0
        same = answer == self._language
        for passage, told in rows:
            own = passage.worded if same else Worded()
            if own.task:
                kept.append(Line(_capital(own.task), owner=passage.owner, due=own.due))
                continue
            sound = [
                line
                for line in told
                if self._names_a_task(line.text, answer=answer) and not first_person(line.text, language=answer)
            ]
            if same:
                sound = [
                    replace(line, due=passage.due(line.due, task=line.text))
                    for line in sound
                    if passage.backs(line.text)
                ]
            dropped += not sound
            if same and not sound and passage.quote:
                sound = [Line(passage.quote)]
            for line in sound:
                due = line.due if self._vocabulary.has_time(line.due, answer=answer) else ""
                kept.append(Line(_capital(line.text), owner=passage.owner, due=due))
        return Checked(lines=tuple(kept), dropped=dropped)

    def _vague(self, fact: str, *, answer: str) -> bool:
        empty = answer == wording.LANGUAGE and says_nothing(fact, speakers=self._speakers)
        return empty or not self._vocabulary.grounded(fact, answer=answer, fact=True)

    def _names_a_task(self, text: str, *, answer: str) -> bool:
        return not asks(text) and names_something(text) and not self._unsound(text, answer=answer)

    def _mended(self, sentence: str, *, answer: str, given: str) -> str:
        """Return a sentence as it may go out, "" if it may not. `given`: what the summary is about."""
        if first_person(sentence, language=answer) or self._unsound(sentence, answer=answer):
            return ""
        if answer != self._language or not answer:
            return sentence
        if given and not self._nearness.holds(sentence, given=given):
            return ""
        return self._attribution.mended(sentence)

    def _unsound(self, sentence: str, *, answer: str) -> bool:
        return (
            echoes.of_instructions(sentence)
            or echoes.in_circles(sentence)
            or self._vocabulary.strays(sentence, answer=answer)
            or bool(self._vocabulary.unsupported(sentence, answer=answer))
            or not self._vocabulary.grounded(sentence, answer=answer)
        )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
