"""What somebody says or does in a summary he said or did in the transcript."""

import pytest

from summarizer.clean import clean
from summarizer.guard import Guard
from summarizer.types import Utterance

TRIP = (
    Utterance("Carla", "We have to plan the trip to Lisbon. The hotel by the harbour is too expensive for us."),
    Utterance("Bo", "My cousin rents out a flat near the castle, with four beds and a terrace."),
    Utterance("Carla", "Bo, could you ask your cousin whether the flat is free in the second week of May?"),
    Utterance("Bo", "Sure."),
    Utterance("Dina", "I have compared the flights. The early plane on Sunday is the cheapest one, ninety euros."),
    Utterance("Carla", "That sounds good. Let's take that one."),
)
GERMAN = (
    Utterance("Anna", "K\u00f6nnen die Leute an dem Tag von zu Hause arbeiten?"),
    Utterance("Meral", "Ich habe mit der Spedition gesprochen, sie haben am Mittwoch einen Termin frei."),
    Utterance("Anna", "Das ist gut."),
)


def answered(sentence: str, utterances: tuple[Utterance, ...] = TRIP, *, language: str = "en") -> str:
    guard = Guard(utterances, language=language, spoken=clean(utterances))
    return guard.prose([[sentence]], answer=language).text


@pytest.mark.parametrize(
    "sentence",
    [
        "Dina reports that the early plane on Sunday is the cheapest.",
        "Carla says that the hotel by the harbour is too expensive.",
        "Bo suggests a flat near the castle with a terrace.",
        "Bo will ask his cousin whether the flat is free in the second week of May.",
        "The hotel by the harbour is too expensive.",
        "Bo and Dina compared the early flights on Sunday.",
    ],
)
def test_what_he_said_or_was_asked_for_stays_with_him(sentence: str) -> None:
    assert answered(sentence) == sentence


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("Carla suggests a flat near the castle with a terrace.", "Bo suggests a flat near the castle with a terrace."),
        (
            "Dina then says that the hotel by the harbour is too expensive.",
            "Carla then says that the hotel by the harbour is too expensive.",
        ),
    ],
)
def test_what_another_one_said_goes_to_him(wrong: str, right: str) -> None:
    assert answered(wrong) == right


def test_a_first_name_and_an_aside_are_understood() -> None:
    call = (
        Utterance("Priya", "The fault is outside of the house, so an engineer has to come."),
        Utterance("Daniel Okafor", "The lights go red every evening."),
        Utterance("Priya", "Okay Daniel, he comes on Friday."),
    )
    wrong = "Daniel explains that the fault is outside of the house."
    assert answered(wrong, call) == wrong.replace("Daniel", "Priya")
    wrong = "Daniel Okafor, the customer, explains that the fault is outside of the house."
    assert answered(wrong, call) == "Priya explains that the fault is outside of the house."
    assert answered("Daniel explains that the lights go red.", call) == "Daniel explains that the lights go red."


def test_what_another_one_does_in_the_same_sentence_is_not_his() -> None:
    fete = (
        Utterance("Claire", "La directrice de l'\u00e9cole nous pr\u00eate le pr\u00e9au, j'ai sa confirmation."),
        Utterance("Hugo", "Je peux envoyer un message aux b\u00e9n\u00e9voles pour le nettoyage."),
    )
    sentence = (
        "Claire a confirm\u00e9 que l'\u00e9cole pr\u00eate le pr\u00e9au, "
        "et Hugo a envoy\u00e9 un message aux b\u00e9n\u00e9voles."
    )
    assert answered(sentence, fete, language="fr") == sentence
    wrong = "Hugo a confirm\u00e9 que la directrice de l'\u00e9cole pr\u00eate le pr\u00e9au."
    assert answered(wrong, fete, language="fr") == wrong.replace("Hugo", "Claire")


def test_what_another_one_does_is_given_to_nobody() -> None:
    """Too many words of it are not his: the sentence would change its sense with its subject."""
    assert answered("Bo compared the flights and found the early plane on Sunday.") == ""


