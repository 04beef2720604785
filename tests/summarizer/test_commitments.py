"""Where somebody takes something on, and what is told of it."""

import pytest

from summarizer.clean import clean
from summarizer.commitments import Commitment, commitments
from summarizer.guard import Guard
from summarizer.transcript import Transcript
from summarizer.types import Line, Utterance
from summarizer.wording import Worded, worded


def found(text: str, *, language: str = "en") -> list[Commitment]:
    transcript = Transcript(limit=1 << 20)
    transcript.add(text)
    return commitments(clean(transcript.utterances(), language=language), language=language)


def test_a_request_is_taken_on_by_the_one_who_agrees() -> None:
    [taken] = found("Ann: The roof leaks again. Could you call the roofer, Tom?\nTom: Sure.")
    assert (taken.owner, taken.worded) == ("Tom", Worded("call the roofer"))
    assert taken.said[0].speaker == "Ann"


@pytest.mark.parametrize(
    "answer", ["No, I'm away.", "What for?", "The roof is old.", "Yeah, you have to keep that in mind."]
)
def test_a_request_that_nobody_takes_on_is_no_task(answer: str) -> None:
    assert not found(f"Ann: Could you call the roofer, Tom?\nTom: {answer}")


def test_what_is_said_of_people_in_general_is_no_request() -> None:
    assert not found("Ann: It is small, so you could lose it, and that's what you do with keys.\nTom: Yeah, right.")


def test_a_promise_is_its_speakers_even_where_nobody_asked() -> None:
    [taken] = found("Ann: The roof leaks again.\nTom: I'll call the roofer tomorrow.")
    assert (taken.owner, taken.worded) == ("Tom", Worded("call the roofer", "tomorrow"))


@pytest.mark.parametrize(
    "said",
    ["Let me draw it here.", "I'll go first.", "I will tell you about the project.", "I'm going to draw a snake."],
)
def test_what_is_done_while_people_sit_together_is_no_task(said: str) -> None:
    assert not found(f"Ann: We have a board over there.\nTom: {said}")
    assert found(f"Ann: We have a board over there.\nTom: {said[:-1]} on Monday.")


def test_of_several_things_asked_of_several_people_nobody_is_made_the_owner() -> None:
    [taken] = found(
        "Ann: So if you could come up with a few shapes for the new handle and the lid by then, and you could look "
        "into what the different materials would cost us in the end.\nTom: Right."
    )
    assert taken.owner == ""


def test_other_languages_are_found_and_left_for_the_model_to_word() -> None:
    taken = found(
        "Eva: K\u00f6nnten Sie bis dahin den Keller freir\u00e4umen?\n"
        "Jan: Ja, das mache ich. Und k\u00f6nnten Sie mir ein Angebot schicken?\n"
        "Eva: Gern. Ich schicke es Ihnen bis Freitag.",
        language="de",
    )
    assert [(each.owner, each.worded.task) for each in taken] == [("Jan", ""), ("Eva", "")]
    assert "Angebot" in taken[1].text
    assert "Keller" not in taken[1].core


def test_a_language_that_is_not_known_has_no_passages() -> None:
    assert not found("Ann: Could you call the roofer?\nTom: Sure.", language="fi")


@pytest.mark.parametrize(
    ("promise", "request_", "expected"),
    [
        ("I'll write the notes by Thursday.", "", Worded("write the notes", "by Thursday")),
        ("Sure, I'll do that by Wednesday.", "Could you write a note, Tom?", Worded("write a note", "by Wednesday")),
        ("Will do.", "Please call me right away, we can stop until noon on Monday.", Worded("call Ann right away")),
        (
            "I'll book the engineer for Friday morning, and you get a text.",
            "",
            Worded("book the engineer for Friday morning"),
        ),
        ("I'll put up a poster and a line on the website.", "", Worded("put up a poster and a line on the website")),
        ("I'll ask the bank, and we meet on Friday.", "", Worded("ask the bank")),
        ("I'll ask them.", "", Worded()),
        ("Yeah.", "And you look at competition and design.", Worded("look at competition and design")),
        ("I'd have to see.", "", Worded()),
        ("I'll do it.", "", Worded()),
        ("I'll leave it on.", "Could you leave the router on until then?", Worded("leave the router on")),
        ("Will do.", "If it rains, Tom, please call the roofer.", Worded("call the roofer if it rains")),
        ("Yes.", "Would you like some tea?", Worded()),
        ("Yeah.", "You have to draw the.", Worded()),
        ("Yeah.", "So you go It has to be fashion.", Worded()),
    ],
)
def test_english_tasks_are_worded_as_they_were_said(promise: str, request_: str, expected: Worded) -> None:
    assert worded(promise, request=request_, speaker="Tom", asking="Ann") == expected


GERMAN = (
    Utterance("Ruth", "Der Prospekt geht am Freitag in den Druck, davor brauche ich die Fotos."),
    Utterance("Jan", "Gut, ich schicke die Fotos am Mittwoch."),
)


def told(text: str, due: str) -> list[tuple[str, str, str]]:
    guard = Guard(GERMAN, language="de", spoken=clean(GERMAN, language="de"))
    [taken] = commitments(clean(GERMAN, language="de"), language="de")
    checked = guard.taken_on([(taken, [Line(text, owner="Ruth", due=due)])], answer="de")
    return [(line.owner, line.text, line.due) for line in checked.lines]


def test_a_worded_task_has_the_owner_and_the_time_of_its_own_sentence() -> None:
    assert told("Fotos schicken", "Mittwoch") == [("Jan", "Fotos schicken", "Mittwoch")]
    assert told("Fotos schicken", "Freitag") == [("Jan", "Fotos schicken", "")]


@pytest.mark.parametrize(
    "wrong", ["Fotos bis Freitag schicken", "Meine Fotos schicken", "Den Vertrag mit der Bank k\u00fcndigen", "machen"]
)
def test_what_is_worded_wrongly_is_quoted(wrong: str) -> None:
    assert told(wrong, "Mittwoch") == [("Jan", "\u201cGut, ich schicke die Fotos am Mittwoch.\u201d", "")]


def test_a_promise_that_names_nothing_is_quoted_by_its_request() -> None:
    [taken] = found("Eva: K\u00f6nnten Sie den Keller freir\u00e4umen?\nJan: Ja, das mache ich.", language="de")
    assert (taken.owner, taken.quote) == ("Jan", "\u201cK\u00f6nnten Sie den Keller freir\u00e4umen?\u201d")


def test_where_the_words_are_understood_the_model_is_not_believed() -> None:
    said = (Utterance("Ruth", "The leaflet goes to print on Friday."), Utterance("Jan", "I will send it on Thursday."))
    said += (Utterance("Jan", "And I'll check the prices on Monday."),)
    guard = Guard(said, language="en", spoken=clean(said))
    rows = [
        (taken, [Line("Send the leaflet to print", due="Friday")]) for taken in commitments(clean(said), language="en")
    ]
    lines = guard.taken_on(rows, answer="en").lines
    assert ("Jan", "Check the prices", "on Monday") in {(line.owner, line.text, line.due) for line in lines}
    assert "Friday" not in {line.due for line in lines}
