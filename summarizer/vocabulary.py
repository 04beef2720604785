"""The words, names, numbers and dates of a transcript, and whether those of a summary are among them."""

import re
from collections.abc import Iterator, Set

from summarizer import echoes, quantities, terms, words

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


class Vocabulary:
    """Knows what was said, whoever said it. Building it reads the whole text once: not for an event loop."""

    def __init__(self, text: str, speakers: Set[str], *, language: str) -> None:
        """`language`: the transcript's code, "" if it is not known."""
        self._language = language
        self._signs = echoes.signs(text)
        self._words = {terms.bare(word) for word in terms.WORD.findall(text)}
        self._words |= {part for word in tuple(self._words) for part in re.split(r"['\u2019-]", word)}
        self._stems = {word[: terms.STEM] for word in self._words}
        self._beginnings = {word[:_BEGINNING] for word in self._words if len(word) >= _BEGINNING}
        self._acronyms = {
            re.sub(r"[\s._]", "", match).lower() for match in re.findall(r"\b(?:[A-Z][._ ]){2,}", text + " ")
        }
        self._labels = {stem for speaker in speakers for stem in terms.stems(speaker)}
        self._values = quantities.values(text)
        self._values |= {float(len(speakers)), *(value for speaker in speakers for value in quantities.values(speaker))}

    def unsupported(self, text: str, *, answer: str) -> list[str]:
        """Return the names, numbers and dates in the text that the transcript does not have."""
        return [*self._numbers(text), *self._names(text, answer=answer)]

    def named(self, owner: str) -> str:
        """Return the owner, or "" if he is no speaker and the transcript does not name him."""
        named = {terms.bare(word) for word in terms.WORD.findall(owner)} - {"and", "und", "the"}
        return owner if named and named <= self._words | words.EVERYONE else ""

    def strays(self, text: str, *, answer: str) -> bool:
        """Say whether Chinese signs or the like stray into an answer whose transcript has none of them."""
        return answer == self._language and not echoes.signs(text) <= self._signs

    def has_time(self, due: str, *, answer: str) -> bool:
        """Say whether the numbers and words of a time were said."""
        said = [terms.bare(word) for word in terms.WORD.findall(due) if not word[0].isdigit()]
        content = [word for word in said if len(word) > 3 and word not in words.STARTERS | quantities.WORDS.keys()]
        stray = self.strays(due, answer=answer)
        return not stray and not list(self._numbers(due)) and all(word[: terms.STEM] in self._stems for word in content)

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

    def grounded(self, sentence: str, *, answer: str, fact: bool = False) -> bool:
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