def test_a_word_of_a_role_is_no_verb() -> None:
    roles = (
        Utterance("Project Manager", "We talk about the plan."),
        Utterance("User Interface", "My part is how people feel about the thing."),
        Utterance("Industrial Designer", "I'll carve the wooden prototype of the handle myself."),
    )
    wrong = "The User Interface Designer will carve the wooden prototype of the handle."
    right = "The Industrial Designer will carve the wooden prototype of the handle."
    assert answered(wrong, roles) == ""
    assert answered(wrong.replace("Designer", "expert"), roles) == ""
    assert answered(right, roles) == right


def test_what_a_third_one_said_is_no_agreement_of_two_others() -> None:
    assert answered("Carla and Bo agreed on the early plane on Sunday, the cheapest one.") == ""
    agreed = "Bo and Carla agreed on a flat near the castle with a terrace."
    assert answered(agreed) == agreed


def test_nobody_speaks_to_himself() -> None:
    assert answered("Carla suggests Bo a flat near the castle with a terrace.") == ""


def test_two_speakers_of_whom_one_is_wrong_are_not_guessed_at() -> None:
    assert answered("Carla says that the flat has a terrace, and Dina suggests the hotel by the harbour.") == ""


def test_words_that_nobody_said_are_laid_into_no_other_mouth() -> None:
    assert answered("Carla suggests renting bicycles, helmets and tandems near the castle terrace.") == ""


def test_other_languages_have_their_verbs() -> None:
    wrong = "Anna hat mit der Spedition gesprochen, die am Mittwoch einen Termin frei hat."
    assert answered(wrong, GERMAN, language="de") == ""
    assert answered(wrong.replace("Anna", "Meral"), GERMAN, language="de") == wrong.replace("Anna", "Meral")
    wrong = "Anna sagt, dass die Spedition am Mittwoch einen Termin frei hat."
    assert answered(wrong, GERMAN, language="de") == wrong.replace("Anna", "Meral")


def test_a_language_that_is_not_the_transcripts_is_left_alone() -> None:
    guard = Guard(GERMAN, language="de", spoken=clean(GERMAN))
    sentence = "Anna says that the haulier has some time."
    assert guard.prose([[sentence]], answer="en").text == sentence


def test_halves_of_what_is_far_apart_make_no_sentence() -> None:
    far = (
        Utterance("Carla", "The parking permit for the lorry costs thirty euros at the town hall."),
        *(
            Utterance("BD"[number % 2], f"Point {number} of the list concerns the ordinary programme.")
            for number in range(8)
        ),
        Utterance("Dina", "The violin teacher wants the piano moved to the cellar on Friday."),
    )
    guard = Guard(far, language="en", spoken=clean(far))
    whole = "The parking permit for the lorry costs thirty euros."
    joined = "The violin teacher moves the parking permit to the town hall."
    assert guard.prose([[whole, joined]], answer="en").text == whole
    assert guard.prose([[whole, joined]], answer="en", wide=True).kept == 2
    # What the summary is about stands before all that it tells.
    assert guard.prose([["The violin teacher and the town hall were discussed.", joined]], answer="en").kept == 2


ROLES = (
    Utterance("Project Manager", "So I will manage all the group, and we design a remote control for the world."),
    Utterance("Industrial Designer", "You will be the manager, yeah."),
    Utterance("Marketing", "And I am the expert for what people like about a remote control."),
)


@pytest.mark.parametrize(
    ("sentence", "stays"),
    [
        ("The Industrial Designer will be the manager of the group.", False),
        ("They design a remote control, and the Industrial Designer is the manager.", False),
        ("The Project Manager will be the manager of the group.", True),
        ("Marketing is the expert for what people like about a remote control.", True),
    ],
)
def test_nobody_is_told_to_be_what_another_one_is_called(sentence: str, stays: bool) -> None:
    assert bool(answered(sentence, ROLES)) is stays
