"""The check of a summary against its transcript: names, numbers, dates and owners that nobody said do not go out."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from summarizer import echoes, quantities, shape, terms, words
from summarizer.attribution import Attribution
from summarizer.commitments import Commitment
from summarizer.nearness import Nearness
from summarizer.owners import Owners
from summarizer.reading import Told, asks, first_person, names_something
from summarizer.types import Line, Utterance
from summarizer.wording import Worded

_GROUNDED = 0.3
"""Least share of a sentence's content words that occur in the transcript."""
_FACT = 0.65
"""The same for one that tells a single fact, without the names of speakers; what sums up has more words of its own.
Two thirds of the words of true facts are the transcript's; padding brings its own."""
_FEW = 3
"""Words with weight below which a share of them says little."""
_BEGINNING = 4
"""Characters by which "expects" is known from "expecting"."""
_FRAME = words.STARTERS | words.VAGUE | words.SAYS | words.SPEAKS
"""Words of who tells a fact."""
_SMALL = 12
"""Counts up to here in words ("three topics") are the writer's own, unless they measure something."""

# In these languages a capital says nothing about a name.
_CAPITALS_EVERYWHERE = frozenset(("de", "lb"))
_UNITS = re.compile(
    r"(?:%|percent|prozent|euros?|dollars?|pounds?|cents?|francs?|franken|pesos?|minutes?|minuten|hours?|stunden?|days?|tage?n?|"
    r"weeks?|wochen?|months?|monate?n?|years?|jahre?n?|people|users|customers|million|thousand|hundred|o'clock|am|pm|uhr|"
    r"heures?|jours?|semaines?|mois|ans|horas?|días?|semanas?|meses|años?|minutos?|giorni|settimane|mesi|anni|ore|uur|dagen)$"
)


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
        text = "\n".join(utterance.line for utterance in utterances)
        self._language = language
        self._signs = echoes.signs(text)
        self._words = {terms.bare(word) for word in terms.WORD.findall(text)}
        self._words |= {part for word in tuple(self._words) for part in re.split(r"['\u2019-]", word)}
        self._stems = {word[: terms.STEM] for word in self._words}
        self._beginnings = {word[:_BEGINNING] for word in self._words if len(word) >= _BEGINNING}
        self._acronyms = {
            re.sub(r"[\s._]", "", match).lower() for match in re.findall(r"\b(?:[A-Z][._ ]){2,}", text + " ")
        }
        self._values = quantities.values(text)
        speakers = {utterance.speaker for utterance in utterances if utterance.speaker}
        self._owners = Owners(utterances if spoken is None else spoken, language=language)
        self._attribution = Attribution(utterances if spoken is None else spoken, asking=self._owners.asking)
        self._nearness = Nearness(utterances if spoken is None else spoken)
        self._speakers = speakers
        self._labels = {stem for speaker in speakers for stem in terms.stems(speaker)}
        self._label = re.compile(rf"(?:{'|'.join(map(re.escape, filter(None, speakers))) or '(?!)'})\s*:\s*(?=\S)")
        self._values |= {float(len(speakers)), *(value for speaker in speakers for value in quantities.values(speaker))}

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
                vague = facts and sentence != given and not self._grounded(sentence, answer=answer, fact=True)
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
            vague = text != given and not self._grounded(text, answer=answer, fact=True)
            mended = "" if vague else self._mended(text, answer=answer, given=given)
            dropped += not mended
            if mended and not told.again(mended):
                kept.append(replace(line, text=_capital(mended)))
        return Checked(lines=tuple(kept), dropped=dropped)

    def tasks(self, lines: Iterable[Line], *, answer: str) -> Checked:
        """Drop the tasks that nobody gave or took on, and from the others owners and times that are not supported."""
        kept, dropped = [], 0
        for line in lines:
            if not self._names_a_task(line.text, answer=answer) or not self._owners.given(line, answer=answer):
                dropped += 1
                continue
            due = (
                line.due if self._due_said(line.due, answer=answer) and self._owners.timed(line, answer=answer) else ""
            )
            owner = self._owners.of(replace(line, owner=self._named(line.owner), due=due), answer=answer)
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
                due = line.due if self._due_said(line.due, answer=answer) else ""
                kept.append(Line(_capital(line.text), owner=passage.owner, due=due))
        return Checked(lines=tuple(kept), dropped=dropped)

    def unsupported(self, text: str, *, answer: str) -> list[str]:
        """Return the names, numbers and dates in the text that the transcript does not have."""
        return [*self._numbers(text), *self._names(text, answer=answer)]

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
            or self._strays(sentence, answer=answer)
            or bool(self.unsupported(sentence, answer=answer))
            or not self._grounded(sentence, answer=answer)
        )

    def _numbers(self, text: str) -> Iterator[str]:
        # Number words of a language that is not known here could be what a digit in the summary stands for.
        if self._language not in quantities.LANGUAGES:
            return
        for claim in quantities.claims(text):
            small = claim.word and max(claim.values, default=0) <= _SMALL and not _UNITS.match(claim.followed_by)
            if not small and claim.values.isdisjoint(self._values):
                yield claim.text

    def _names(self, text: str, *, answer: str) -> Iterator[str]:
        if answer in _CAPITALS_EVERYWHERE:
            return
        matches = list(terms.WORD.finditer(text))
        for index, match in enumerate(matches):
            word = match.group()
            bare = terms.bare(word)
            if bare in words.DATES and not self._said(word):
                yield word
                continue
            if not word[0].isupper() or word in {"I", "I'm", "I'll", "I've"}:
                continue
            before = text[: match.start()].rstrip(" \"'“\u2018(")
            if word in {"AM", "PM"} and before[-1:].isdigit():
                continue
            begins = not before or before[-1] in ".!?:;\n•-"
            following = matches[index + 1].group() if index + 1 < len(matches) else ""
            if begins and (bare in words.STARTERS or not (following[:1].isupper() or following.lower() in words.SAYS)):
                continue
            if not self._said(word):
                yield word

    def _said(self, word: str) -> bool:
        """Say whether a word occurs in the transcript in some form: possessive, plural, derived or as an acronym."""
        bare = terms.bare(word)
        if (
            bare in self._words
            or bare in self._acronyms
            or bare.rstrip("s") in self._words
            or f"{bare}s" in self._words
        ):
            return True
        return len(bare) > terms.STEM and any(
            other.startswith(bare[: terms.STEM]) and abs(len(other) - len(bare)) <= 3 for other in self._words
        )

    def _grounded(self, sentence: str, *, answer: str, fact: bool = False) -> bool:
        """Say whether enough of the content of a sentence occurs in the transcript, where both are in one language."""
        if answer != self._language or not self._language:
            return True
        content = [word for word in map(terms.bare, terms.WORD.findall(sentence)) if len(word) > 3]
        if fact:
            content = [word for word in content if word not in _FRAME and word[: terms.STEM] not in self._labels]
            known = sum(word[:_BEGINNING] in self._beginnings or word.rstrip("s") in self._words for word in content)
            return len(content) < 2 or known >= _FACT * len(content)
        content = [word for word in content if word not in words.STARTERS]
        known = sum(word[: terms.STEM] in self._stems for word in content)
        return len(content) < _FEW or known >= _GROUNDED * len(content)

    def _named(self, owner: str) -> str:
        """Return the owner, or "" if he is no speaker and the transcript does not name him."""
        named = {terms.bare(word) for word in terms.WORD.findall(owner)} - {"and", "und", "the"}
        return owner if named and named <= self._words | words.EVERYONE else ""

    def _strays(self, text: str, *, answer: str) -> bool:
        """Say whether Chinese signs or the like stray into an answer whose transcript has none of them."""
        return answer == self._language and not echoes.signs(text) <= self._signs

    def _due_said(self, due: str, *, answer: str) -> bool:
        said = [terms.bare(word) for word in terms.WORD.findall(due) if not word[0].isdigit()]
        content = [word for word in said if len(word) > 3 and word not in words.STARTERS | quantities.WORDS.keys()]
        stray = self._strays(due, answer=answer)
        return not stray and not list(self._numbers(due)) and all(word[: terms.STEM] in self._stems for word in content)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
