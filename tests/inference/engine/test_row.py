"""When a window is decoded well enough."""

from dataclasses import replace

import numpy as np
import pytest

from inference.engines.whisper.decoding import Hypothesis
from inference.engines.whisper.ladder import Tuning, ladder
from inference.engines.whisper.row import SURE, Row
from inference.types import SAMPLE_RATE, DecodingOptions, Window

FINAL, DRAFT = DecodingOptions(language="en"), DecodingOptions(language="en", draft=True)


def heard(log_probability: float, text: str = "a", *, no_speech: float = 0.0, compression: float = 1.0) -> Hypothesis:
    return Hypothesis((1,), text, log_probability, no_speech, compression, full=False)


def row(seconds: float = 3.0, options: DecodingOptions = FINAL) -> Row:
    window = Window(0.0, np.zeros(round(seconds * SAMPLE_RATE), np.int16), ())
    rungs = ladder(window, options, Tuning())
    return Row(window=window, options=options, before=[], known=[], rungs=rungs, scores={"en": 1.0})


def tried(one: Row, *hypotheses: Hypothesis) -> int:
    """How many ways are taken until the row is settled."""
    for count, hypothesis in enumerate(hypotheses, 1):
        one.rungs.pop(0)
        one.offer(hypothesis)
        if one.settled:
            return count
    raise AssertionError("the row was never settled")


def test_a_sure_text_is_settled_at_once() -> None:
    assert tried(row(), heard(SURE + 0.01)) == 1


def test_an_unsure_text_gets_two_opinions_and_the_likeliest_stays() -> None:
    one = row()
    assert tried(one, heard(-0.4, "a"), heard(-0.3, "b"), heard(-0.35, "c"), heard(0.0, "d")) == 3
    assert one.hypothesis is not None
    assert one.hypothesis.text == "b"


def test_opinions_end_with_the_first_sure_one() -> None:
    assert tried(row(), heard(-0.4), heard(-0.1), heard(0.0)) == 2


def test_opinions_end_with_the_first_that_agrees() -> None:
    assert tried(row(), heard(-0.4, "a"), heard(-0.35, "a"), heard(-0.3, "b")) == 2
    assert tried(row(), heard(-0.4, "a"), heard(-0.35, "b"), heard(-0.3, "c")) == 3


def test_where_somebody_waits_all_opinions_are_due_at_once() -> None:
    patient, urgent = row(), row(options=replace(FINAL, urgent=True))
    assert [len(one.due) for one in (patient, urgent)] == [1, 1]
    for one in (patient, urgent):
        one.rungs.pop(0)
    assert [rung.opinion for rung in patient.due] == [True]
    assert [rung.opinion for rung in urgent.due] == [True, True]
    del urgent.rungs[:2]
    assert [rung.opinion for rung in urgent.due] == [False]


def test_a_failed_text_goes_all_the_way() -> None:
    one = row()
    ways = len(one.rungs)
    assert tried(one, *[heard(-1.5)] * ways) == ways


@pytest.mark.parametrize(
    ("one", "hypothesis"),
    [
        (row(10.1), heard(-0.9)),
        (row(3.0, DRAFT), heard(-0.9)),
        (row(), heard(-1.2, no_speech=0.9)),
    ],
    ids=["long", "draft", "silent"],
)
def test_nobody_else_is_asked(one: Row, hypothesis: Hypothesis) -> None:
    assert tried(one, hypothesis) == 1
