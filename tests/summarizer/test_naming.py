"""A speaker who is only numbered bears the name that he tells, or that he answers to; a guess is none."""

import pytest

from summarizer.naming import named
from summarizer.types import Utterance


def speakers(*turns: str) -> list[str]:
    utterances = [Utterance(speaker, text) for speaker, _, text in (turn.partition(": ") for turn in turns)]
    return [utterance.speaker for utterance in named(utterances)]


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("Thank you for calling, my name is Priya, how can I help?", "Priya"),
        ("Guten Tag, mein Name ist Jana Weber.", "Jana Weber"),
        ("Bonjour, je m'appelle Hugo.", "Hugo"),
        ("Hola, me llamo Elena.", "Elena"),
        ("My name is on the list.", "Speaker 1"),
        ("This is terrible.", "Speaker 1"),
    ],
)
def test_who_tells_a_name_bears_it(told: str, name: str) -> None:
    assert speakers(f"Speaker 1: {told}", "Speaker 2: Hello.") == [name, "Speaker 2"]


def test_who_answers_to_a_name_twice_bears_it() -> None:
    assert speakers(
        "Speaker 1: Tom, how far is the installation?",
        "Speaker 2: Nearly done.",
        "Speaker 1: And when can you start, Tom?",
        "Speaker 2: On Monday.",
        "Speaker 1: Clara, is that fine?",
        "Speaker 3: Yes.",
    ) == ["Speaker 1", "Tom", "Speaker 1", "Tom", "Speaker 1", "Speaker 3"]


def test_a_name_to_which_two_answer_is_nobodys() -> None:
    turns = ("Speaker 1: And now, Tom?", "Speaker 2: Hm.", "Speaker 1: You know, Tom.", "Speaker 3: Hm.")
    assert speakers(*turns) == ["Speaker 1", "Speaker 2", "Speaker 1", "Speaker 3"]


def test_words_that_only_begin_sentences_are_no_names() -> None:
    turns = ("Speaker 1: Perfecto, \u00bfqu\u00e9 m\u00e1s?", "Speaker 2: Nada.") * 3
    assert speakers(*turns) == ["Speaker 1", "Speaker 2"] * 3


def test_who_confirms_a_name_bears_it() -> None:
    assert speakers("Speaker 1: Am I speaking with Mr. Okafor?", "Speaker 2: That's right, Daniel Okafor.") == [
        "Speaker 1",
        "Daniel Okafor",
    ]
    asked = ("Speaker 1: Did you see Doctor Okafor?", "Speaker 2: Yes, Doctor Okafor.")
    assert speakers(*asked) == ["Speaker 1", "Speaker 2"]


def test_who_has_a_name_keeps_it() -> None:
    assert speakers("Anna: My name is Priya.", "Marketing: My name is Bo.") == ["Anna", "Marketing"]
