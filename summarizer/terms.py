"""Words as they are compared with each other: without case, accents and endings."""

import re
import unicodedata

from summarizer import words

WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
STEM = 5
"""Characters of a word that stand for it whatever its ending."""

_POSSESSIVE = re.compile(r"['\u2019]s?$")


def bare(word: str) -> str:
    """Return a word without case, accents and a possessive ending."""
    folded = unicodedata.normalize("NFKD", _POSSESSIVE.sub("", word).casefold())
    return "".join(character for character in folded if not unicodedata.combining(character))


def bare_name(name: str) -> str:
    """Return a name of any number of words in that form."""
    return " ".join(bare(word) for word in WORD.findall(name))


def stems(text: str) -> set[str]:
    """Return the stems of the words that carry what a text is about."""
    return {word[:STEM] for word in map(bare, WORD.findall(text)) if len(word) > 3 and word not in words.STARTERS}
