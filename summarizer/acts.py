"""What a sentence of a conversation does: take something on, ask for it, or say that it is to be done."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from summarizer.shape import sentences
from summarizer.types import Utterance

_PROMISES = {
    "en": r"(?<!thing )(?<!what )(?<!suppose )\bi(?:'ll| will| can| could| should| shall| have to| need to| must|'d"
    r"|'m going to| am going to)\b(?= \w)(?! (?:say|think|imagine|guess|hope|like|not|never|see|only|i)\b| try\.)"
    r"|\blet me\b|\bme to\b|\bwill do\b",
    "de": r"(?<!habe )(?<!glaube )(?<!würde )(?<!brauche )(?<!weiß )\bich\b"
    r"(?! (?:habe|hatte|war|weiß|bin|denke|glaube|finde|meine)\b)",
    "nl": r"\bik\b(?! (?:heb|had|was|weet|ben|denk|geloof|vind)\b)",
    "fr": r"\bje (?:vais|peux|dois|m'en|m'occupe|\w+rai)\b",
    "es": r"\b(?:voy a|puedo|me encargo|tengo que|\w{3,}ré)\b",
    "it": r"\b(?:posso|devo|ci penso|me ne occupo|\w{3,}rò)\b",
    "pt": r"\b(?:vou|posso|tenho que|\w{3,}rei)\b",
}
"""How somebody takes something on, by language."""
_REQUESTS = {
    "en": r"(?<!suppose )(?<!as )(?<!what )(?<!how )(?<!that )(?<!when )(?<!like )\byou(?: maybe| all)?"
    r" (?:do|will|should|must|want|take|make|look|send|write|prepare|check|call|go|get"
    r"|have to|need to|are going to)\b|\b(?:if|and|maybe) you (?:maybe )?could\b|\byou could maybe\b|\byou'll\b"
    r"|\b(?:could|can|would|will) you\b|\bplease\b",
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

_TURNS_TO_ANOTHER = re.compile(r"(?<=[.?!]) (?=you )")
"""Where a sentence of recognized speech, written small, turns to another one."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, and what it does."""

    turn: int
    place: int
    """Number of the sentence in the transcript."""
    text: str
    promises: bool
    """Whether the speaker takes something on."""
    asks: int
    """How often the speaker wants something of another one, an answer included."""
    requests: bool
    """Whether he wants more than an answer."""
    duty: bool
    """Whether the speaker says that something is to be done."""


def known(language: str) -> bool:
    """Say whether it is known how things are taken on in a language."""
    return language in _PROMISES


def read(spoken: Sequence[Utterance], *, language: str) -> list[Sentence]:
    """Return the sentences of a cleaned transcript in that language. In one that is not known, they do nothing."""
    promises, requests, duties = (re.compile(table.get(language, "(?!)")) for table in (_PROMISES, _REQUESTS, _DUTIES))
    found: list[Sentence] = []
    for turn, utterance in enumerate(spoken):
        for text in (part for whole in sentences(utterance.text) for part in _TURNS_TO_ANOTHER.split(whole)):
            low = text.lower().replace("\u2019", "'")
            wanted = len(requests.findall(low))
            found.append(
                Sentence(
                    turn,
                    len(found),
                    text,
                    bool(promises.search(low)),
                    max(text.endswith(("?", "\uff1f")), wanted),
                    wanted > 0,
                    bool(duties.search(low)),
                )
            )
    return found
