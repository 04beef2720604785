"""A task belongs to who takes it: who says "I will", or who is asked."""

import pytest

from summarizer.clean import clean
from summarizer.owners import Owners
from summarizer.types import Line, Utterance

MEETING = (
    Utterance("Anna", "The contract is ready. I'll sign the contract tomorrow."),
    Utterance("Bo", "Uh, fine. I'll. Well, the printer."),
    Utterance("Anna", "Could you write a note for the front desk, Clara?"),
    Utterance("Speaker 3", "Sure, I'll do that by Wednesday."),
    Utterance("Bo", "The vendor has not answered about the Arabic version yet."),
    Utterance("Speaker 3", "I'll ask the vendor about the Arabic version again."),
    Utterance("Anna", "You look at competition, and you look into the materials."),
    Utterance("Speaker 3", "Yeah."),
    Utterance("Bo", "Okay."),
    Utterance("Anna", "I'd put a poster in the waiting room and a line on the website."),
    Utterance("Bo", "I can do the website."),
    Utterance("Anna", "When will the import of the old records be finished?"),
    Utterance("Bo", "On Friday."),
    Utterance("Anna", "The cupboard has to be emptied."),
)
OWNERS = Owners(clean(MEETING), language="en")


def owner(claimed: str, task: str, *, due: str = "") -> str:
    return OWNERS.of(Line(task, owner=claimed, due=due), answer="en")


@pytest.mark.parametrize(
    ("claimed", "task", "due"),
    [
        ("Anna", "sign the contract", "tomorrow"),
        ("Speaker 3", "write a note for the front desk", "Wednesday"),
        ("Clara", "write a note for the front desk", "Wednesday"),
        ("Clara", "ask the vendor about the Arabic version", ""),
        ("Speaker 3", "look at the competition", ""),
        ("Bo", "look into the materials", ""),
        ("Bo", "put a line on the website", ""),
        ("Bo", "finish the import of the old records", "Friday"),
        ("Anna", "empty the cupboard", ""),
        ("everyone", "empty the cupboard", ""),
    ],
)
def test_who_takes_a_task_is_its_owner(claimed: str, task: str, due: str) -> None:
    assert owner(claimed, task, due=due) == claimed


@pytest.mark.parametrize(
    ("claimed", "task"),
    [
        ("Anna", "write a note for the front desk"),
        ("Bo", "write a note for the front desk"),
        ("Anna", "look at the competition"),
        ("Anna", "finish the import of the old records"),
        ("Speaker 3", "empty the cupboard"),
        ("Bo", "feed the zebras"),
        ("Anna", "looking at the competition"),
    ],
)
def test_who_neither_takes_it_nor_is_asked_is_not(claimed: str, task: str) -> None:
    assert owner(claimed, task) == ""


@pytest.mark.parametrize("claimed", ["", "Anna", "Bo"])
def test_who_promises_it_in_so_many_words_is_its_owner_whoever_was_written(claimed: str) -> None:
    assert owner(claimed, "ask the vendor about the Arabic version") == "Speaker 3"


def test_a_promise_by_more_than_one_makes_nobody_the_owner() -> None:
    assert owner("", "put a line on the website") == ""


@pytest.mark.parametrize(
    ("task", "due", "said"),
    [
        ("sign the contract", "tomorrow", True),
        ("write a note for the front desk", "by Wednesday", True),
        ("finish the import of the old records", "Friday", True),
        ("sign the contract", "", True),
        ("sign the contract", "Friday", False),
        ("look into the materials", "tomorrow", False),
        ("write a note for the front desk", "in 20 minutes", False),
    ],
)
def test_a_time_belongs_to_the_task_that_it_was_said_for(task: str, due: str, said: bool) -> None:
    assert OWNERS.timed(Line(task, due=due), answer="en") is said


def test_of_several_owners_those_stay_who_take_it() -> None:
    assert owner("Anna and Speaker 3", "ask the vendor about the Arabic version") == "Speaker 3"
    assert owner("Bo, Speaker 3", "look at the competition and look into the materials") == "Bo, Speaker 3"


def test_promises_in_german() -> None:
    spoken = clean(
        (
            Utterance("Anna", "Wann kommt der Techniker?"),
            Utterance("Jonas", "Das weiß ich nicht. Ich rufe morgen bei der Telekom an."),
            Utterance("Anna", "Meral, kannst du der Spedition zusagen?"),
            Utterance("Meral", "Ja, mache ich heute noch."),
            Utterance("Jonas", "Ich habe gestern mit dem Vermieter gesprochen."),
        )
    )
    owners = Owners(spoken, language="de")
    assert owners.of(Line("bei der Telekom anrufen", owner="Anna"), answer="de") == ""
    assert owners.of(Line("bei der Telekom anrufen", owner="Jonas"), answer="de") == "Jonas"
    assert owners.of(Line("der Spedition zusagen", owner="Meral"), answer="de") == "Meral"
    assert owners.of(Line("der Spedition zusagen", owner="Anna"), answer="de") == ""


def test_in_another_language_than_the_transcripts_owners_stay_as_written() -> None:
    assert OWNERS.of(Line("den Vertrag unterschreiben", owner="bo"), answer="de") == "Bo"


def test_without_speakers_nobody_can_be_found() -> None:
    owners = Owners((Utterance("", "Tom said that he will sign the contract."),), language="en")
    assert owners.of(Line("sign the contract", owner="Tom"), answer="en") == "Tom"
