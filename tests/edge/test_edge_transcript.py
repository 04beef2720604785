"""Words meet turns: nothing lost, nothing doubled, order kept, and changes of speaker where speech breaks."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.transcript import attribute, in_order, join_segments, number_speakers
from edge.types import Segment, Turn, Word

times = st.floats(0, 100, allow_nan=False)


def word(text: str, start: float, end: float) -> Word:
    return Word(text, start, end, 0.5)


def segment(*words: Word, language: str = "en") -> Segment:
    return Segment(" ".join(w.text for w in words), words[0].start, words[-1].end, words, 0.5, language)


def said(text: str, *, start: float = 0.0, step: float = 0.5) -> Segment:
    """A segment of words of equal length without pauses."""
    return segment(*(word(t, start + i * step, start + (i + 1) * step) for i, t in enumerate(text.split())))


@st.composite
def segments(draw: st.DrawFn) -> list[Segment]:
    made = []
    for number in range(draw(st.integers(0, 6))):
        count = draw(st.integers(1, 6))
        words = tuple(
            Word(f"{number}.{i}{draw(st.sampled_from(['', '.', '?']))}", draw(times), draw(times), 0.5)
            for i in range(count)
        )
        text = " ".join(w.text for w in words)
        made.append(Segment(text, draw(times), draw(times), draw(st.sampled_from([words, ()])), 0.5, "en"))
    return made


turns = st.lists(st.builds(Turn, times, times, st.integers(1, 4), st.booleans()), max_size=8)


@settings(deadline=None)
@given(segments(), turns, st.floats(0.1, 120))
def test_no_word_is_lost_or_doubled(heard: list[Segment], spoken: list[Turn], duration: float) -> None:
    ordered = in_order(heard, duration)
    joined, numbered = number_speakers(attribute(ordered, spoken), spoken)
    words = [w.text for s in joined for w in s.words]
    assert words == [w.text for s in heard for w in s.words]
    assert [s.text for s in joined if not s.words] == [s.text for s in heard if not s.words]
    if spoken:
        speakers = [s.speaker for s in joined]
        assert None not in speakers
        first_seen = list(dict.fromkeys(speakers))
        assert first_seen == list(range(1, len(first_seen) + 1))
        assert {turn.speaker for turn in numbered} <= set(first_seen)
    else:
        assert all(s.speaker is None for s in joined)
    previous = 0.0
    for s in joined:
        assert 0 <= s.start <= s.end <= duration
        for w in s.words:
            assert s.start <= w.start <= w.end <= s.end
            assert w.start >= previous
            previous = w.start


def test_a_word_before_a_turn_that_a_longer_word_reached_gets_its_speaker() -> None:
    heard = [segment(word("long", 0.0, 5.0), word("short", 0.0, 0.0))]
    assert [s.speaker for s in attribute(heard, [Turn(1.0, 6.0, 2)])] == [2]


def test_segments_are_cut_where_the_speaker_changes() -> None:
    heard = [said("one two three. four five six")]
    made = attribute(heard, [Turn(0, 1.5, 7), Turn(1.5, 3, 3)])
    assert [(s.text, s.speaker) for s in made] == [("one two three.", 7), ("four five six", 3)]
    assert (made[0].start, made[0].end, made[1].start, made[1].end) == (0, 1.5, 1.5, 3)
    numbered, moved = number_speakers(made, [Turn(0, 1.5, 7), Turn(1.5, 3, 3), Turn(9, 10, 5)])
    assert [s.speaker for s in numbered] == [1, 2]
    assert [turn.speaker for turn in moved] == [1, 2]


def test_a_change_moves_to_the_end_of_the_sentence() -> None:
    heard = [said("so it is done. well then we go")]
    made = attribute(heard, [Turn(0, 2.6, 1), Turn(2.6, 4, 2)])
    assert [s.text for s in made] == ["so it is done.", "well then we go"]


def test_a_change_moves_to_a_pause() -> None:
    words = [
        word("yes", 0, 0.4),
        word("of", 0.4, 0.6),
        word("course", 1.2, 1.6),
        word("it", 1.6, 1.8),
        word("is", 1.8, 2),
    ]
    made = attribute([segment(*words)], [Turn(0, 1.65, 1), Turn(1.65, 2, 2)])
    assert [s.text for s in made] == ["yes of", "course it is"]


def test_a_lone_short_word_joins_what_is_around_it() -> None:
    heard = [said("we will see about that later")]
    made = attribute(heard, [Turn(0, 1, 1), Turn(1, 1.5, 2), Turn(1.5, 3, 1)])
    assert [(s.text, s.speaker) for s in made] == [("we will see about that later", 1)]


def test_a_short_answer_between_pauses_stays() -> None:
    words = [word("ready?", 0, 0.5), word("yes.", 1, 1.3), word("good", 1.9, 2.3)]
    made = attribute([segment(*words)], [Turn(0, 0.6, 1), Turn(0.9, 1.4, 2), Turn(1.8, 2.5, 1)])
    assert [(s.text, s.speaker) for s in made] == [("ready?", 1), ("yes.", 2), ("good", 1)]


def test_a_near_tie_stays_with_who_is_speaking() -> None:
    words = [word("a", 0, 1), word("b", 1, 2), word("c", 2, 3)]
    made = attribute([segment(*words)], [Turn(0, 1.45, 1), Turn(1.45, 3, 2)])
    assert [(s.text, s.speaker) for s in made] == [("a b", 1), ("c", 2)]


def test_a_word_outside_all_turns_goes_to_the_nearest() -> None:
    made = attribute([segment(word("early", 0, 0.2)), segment(word("late", 9, 9.2))], [Turn(1, 2, 1), Turn(3, 4, 2)])
    assert [s.speaker for s in made] == [1, 2]


def test_the_louder_speaker_counts_where_two_speak() -> None:
    made = attribute([said("a b")], [Turn(0, 1, 1), Turn(0, 1, 2, overlapped=True)])
    assert [s.speaker for s in made] == [1]


def test_text_is_joined_as_its_language_is_written() -> None:
    def of(text: str, language: str) -> Segment:
        return Segment(text, 0, 0, (), 1, language)

    assert join_segments([of("Hello.", "en"), of("There.", "en")]) == "Hello. There."
    assert join_segments([of("\u4f60\u597d", "zh"), of("\u4e16\u754c", "zh")]) == "\u4f60\u597d\u4e16\u754c"
    assert join_segments([of("\u4f60\u597d", "zh"), of("hello", "en")]) == "\u4f60\u597d hello"
    assert join_segments([]) == ""


def test_times_never_go_back() -> None:
    heard = segment(word("a", 1, 2), word("b", 0.5, 0.7), word("c", 9, 12))
    made = in_order([replace(heard, start=1.2, end=3.0)], 10.0)[0]
    assert [(w.start, w.end) for w in made.words] == [(1, 2), (1, 1), (9, 10)]
    assert (made.start, made.end) == (1, 10)
