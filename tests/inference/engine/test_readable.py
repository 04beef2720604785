"""Segments that a person can read: no word lost, order kept, cut where a reader would cut."""

from hypothesis import given, settings
from hypothesis import strategies as st

from inference.readable import DEFAULT_SHAPE, Shape, split, text_of
from inference.types import Word


def spoken(text: str, *, pauses: dict[int, float] | None = None, space: bool = True) -> list[Word]:
    """Words of 0.3 s each, one after the other, with pauses after those whose index is given."""
    words, now = [], 0.0
    for index, one in enumerate(text.split()):
        words.append(Word(one, now, now + 0.3, 0.9, space_before=space))
        now += 0.3 + (pauses or {}).get(index, 0.0)
    return words


def texts(words: list[Word]) -> list[str]:
    return [text_of(run) for run in split(words)]


def test_sentences_are_segments() -> None:
    words = spoken("The dose for an adult is ten. He would not be rid of it? No one would say so!")
    assert texts(words) == [
        "The dose for an adult is ten.",
        "He would not be rid of it?",
        "No one would say so!",
    ]


def test_titles_and_initials_end_no_sentence() -> None:
    words = spoken("And so Mr. Quilter is the apostle of J. S. Bach today.")
    assert len(split(words)) == 1


def test_a_short_answer_stays_with_what_follows_unless_a_pause_sets_it_apart() -> None:
    assert texts(spoken("Yes. It must be in the house.")) == ["Yes. It must be in the house."]
    assert texts(spoken("Yes. It must be in the house.", pauses={0: 0.6})) == ["Yes.", "It must be in the house."]


def test_a_long_pause_ends_a_segment_without_a_full_stop() -> None:
    assert texts(spoken("ask not what your country", pauses={1: 1.5})) == ["ask not", "what your country"]


def test_what_is_too_long_is_cut_at_clauses_and_pauses() -> None:
    words = spoken(" ".join(["word"] * 20 + ["word,"] + ["word"] * 24))
    runs = split(words)
    assert len(runs) == 2
    assert runs[0][-1].text == "word,"


def test_scripts_without_spaces() -> None:
    words = spoken("今日 は いい 天気 です 。", space=False)
    assert text_of(words) == "今日はいい天気です。"


@st.composite
def word_lists(draw: st.DrawFn) -> list[Word]:
    words, now = [], 0.0
    for _ in range(draw(st.integers(0, 60))):
        now += draw(st.floats(0, 2))
        end = now + draw(st.floats(0, 1.5))
        text = draw(st.text("abcAB.,?!。'", min_size=1, max_size=8))
        words.append(Word(text, now, end, 0.5, space_before=draw(st.booleans())))
        now = end
    return words


@settings(max_examples=200, deadline=None)
@given(words=word_lists(), shape=st.sampled_from([DEFAULT_SHAPE, Shape(most_seconds=2.0, most_characters=12)]))
def test_no_word_is_lost_and_nothing_that_can_be_cut_is_too_long(words: list[Word], shape: Shape) -> None:
    runs = split(words, shape=shape)
    assert [word for run in runs for word in run] == words
    for run in runs:
        assert run
        fits = run[-1].end - run[0].start <= shape.most_seconds and len(text_of(run)) <= shape.most_characters
        assert fits or len(run) == 1
