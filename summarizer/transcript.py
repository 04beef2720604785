"""The transcript of one stream as it comes in: pieces to utterances, with speaker labels and timestamps understood."""

import re
from dataclasses import dataclass, field

from summarizer.errors import TextTooLarge
from summarizer.types import Utterance

_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?"
_TIMING = re.compile(rf"^\s*{_CLOCK}\s*-->\s*{_CLOCK}.*$")
_STAMP = re.compile(rf"^\s*[\[(]?{_CLOCK}(?:\s*(?:-|\u2013|-->)\s*{_CLOCK})?[\])]?\s*[-\u2013:]?\s*")
_VOICE = re.compile(r"^\s*<v(?:\.[\w.]+)?\s+([^>]{1,60})>\s*")
_LABEL = re.compile(rf"^\s*([^\s:][^:\n]{{0,59}}?)\s*(?:[\[(]{_CLOCK}[\])])?\s*[:\uff1a](?:\s+|$)")
_ROLE_WORD = re.compile(r"^[(\"'\u2019]?(?:[^\W\d_]|\d)")


@dataclass(slots=True)
class _Piece:
    speaker: str
    segment: str
    parts: list[str] = field(default_factory=list)


class Transcript:
    """What came so far. A piece with a segment id or a new speaker begins an utterance; others continue the last."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._pieces: list[_Piece] = []
        self.size = 0
        """Bytes of text received, in UTF-8."""

    def add(self, text: str, *, segment: str = "", speaker: str = "") -> None:
        """Append a piece. Raises `TextTooLarge` past the bound, since nothing may be cut silently."""
        self.size += len(text.encode())
        if self.size > self._limit:
            raise TextTooLarge(f"a transcript may have at most {self._limit} bytes", limit=str(self._limit))
        last = self._pieces[-1] if self._pieces else None
        if last is None or segment or (speaker and speaker != last.speaker):
            last = _Piece(speaker.strip(), segment)
            self._pieces.append(last)
        last.parts.append(text)

    def utterances(self) -> tuple[Utterance, ...]:
        """Return what was said, in order, without empty lines, timing lines and cue numbers."""
        said: list[Utterance] = []
        for piece in self._pieces:
            segments = (piece.segment,) if piece.segment else ()
            text = "".join(piece.parts)
            if piece.speaker:
                said.append(Utterance(piece.speaker, " ".join(text.split()), segments))
            else:
                said.extend(Utterance(speaker, line, segments) for speaker, line in _lines(text))
        return tuple(utterance for utterance in said if utterance.text)


def _lines(text: str) -> list[tuple[str, str]]:
    """Split plain text, or the txt, SRT or WebVTT form of a transcript, into speaker and words."""
    lines = [line.strip() for line in text.splitlines()]
    subtitles = any(_TIMING.match(line) for line in lines)
    said: list[tuple[str, str]] = []
    speaker = ""
    for number, line in enumerate(lines):
        if not line or (subtitles and _is_cue_furniture(lines, number)):
            continue
        words = _STAMP.sub("", line, count=1)
        if voice := _VOICE.match(words):
            speaker, words = voice[1].strip(), words[voice.end() :]
        elif (label := _LABEL.match(words)) and _names_someone(label[1]):
            speaker, words = label[1].strip(), words[label.end() :]
        said.append((speaker, " ".join(words.split())))
    return said


def _is_cue_furniture(lines: list[str], number: int) -> bool:
    line = lines[number]
    if _TIMING.match(line) or line.startswith(("WEBVTT", "NOTE ")):
        return True
    return line.isdigit() and number + 1 < len(lines) and bool(_TIMING.match(lines[number + 1]))


def _names_someone(label: str) -> bool:
    """Say whether the words before a colon are a speaker's name rather than the beginning of a sentence."""
    words = label.split()
    if len(words) > 4 or not all(_ROLE_WORD.match(word) for word in words):
        return False
    # A name or role is written with capitals, "SPEAKER_00", or in a script that has none.
    return all(not word[0].islower() or word in {"of", "the", "de", "von", "van", "da", "di", "la"} for word in words)
