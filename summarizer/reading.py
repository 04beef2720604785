"""What a reader gains from a sentence: nothing from a question, from a bare quote, or from what was told before."""

import re
from collections.abc import Iterable, Sequence

from summarizer import quantities, shape, terms, words
from summarizer.types import Line

_AGAIN = 0.65
"""Share of a sentence's words that one before it has as well, if it tells nothing new."""
_CLOSING = 0.8
"""Share of a closing sentence's words that came before, if it only sums up the summary."""
_TELLING = 2
"""Words of its own that a sentence has at least, if it is about this meeting and no other."""
_FRAME = words.STARTERS | words.SAYS | words.SPEAKS
_LEAST = 3
"""Words with weight that a sentence needs to be compared."""
_QUOTED = re.compile(r"[\"\u201c\u201e\u00ab][^\"\u201c\u201d\u201e\u00ab\u00bb]*[\"\u201c\u201d\u00bb]")


_WHETHER = re.compile(
    r"\b(?:(?:asks|asked|wonders|wondered) (?:if|whether|how|what|when|where|which|who|why)\b"
    r"|(?:asks|asked) for (?:help|advice|feedback|input|opinions?|ideas|suggestions)\b"
    r"|fragte?,? (?:ob|wie|was|wann|wo|wer|warum)\b|(?:demande|demand\u00e9) (?:si|s'|comment|quand|combien|ce que)"
    r"|pregunt(?:a|\u00f3) (?:si|qu\u00e9|c\u00f3mo|cu\u00e1ndo|cu\u00e1nto)\b"
    r"|(?:chiede|chiesto) (?:se|come|quando|cosa)\b"
    r"|pergunt(?:a|ou) (?:se|como|quando|quanto)\b|(?:vraagt|vroeg) (?:of|hoe|wat|wanneer|wie)\b)",
    re.IGNORECASE,
)


def asks(sentence: str) -> bool:
    """Say whether a sentence is a question, or only tells that one was asked."""
    if _WHETHER.search(sentence):
        return True
    return sentence.rstrip(" \"'\u201c\u201d\u2019\u00bb)").endswith(("?", "\uff1f"))


def first_person(sentence: str, *, language: str) -> bool:
    """Say whether a sentence speaks as one of those who were there, outside of what it quotes."""
    own = words.FIRST_PERSON.get(language, frozenset())
    said = terms.WORD.findall(_QUOTED.sub("", sentence))
    return any(word.lower().replace("\u2019", "'") in own for word in said if len(word) == 1 or not word.isupper())


def says_nothing(sentence: str, *, speakers: Iterable[str]) -> bool:
    """Say whether an English sentence would do for any meeting: "The manager will present the project to the team".

    One with a number, a day or a name tells something.
    """
    named = {stem for speaker in speakers for stem in terms.stems(speaker)}
    _, *written = terms.WORD.findall(sentence) or [""]
    if any(word[0].isupper() and terms.bare(word)[: terms.STEM] not in named for word in written):
        return False
    said = {terms.bare(word) for word in terms.WORD.findall(sentence)}
    if said & (words.DATES | quantities.WORDS.keys()) or any(any(map(str.isdigit, word)) for word in said):
        return False
    telling = {word for word in said if len(word) > 3} - words.GENERIC - _FRAME
    return len({word[: terms.STEM] for word in telling} - named) < _TELLING and bool(said & words.GENERIC)


def goes_on(text: str) -> bool:
    """Say whether a text begins as one that goes on: a task that does so was copied, not worded."""
    said = terms.WORD.findall(text)
    return bool(said) and terms.bare(said[0]) in words.JOINS


def names_something(task: str) -> bool:
    """Say whether a task has an object: "draw something" has none. Scripts without spaces are not judged."""
    said = terms.WORD.findall(task)
    if len(said) < 2:
        return any(character >= "\u0e00" for character in task)
    return any(word[0].isupper() or word[0].isdigit() or terms.bare(word) not in words.VAGUE for word in said[1:])


def once(rows: Sequence[Line]) -> list[Line]:
    """Return the lines without those that only say again what one before them says."""
    kept: list[Line] = []
    for row in rows:
        if not _repeats(row, kept):
            kept.append(row)
    return kept


def _repeats(row: Line, rows: Sequence[Line]) -> bool:
    words = set(shape.same(row.text).split())
    for other in rows:
        known = set(shape.same(other.text).split())
        if row.owner == other.owner and len(words & known) >= 0.8 * min(len(words), len(known)):
            return True
    return False


class Told:
    """What a summary has told so far."""

    def __init__(self, speakers: Iterable[str]) -> None:
        """`speakers`: their labels, which make no sentence different from another."""
        self._speakers = {stem for speaker in speakers for stem in terms.stems(speaker)}
        self._before: list[set[str]] = []

    def again(self, sentence: str, *, closing: bool = False) -> bool:
        """Say whether a sentence tells what another one told, and remember it if not.

        `closing`: it stands in the last of several paragraphs, where small models say everything once more.
        """
        stems = {
            bare[: terms.STEM]
            for bare in map(terms.bare, terms.WORD.findall(sentence))
            if (len(bare) > 3 or bare.isdigit()) and bare not in _FRAME
        } - self._speakers
        if len(stems) >= _LEAST:
            shared = max((len(stems & other) for other in self._before), default=0)
            if shared >= max(_LEAST, _AGAIN * len(stems)):
                return True
            if closing and len(stems & set().union(*self._before)) >= _CLOSING * len(stems):
                return True
            self._before.append(stems)
        return False
