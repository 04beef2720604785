"""Names, numbers and dates are found in the words of a transcript, however they are written."""

import pytest

from summarizer.vocabulary import Vocabulary

MEETING = """Anna: Good morning. We want a profit of fifty million Euros, and the unit price is twenty five.
Bo Larsen: So the cost may be twelve Euros fifty at most. I'll write to Siemens by Thursday.
Anna: The next meeting is in half an hour. Could you look at the T_V_ market, Marketing?
Marketing: Yes. In March we had 1,250 customers, 15% more than in 2025."""
SAID = Vocabulary(MEETING, {"Anna", "Bo Larsen", "Marketing"}, language="en")


@pytest.mark.parametrize(
    "sentence",
    [
        "The team aims for a profit of 50 million euros at a unit price of 25 euros.",
        "The profit should be 50M and the cost at most 12.50 euros.",
        "Bo writes to Siemens by Thursday, and Anna wants the next meeting in 30 minutes.",
        "Marketing had 1250 customers in March, a growth of 15%.",
        "There were three topics and three speakers.",
        "Marketing will look at the TV market.",
        "Larsen's letter goes to Siemens.",
        "The letter is for 50 million, at 12.50 PM.",
    ],
)
def test_what_was_said_is_supported(sentence: str) -> None:
    assert SAID.unsupported(sentence, answer="en") == []


@pytest.mark.parametrize(
    ("sentence", "wrong"),
    [
        ("The profit should be 60 million euros.", ["60 million"]),
        ("The unit price is 35 euros.", ["35"]),
        ("The meeting took two hours.", ["two"]),
        ("The letter goes to Bosch by Friday.", ["Bosch", "Friday"]),
        ("John will write the letter.", ["John"]),
        ("In 2026 there were 15% more.", ["2026"]),
    ],
)
def test_what_nobody_said_is_found(sentence: str, wrong: list[str]) -> None:
    assert SAID.unsupported(sentence, answer="en") == wrong


def test_german_nouns_are_no_names() -> None:
    said = Vocabulary("Wir verkaufen das Gerät für fünfundzwanzig Euro an die Kunden.", {"Anna"}, language="de")
    assert said.unsupported("Das Gerät kostet die Käufer 25 Euro.", answer="de") == []
    assert said.unsupported("Das Gerät kostet 26 Euro.", answer="de") == ["26"]
