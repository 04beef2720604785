"""Spoken words made shorter without loss of sense: no fillers, stutters and back-channels, turns joined."""

import re
from collections.abc import Container, Iterable

from summarizer import words
from summarizer.types import Utterance

_PHRASES = (("you", "know"), ("i", "mean"), ("sort", "of"), ("kind", "of"))
_WORD = re.compile(r"\w[\w'\u2019-]*")
_SPELLED = re.compile(r"\b(?:[A-Z]_)+[A-Z]?\b")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_MARKERS = re.compile(r"\[(/?[A-Z_]{2,})\]")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_REQUEST = re.compile(
    r"\byou (?:do|could|can|will|should|take|make|look|send|write|prepare|check|call|have to|need to)\b"
    r"|\b(?:could|can|would|will) you\b|\bplease\b"
    r"|\bkannst du\b|\bkönn(?:t|t?en) (?:sie|ihr)\b|\bpouvez-vous\b|\bpor favor\b",
    re.IGNORECASE,
)
_PUNCTUATION = " ,.;:!?…\"'()"


def clean(utterances: Iterable[Utterance], *, language: str = "") -> tuple[Utterance, ...]:
    """Return the utterances without what carries no sense; their segment ids are kept. `language`: their code.

    A short answer to a question or a request stays: "yes" may be the decision, and tells who takes a task. If nothing
    would be left, everything is kept.
    """
    utterances = tuple(Utterance(_plain(u.speaker), _plain(u.text), u.segments) for u in utterances)
    fillers = words.FILLERS if language in {"", "en"} else words.FILLERS - words.WORDS_ELSEWHERE
    kept: list[Utterance] = []
    asked = False
    for utterance in utterances:
        text = _tidy(utterance.text, fillers=fillers)
        if _says_something(text) or (asked and _answers(text)):
            kept.append(Utterance(utterance.speaker, text, utterance.segments))
        asked = utterance.text.endswith(("?", "\uff1f")) or bool(_REQUEST.search(utterance.text))
    return _joined(kept or utterances)


def _plain(text: str) -> str:
    """Take away what a model or a terminal could read as more than text.

    The control tokens of chat models are written with angle brackets or `[INST]`: speech has no use for either.
    """
    text = _CONTROL.sub("", text.replace("\t", " ")).replace("<", "\u2039").replace(">", "\u203a")
    return _MARKERS.sub(r"(\1)", text)


def _tidy(text: str, *, fillers: Container[str]) -> str:
    """Drop fillers and stutters from one utterance, word by word."""
    text = _SPELLED.sub(lambda spelled: spelled[0].replace("_", ""), text)
    kept: list[str] = []
    bare: list[str] = []
    for word in text.split():
        plain = word.strip(_PUNCTUATION).lower()
        if plain in fillers:
            # The end of a sentence is kept though its last word was a filler.
            if kept and word[-1] in ".?!" and kept[-1][-1] not in ".?!":
                kept[-1] = kept[-1].rstrip(",;") + word[-1]
            continue
        kept.append(word)
        bare.append(plain)
        _drop_phrase(kept, bare)
        _drop_stutter(kept, bare)
    return " ".join(kept).strip(" ,;")


def _drop_phrase(kept: list[str], bare: list[str]) -> None:
    if tuple(bare[-2:]) in _PHRASES and kept[-1].endswith((",", ".")) and len(kept) > 2:
        del kept[-2:], bare[-2:]


def _drop_stutter(kept: list[str], bare: list[str]) -> None:
    """Undo "the the", "we have we have" and "pro project": the later wording stays. Numbers are never stutters."""
    if len(bare) >= 2 and _breaks_off(bare[-2], bare[-1]) and kept[-2][-1].isalpha():
        del kept[-2], bare[-2]
    for length in (1, 2):
        first, second = bare[-2 * length : -length], bare[-length:]
        if len(first) == length and first == second and all(second) and not any(map(_has_digit, second)):
            if kept[-length - 1][-1] in ".?!":
                return
            del kept[-2 * length : -length], bare[-2 * length : -length]
            return


def _breaks_off(word: str, following: str) -> bool:
    return 1 < len(word) < len(following) and word not in words.SHORT and word.isalpha() and following.startswith(word)


def _has_digit(word: str) -> bool:
    return any(character.isdigit() for character in word)


def _says_something(text: str) -> bool:
    content = [word for word in _WORD.findall(text.lower()) if word not in words.BACKCHANNEL]
    if any(map(_has_digit, content)):
        return True
    return len(content) >= 2 or len(_UNSPACED.findall(text)) >= 3


def _answers(text: str) -> bool:
    spoken = _WORD.findall(text.lower())
    return bool(spoken) and spoken[0] in words.ANSWERS


def _joined(utterances: Iterable[Utterance]) -> tuple[Utterance, ...]:
    """Make one utterance of what one speaker says in a row."""
    joined: list[tuple[str, list[str], list[str]]] = []
    for utterance in utterances:
        text = utterance.text if utterance.text[-1:] in ".?!…。\uff1f\uff01" else f"{utterance.text}."
        if _UNSPACED.search(text[-2:-1]):
            text = utterance.text
        if joined and utterance.speaker and joined[-1][0] == utterance.speaker:
            joined[-1][1].append(text)
            joined[-1][2].extend(utterance.segments)
        else:
            joined.append((utterance.speaker, [text], list(utterance.segments)))
    return tuple(Utterance(who, " ".join(said), tuple(dict.fromkeys(ids))) for who, said, ids in joined)
