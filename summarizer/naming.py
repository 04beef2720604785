"""The names of speakers who are only numbered: told by themselves, or called by others and answering."""

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from summarizer import terms, words
from summarizer.shape import sentences
from summarizer.types import Utterance

_NUMBERED = re.compile(
    r"(?:speaker|sprecher(?:in)?|locuteur|hablante|interlocutore?|parlante|falante|orador|spreker|participant|spk)"
    r"[ _-]*[a-z0-9]{0,3}",
    re.IGNORECASE,
)
_NAME = r"([^\W\d_]{2,}(?:[ -][^\W\d_]{2,})?)"
_TELLS = re.compile(
    r"\b(?:my name(?:'s|\u2019s| is)|mein name ist|ich hei\u00dfe|je m['\u2019]appelle|mon nom est|me llamo"
    r"|mi nombre es|mi chiamo|il mio nome \u00e8|me chamo|chamo-me|meu nome \u00e9|mijn naam is|ik heet)"
    rf" (?:[^\W\d_]+\. )?{_NAME}",
    re.IGNORECASE,
)
_CHECKS = re.compile(
    r"\b(?:speaking (?:with|to)|talking to|spreche ich mit|je parle (?:avec|\u00e0)|hablo con|parlo con|falo com"
    r"|spreek ik met)\b",
    re.IGNORECASE,
)
_FULL = re.compile(rf"(?:^|, ){_NAME}\.?$")
_CALLS = re.compile(r"(?:^|, |\b(?:and|und|et|y|e|en) )([^\W\d_]{2,})(?=,|[.?!]*$)", re.IGNORECASE)
_TIMES = 2
"""So often must somebody be called by a name, and the same one answer, to bear it."""


def named(utterances: Sequence[Utterance]) -> tuple[Utterance, ...]:
    """Return the utterances with the names of numbered speakers in place of their numbers, where they are sure.

    A speaker who is called by two names, and a name to which two answer, stay as they are.
    """
    numbered = {each.speaker for each in utterances if _NUMBERED.fullmatch(each.speaker)}
    if not numbered:
        return tuple(utterances)
    names = {**_called(utterances, numbered), **_told(utterances, numbered)}
    shared = {name for name, times in Counter(names.values()).items() if times > 1}
    labels = {each.speaker for each in utterances}
    names = {label: name for label, name in names.items() if name not in shared | labels}
    return tuple(replace(each, speaker=names.get(each.speaker, each.speaker)) for each in utterances)


def _told(utterances: Sequence[Utterance], numbered: set[str]) -> dict[str, str]:
    told: defaultdict[str, set[str]] = defaultdict(set)
    for each in utterances:
        for match in _TELLS.finditer(each.text) if each.speaker in numbered else ():
            if name := _capitals(match[1]):
                told[each.speaker].add(name)
    for asking, each in itertools.pairwise(utterances):
        full = _FULL.search(each.text)
        if full and each.speaker in numbered and asking.text.endswith("?") and _CHECKS.search(asking.text):
            name = _capitals(full[1])
            if name and name.split()[-1] in asking.text:
                told[each.speaker].add(name)
    return {label: next(iter(names)) for label, names in told.items() if len(names) == 1}


def _capitals(text: str) -> str:
    """Return the capitalized words that a text begins with."""
    return " ".join(itertools.takewhile(lambda word: word[0].isupper(), text.split()))


def _called(utterances: Sequence[Utterance], numbered: set[str]) -> dict[str, str]:
    """Return who answers when a name is called: "And Tom, when can it be done?"."""
    small = {word for each in utterances for word in terms.WORD.findall(each.text) if word[0].islower()}
    answers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    inside: set[str] = set()
    for each, following in itertools.pairwise(utterances):
        for name, starts in _calls(each.text):
            if name.lower() not in small and following.speaker != each.speaker:
                answers[name][following.speaker] += 1
                inside |= set() if starts else {name}
    names: defaultdict[str, set[str]] = defaultdict(set)
    for name, speakers in answers.items():
        [(speaker, times)] = speakers.most_common(1)
        # What only ever begins a sentence may be no name: "Perfecto, ...".
        if len(speakers) == 1 and times >= _TIMES and name in inside and speaker in numbered:
            names[speaker].add(name)
    return {speaker: next(iter(called)) for speaker, called in names.items() if len(called) == 1}


def _calls(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the words of a text's last sentences that are set off like a name, and whether they begin a sentence."""
    for sentence in sentences(text)[-2:]:
        for match in _CALLS.finditer(sentence):
            word = match[1]
            if word[0].isupper() and terms.bare(word) not in words.STARTERS | words.DATES | words.BACKCHANNEL:
                yield word, match.start(1) == 0
