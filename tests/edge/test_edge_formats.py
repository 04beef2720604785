"""Output formats: captions that players read, with the same words and within 42 characters."""

import json

import pysubs2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.cues import LINE_CHARACTERS, cues
from edge.formats import FORMATS, bare, transcript_dict
from edge.types import Segment, Transcript, Turn, Word

texts = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=14) | st.sampled_from(
    ["{brace}", "<tag>", "a&b", "long" * 15, "end.", "why?", "\u00e4\u00f6\u00fc"]
)


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    clock = 0.0
    made = []
    for _ in range(draw(st.integers(0, 4))):
        words = []
        for text in draw(st.lists(texts, min_size=1, max_size=30)):
            start = clock + draw(st.sampled_from([0.0, 0.0, 0.1, 0.5, 2.0]))
            clock = start + draw(st.sampled_from([0.0, 0.2, 0.4, 9.0]))
            words.append(Word(text, start, clock, 0.9))
        speaker = draw(st.sampled_from([None, 1, 2]))
        text = " ".join(word.text for word in words)
        made.append(Segment(text, words[0].start, words[-1].end, tuple(words), 0.9, "en", speaker))
    return Transcript(tuple(made), "en", clock, "m")


def unlabelled(text: str) -> str:
    return text.replace("Speaker 1: ", "").replace("Speaker 2: ", "")


@settings(deadline=None)
@given(transcripts())
def test_captions_hold_the_words_within_the_lines(transcript: Transcript) -> None:
    expected = "".join(word.text for segment in transcript.segments for word in segment.words)
    for label in (True, False):
        made = cues(transcript.segments, label=label)
        assert unlabelled("".join("".join(cue.lines) for cue in made)).replace(" ", "") == expected
        for cue, following in zip(made, [*made[1:], None], strict=False):
            assert 1 <= len(cue.lines) <= 2
            assert all(len(line) <= LINE_CHARACTERS for line in cue.lines)
            assert cue.start <= cue.end
            assert following is None or cue.end <= following.start or cue.end == cue.start


@settings(deadline=None)
@given(transcripts())
def test_players_read_srt_and_vtt(transcript: Transcript) -> None:
    count = len(cues(transcript.segments, label=False))
    vtt = pysubs2.SSAFile.from_string(FORMATS["vtt"].write(transcript, "a"), format_="vtt")
    assert len(vtt) == count
    srt = pysubs2.SSAFile.from_string(FORMATS["srt"].write(transcript, "a"), format_="srt")
    assert len(srt) == len(cues(transcript.segments, label=len(transcript.speakers) > 1))
    for read in (srt, vtt):
        assert all(event.start < event.end for event in read)


def two_turns() -> Transcript:
    first = Segment(
        "Good morning.", 0.5, 1.5, (Word("Good", 0.5, 0.9, 0.9), Word("morning.", 1.0, 1.5, 0.8)), 0.85, "en", 1
    )
    second = Segment("1 < 2 & so on", 2, 61.0016, (Word("1 < 2 & so on", 2, 61.0016, 1.0),), 1.0, "en", 2)
    return Transcript((first, second), "en", 62.00049, "small", "done", (Turn(0.4, 1.6, 1), Turn(2, 61, 2)))


def test_srt_names_changes() -> None:
    assert FORMATS["srt"].write(two_turns(), "a") == (
        "1\n00:00:00,500 --> 00:00:01,500\nSpeaker 1: Good morning.\n\n"
        "2\n00:00:02,000 --> 00:01:01,002\nSpeaker 2: 1 < 2 & so on\n"
    )


def test_vtt_has_voices() -> None:
    assert FORMATS["vtt"].write(two_turns(), "a") == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:01.500\n<v Speaker 1>Good morning.\n\n"
        "00:00:02.000 --> 00:01:01.002\n<v Speaker 2>1 &lt; 2 &amp; so on\n"
    )


def test_txt_has_a_line_a_turn() -> None:
    transcript = two_turns()
    assert FORMATS["txt"].write(transcript, "a") == "Speaker 1: Good morning.\nSpeaker 2: 1 < 2 & so on\n"
    alone = Transcript(transcript.segments[:1] * 2, "en", 2, "small")
    assert FORMATS["txt"].write(alone, "a") == "Good morning. Good morning.\n"


def test_rttm_has_a_line_a_turn_of_the_diarizer() -> None:
    assert FORMATS["rttm"].write(two_turns(), "my file").splitlines()[0] == (
        "SPEAKER my_file 1 0.400 1.200 <NA> <NA> Speaker_1 <NA> <NA>"
    )


def test_an_empty_transcript_in_every_format() -> None:
    empty = Transcript((), "", 3.0, "small")
    texts = {name: each.write(empty, "a") for name, each in FORMATS.items()}
    assert (texts["txt"], texts["srt"], texts["vtt"], texts["rttm"]) == ("", "", "WEBVTT\n", "")
    assert json.loads(texts["json"]) == {
        "text": "",
        "language": "",
        "duration": 3.0,
        "segments": [],
        "speakers": [],
        "model": "small",
    }


def test_json_keeps_three_decimals_and_the_written_form() -> None:
    shown = transcript_dict(two_turns())
    assert shown["duration"] == 62.0
    assert shown["segments"][0]["words"][1] == {
        "word": "morning",
        "punctuated_word": "morning.",
        "start": 1.0,
        "end": 1.5,
        "confidence": 0.8,
        "speaker": "Speaker 1",
    }


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("Hello,", "Hello"),
        ('"Quoted."', "Quoted"),
        ("100%", "100%"),
        ("C#", "C#"),
        ("don't", "don't"),
        ("...", "..."),
        ("\u300c\u306f\u3044\u300d", "\u306f\u3044"),
    ],
)
def test_outer_punctuation_goes(written: str, word: str) -> None:
    assert bare(written) == word
