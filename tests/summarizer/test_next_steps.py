"""The last sentence of a summary tells what was taken on."""

import pytest

from summarizer.clean import clean
from summarizer.commitments import commitments
from summarizer.guard import Checked
from summarizer.nextsteps import with_next_steps
from summarizer.transcript import Transcript
from summarizer.types import Style

TALK = """Ann: The roof leaks again, so the project manager has to know.
Tom: The gutter is full.
Ann: Could you call the roofer, Tom?
Tom: Sure, I'll do that by Friday.
Project Manager: I'll write to the insurance company.
Ann: I'd ask for money back.
Ann: And I'll send them something."""


def ended(*blocks: tuple[str, ...], style: Style = Style.BRIEF, talk: str = TALK) -> tuple[tuple[str, ...], ...]:
    transcript = Transcript(limit=1 << 20)
    transcript.add(talk)
    spoken = clean(transcript.utterances(), language="en")
    taken_on = commitments(spoken, language="en")
    return with_next_steps(Checked(blocks), style, taken_on, transcript=talk).blocks


def test_what_is_understood_and_sure_is_told_with_its_owner_and_time() -> None:
    told = "Next, Tom will call the roofer by Friday and the Project Manager will write to the insurance company."
    assert ended(("The roof leaks.",)) == (("The roof leaks.", told),)
    assert ended(("The roof leaks.",), style=Style.DETAILED) == (("The roof leaks.",), (told,))


def test_what_the_model_told_is_not_told_again() -> None:
    first = "Tom will call the roofer, and the Project Manager writes to the insurance company."
    assert ended((first,)) == ((first,),)


def test_a_brief_summary_stays_within_its_sentences() -> None:
    [sentences] = ended(("One thing.", "Two things.", "Three things.", "Four things."))
    assert sentences[:3] == ("One thing.", "Two things.", "Three things.")
    assert sentences[3].startswith("Next, Tom will")
    assert len(sentences) == 4


def test_at_most_three_tasks_are_told_in_brief_and_those_with_a_time_first() -> None:
    talk = "\n".join(
        f"Tom: The {thing} is broken.\nAnn: I'll repair the {thing}{when}."
        for thing, when in (
            ("door", " on Monday"),
            ("window", " tomorrow"),
            ("lamp", " on Friday"),
            ("table", ""),
            ("stove", ""),
        )
    )
    told = ended(("Things are broken.",), talk=talk)[0][1]
    assert (
        told == "Next, Ann will repair the door on Monday, repair the window tomorrow, and repair the lamp on Friday."
    )
    assert ended(("Things are broken.",), style=Style.DETAILED, talk=talk)[1][0].count("repair") == 5


@pytest.mark.parametrize("talk", ["Ann: It rains.\nTom: I see.", "Ann: If it rains I'll call the roofer.\nTom: Good."])
def test_where_nothing_is_sure_nothing_is_added(talk: str) -> None:
    assert ended(("It rains.",), talk=talk) == (("It rains.",),)


def test_an_empty_summary_stays_empty() -> None:
    assert ended() == ()
