"""A summary tells each thing once, as a statement, and a task names what is to be done."""

import pytest

from summarizer.clean import clean
from summarizer.guard import Guard
from summarizer.reading import asks, first_person, names_something, says_nothing
from summarizer.types import Line, Utterance

MEETING = (
    Utterance("Anna", "The rent for the new office is four thousand euros a month, isn't it?"),
    Utterance("Bo", "Yes. I'll call the haulier tomorrow. The old desks go to the school next door."),
    Utterance("Anna", "Discuss it a little bit. The haulier has a free day in August. The lamps are nice and bright."),
)
GUARD = Guard(MEETING, language="en")


def test_a_question_tells_nothing() -> None:
    assert GUARD.prose(
        [["The rent is four thousand euros, right?", "The haulier is free in August."]], answer="en"
    ).blocks == (("The haulier is free in August.",),)
    points = GUARD.points(
        [Line("How much is the rent? Four thousand euros."), Line("Bo: The desks go to the school.")], answer="en"
    )
    assert [line.text for line in points.lines] == ["The desks go to the school."]
    assert points.dropped == 0


@pytest.mark.parametrize(
    "sentence",
    [
        "Anna asked if the haulier is free.",
        "Anna fragte, ob die Spedition frei ist.",
        "Anna a demand\u00e9 si le camion est libre.",
        "Ana pregunt\u00f3 cu\u00e1ndo empiezan.",
        "Wer kommt?\u201c",
        "Anna asks for help in finding a haulier.",
    ],
)
def test_that_something_was_asked_is_no_news(sentence: str) -> None:
    assert asks(sentence)
    assert not asks("Anna asks Siemens for a price.")


def test_what_was_told_is_not_told_again() -> None:
    blocks = [
        [
            "The new office costs four thousand euros a month.",
            "Anna says that the new office costs four thousand euros.",
        ],
        ["The old desks go to the school next door, and the haulier has a free day in August."],
        [
            "Overall, the school gets the old desks and the haulier costs a free day in the new office.",
            "The lamps are nice and bright.",
        ],
    ]
    checked = GUARD.prose(blocks, answer="en")
    assert checked.blocks == (tuple(blocks[0][:1]), tuple(blocks[1]), ("The lamps are nice and bright.",))
    assert checked.dropped == 0


def test_a_sentence_with_news_is_told() -> None:
    blocks = [
        ["The old desks go to the school."],
        ["The old desks go to the school next door in August, by the haulier."],
    ]
    assert GUARD.prose(blocks, answer="en").kept == 2


def test_a_quote_without_its_speaker_goes() -> None:
    assert GUARD.prose([["I'll call the haulier tomorrow.", "Bo calls the haulier tomorrow."]], answer="en").text == (
        "Bo calls the haulier tomorrow."
    )
    assert first_person("Ich rufe morgen an.", language="de")
    assert not first_person("Bo said: \u201cI call.\u201d", language="en")
    assert first_person("La n\u00f4tre est cass\u00e9e.", language="fr")
    assert not first_person("It is sold in the US.", language="en")
    assert not first_person("Yo llamo.", language="xx")


@pytest.mark.parametrize(
    "task", ["Draw something", "Discuss a little bit about it", "Discuss", "Etwas", "Hablar de eso"]
)
def test_a_task_without_an_object_is_none(task: str) -> None:
    assert not names_something(task)


@pytest.mark.parametrize(
    "task",
    ["Call Tom", "Buy a car", "Techniker anrufen", "Schedule the next meeting", "\u5199\u53d1\u5e03\u8bf4\u660e"],
)
def test_a_task_with_an_object_is_one(task: str) -> None:
    assert names_something(task)


def test_a_task_that_nobody_gave_or_took_is_none() -> None:
    lines = [
        Line("call the haulier", owner="Bo"),
        Line("discuss a little bit"),
        Line("brighten the lamps", owner="Anna"),
        Line("I call the haulier", owner="Bo"),
        Line("And call the haulier", owner="Bo"),
    ]
    checked = GUARD.tasks(lines, answer="en")
    assert [line.text for line in checked.lines] == ["call the haulier"]


@pytest.mark.parametrize(
    ("sentence", "empty"),
    [
        ("The project manager will present the project to the team.", True),
        ("The Industrial Designer will work with meetings to discuss the design process.", True),
        ("The project will end with a break and discussion about the project.", True),
        ("The marketing expert will discuss prices and competition.", False),
        ("The next meeting is on Thursday next week.", False),
        ("The project costs 25 euros.", False),
        ("The roof leaks.", False),
        ("The next meeting is on Friday.", False),
        ("The meeting ends at ten.", False),
        ("The manager will work with Bob.", False),
        ("The team will discuss the User Interface.", True),
        ("The user interface will be made of rubber.", False),
    ],
)
def test_what_any_meeting_could_have_says_nothing(sentence: str, empty: bool) -> None:
    assert says_nothing(sentence, speakers=["Project Manager", "Industrial Designer", "User Interface"]) is empty


def test_words_that_are_english_for_any_meeting_may_tell_something_elsewhere() -> None:
    said = (Utterance("Ruth", "Das Team spielt gegen Kiel, und das ist gut so."), Utterance("Jan", "Das Team spielt."))
    points = [Line("Ruth und Jan sprechen \u00fcber das Team."), Line("Das Team spielt.")]
    checked = Guard(said, language="de", spoken=clean(said)).points(points, answer="de")
    assert "Das Team spielt." in [line.text for line in checked.lines]
