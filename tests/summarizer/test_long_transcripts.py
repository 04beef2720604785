"""Transcripts longer than the model's context: cut at turns, noted on, and merged, with nothing left out."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer import mapreduce
from summarizer.engines.scripted import Reply, Script
from summarizer.types import Utterance
from tests.summarizing import CHECKPOINT, FINISH, config, piece, pieces, scripted, stream, summarize


async def count(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


@settings(deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=40), st.integers(64, 200))
async def test_parts_fit_and_hold_every_utterance_in_order(lengths: list[int], room: int) -> None:
    said = [Utterance("A", " ".join(f"w{n}x{k}" for k in range(length))) for n, length in enumerate(lengths)]
    measured = await mapreduce.measure(said, count=count, room=room)
    parts = mapreduce.parts(measured, room=room)
    seen: list[str] = []
    for part in parts:
        assert sum(len(each.line.split()) + 1 for each in part) <= room
        fresh = [each.text for each in part if each.text not in seen]
        assert fresh
        seen.extend(fresh)
    assert seen == [each.text for each in said]


async def test_an_utterance_longer_than_the_room_is_split_at_spaces() -> None:
    words = [f"word{n}" for n in range(1000)]
    measured = await mapreduce.measure([Utterance("A", " ".join(words), ("s",))], count=count, room=100)
    assert all(each.tokens <= 100 for each in measured)
    assert " ".join(each.utterance.text for each in measured).split() == words
    assert {each.utterance.segments for each in measured} == {("s",)}


async def test_text_without_spaces_is_split_too() -> None:
    async def characters(texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]

    measured = await mapreduce.measure([Utterance("", "价" * 1000)], count=characters, room=64)
    assert "".join(each.utterance.text for each in measured) == "价" * 1000
    assert all(each.tokens <= 64 for each in measured)


def meeting(turns: int) -> str:
    return "".join(f"Speaker {n % 3 + 1}: Topic number {n} concerns the budget of the release.\n" for n in range(turns))


async def test_what_fits_is_read_in_one_pass() -> None:
    script = Script([Reply("The budget of the release was discussed. Topic number 3 too.")])
    async with scripted(script) as stub:
        heard = await summarize(stub, meeting(20))
    assert heard.done is not None
    assert heard.done.usage.passes == 1


async def test_what_does_not_fit_is_read_whole_by_parts() -> None:
    script = Script(
        [
            Reply("Speaker 1 said that the budget of the release is open.", when="Write notes on this part"),
            Reply("The budget of the release was discussed. Speaker 1 said it is open.", when="Notes on the parts"),
        ],
        context_tokens=3000,
        slots=4,
    )
    async with scripted(script) as stub:
        heard = await summarize(stub, meeting(1500))
    notes = [asked for asked in script.asked if "Write notes on this part" in asked.messages[-1].content]
    read = {int(n) for asked in notes for n in re.findall(r"number (\d+) ", asked.messages[-1].content)}
    assert read == set(range(1500))
    assert heard.text == "The budget of the release was discussed. Speaker 1 said it is open."
    assert "Notes on the parts" in script.asked[-1].messages[-1].content


async def test_notes_that_do_not_fit_are_noted_on_again() -> None:
    long_note = " ".join(
        f"Speaker 1 said that topic number {n} of the budget of the release is open." for n in range(20)
    )
    script = Script(
        [
            Reply(long_note, when="Write notes on this part"),
            Reply("The budget of the release was discussed. Speaker 1 said it is open."),
        ],
        context_tokens=2304,
        slots=4,
    )
    async with scripted(script) as stub:
        heard = await summarize(stub, meeting(6000))
    assert heard.text.startswith("The budget")
    assert heard.done is not None
    assert heard.done.usage.passes > 60


async def test_action_items_of_all_parts_are_kept_once_each() -> None:
    items = '{"items": [{"owner": "Speaker 1", "task": "check the budget of the release", "due": ""}%s]}'
    more = ', {"owner": "Speaker 2", "task": "discuss topic number 1400", "due": ""}'
    script = Script([Reply(items % more, when="number 1400 "), Reply(items % "")], context_tokens=3000, slots=2)
    async with scripted(script) as stub:
        heard = await summarize(stub, meeting(1500).replace("concerns", "must be discussed and"), "action_items")
    assert sorted(line.text for line in heard.summaries[0].lines) == [
        "check the budget of the release",
        "discuss topic number 1400",
    ]
    assert len(script.asked) > 8


async def test_a_growing_transcript_is_not_read_again_from_its_start() -> None:
    script = Script(
        [
            Reply("Speaker 1 said that the budget is open.", when="Write notes on this part"),
            Reply("The budget is open."),
        ],
        context_tokens=3000,
    )
    async with scripted(script) as stub:
        await stream(
            stub, [config(), *pieces(meeting(1000)), CHECKPOINT, piece(meeting(1020)[len(meeting(1000)) :]), FINISH]
        )
    notes = [asked.messages[-1].content for asked in script.asked if "Write notes" in asked.messages[-1].content]
    assert len(notes) == len(set(notes))
    # The second reading notes down the last part only, which grew, and at most one more.
    first = sum("number 999 " in note or "number 1000 " in note for note in notes)
    assert len(notes) - first < 12


@pytest.mark.parametrize("slots", [1, 3])
async def test_parts_are_read_side_by_side_as_far_as_the_engine_gains(slots: int) -> None:
    most = 0

    class Watching(Script):
        def __setattr__(self, name: str, value: object) -> None:
            nonlocal most
            super().__setattr__(name, value)
            if name == "running":
                most = max(most, self.running)

    script = Watching([Reply("Speaker 1 said that the budget is open.")], context_tokens=3000, slots=slots)
    async with scripted(script) as stub:
        await summarize(stub, meeting(1000))
    assert most == slots
