"""Output formats: one function and one entry each.

Captions are written here and not by pysubs2, which would take braces in a text for
styling and knows no voices; the tests read them back with it.
"""

import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any

from edge.cues import cues, prefix_of
from edge.transcript import join_segments
from edge.types import Segment, Transcript, Word

KEPT_MARKS = frozenset("%#@&*+/\\_")
"""Punctuation that belongs to a word: `100%`, `C#`, `@home`."""


@dataclass(frozen=True, slots=True)
class Format:
    """How a transcript is written."""

    name: str
    content_type: str
    write: Callable[[Transcript, str], str]
    """From the transcript and the upload's name without its extension."""
    download: bool = True
    """Whether the answer is named as a file."""


def bare(text: str) -> str:
    """A word without outer punctuation; the text itself if nothing else is in it."""
    low, high = 0, len(text)
    while low < high and _outer(text[low]):
        low += 1
    while high > low and _outer(text[high - 1]):
        high -= 1
    return text[low:high] or text


def speaker_name(speaker: int) -> str:
    """How a speaker is called."""
    return f"Speaker {speaker}"


def word_dict(word: Word, speaker: int | None = None) -> dict[str, Any]:
    """A word as JSON shows it."""
    shown: dict[str, Any] = {
        "word": bare(word.text),
        "start": round(word.start, 3),
        "end": round(word.end, 3),
        "confidence": round(word.confidence, 4),
        "punctuated_word": word.text,
    }
    if speaker is not None:
        shown["speaker"] = speaker_name(speaker)
    return shown


def segment_dict(segment: Segment) -> dict[str, Any]:
    """A segment as JSON shows it; no `speaker` key where none is known."""
    shown: dict[str, Any] = {
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "confidence": round(segment.confidence, 4),
        "language": segment.language,
        "words": [word_dict(word, segment.speaker) for word in segment.words],
    }
    if segment.speaker is not None:
        shown["speaker"] = speaker_name(segment.speaker)
    return shown


def transcript_dict(transcript: Transcript) -> dict[str, Any]:
    """A transcript as JSON shows it."""
    shown: dict[str, Any] = {
        "text": join_segments(transcript.segments),
        "language": transcript.language,
        "duration": round(transcript.duration, 3),
        "segments": [segment_dict(segment) for segment in transcript.segments],
        "speakers": [speaker_name(speaker) for speaker in transcript.speakers],
        "model": transcript.model,
    }
    if transcript.diarization == "unavailable":
        shown["diarization"] = "unavailable"
    if transcript.truncated:
        shown["truncated"] = True
    return shown


def write_json(transcript: Transcript, stem: str) -> str:
    """The documented object."""
    return json.dumps(transcript_dict(transcript), ensure_ascii=False)


def write_txt(transcript: Transcript, stem: str) -> str:
    """One line a turn, named where more than one spoke."""
    named = len(transcript.speakers) > 1
    lines = [
        (prefix_of(speaker) if named else "") + join_segments(turn)
        for speaker, turn in groupby(transcript.segments, key=lambda segment: segment.speaker)
    ]
    return "".join(f"{line}\n" for line in lines)


def write_srt(transcript: Transcript, stem: str) -> str:
    """SubRip; a change of speaker is named where more than one spoke."""
    blocks = [
        f"{number}\n{_clock(start, ',')} --> {_clock(end, ',')}\n" + "\n".join(cue.lines) + "\n"
        for number, cue in enumerate(cues(transcript.segments, label=len(transcript.speakers) > 1), 1)
        for start, end in [_milliseconds(cue.start, cue.end)]
    ]
    return "\n".join(blocks)


def write_vtt(transcript: Transcript, stem: str) -> str:
    """WebVTT with a voice for each speaker."""
    blocks = ["WEBVTT\n"]
    for cue in cues(transcript.segments, label=False):
        start, end = _milliseconds(cue.start, cue.end)
        voice = "" if cue.speaker is None else f"<v {speaker_name(cue.speaker)}>"
        text = "\n".join(escape(line, quote=False) for line in cue.lines)
        blocks.append(f"{_clock(start, '.')} --> {_clock(end, '.')}\n{voice}{text}\n")
    return "\n".join(blocks)


def write_rttm(transcript: Transcript, stem: str) -> str:
    """Who spoke when, in the field's own format (NIST Rich Transcription)."""
    name = "_".join(stem.split()) or "audio"
    return "".join(
        f"SPEAKER {name} 1 {turn.start:.3f} {turn.end - turn.start:.3f} <NA> <NA> Speaker_{turn.speaker} <NA> <NA>\n"
        for turn in sorted(transcript.turns, key=lambda turn: (turn.start, turn.end))
    )


def _by_name(formats: Iterable[Format]) -> Mapping[str, Format]:
    return {each.name: each for each in formats}


FORMATS = _by_name(
    (
        Format("json", "application/json; charset=utf-8", write_json, download=False),
        Format("txt", "text/plain; charset=utf-8", write_txt),
        Format("srt", "application/x-subrip; charset=utf-8", write_srt),
        Format("vtt", "text/vtt; charset=utf-8", write_vtt),
        Format("rttm", "text/plain; charset=utf-8", write_rttm),
    )
)

ALIASES: Mapping[str, str] = {"text": "txt", "verbose_json": "json"}
"""Names that other clients send."""


def _outer(character: str) -> bool:
    return character.isspace() or (unicodedata.category(character)[0] == "P" and character not in KEPT_MARKS)


def _milliseconds(start: float, end: float) -> tuple[int, int]:
    """Whole milliseconds; a cue lasts at least one."""
    first = round(start * 1000)
    return first, max(round(end * 1000), first + 1)


def _clock(milliseconds: int, point: str) -> str:
    seconds, fraction = divmod(milliseconds, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}{point}{fraction:03}"
