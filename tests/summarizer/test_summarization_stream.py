"""The stream of the summarization service, over real gRPC, with the scripted engine."""

import json
import re

import pytest
from speech.v1 import summarization_pb2

from rpc.errors import Aborted, InvalidArgument, ResourceExhausted
from summarizer.engines.scripted import Reply, Script
from tests.summarizing import (
    CHECKPOINT,
    FINISH,
    MEETING,
    config,
    piece,
    pieces,
    scripted,
    stream,
    summarize,
)

BRIEF = "Anna says the release ships on Friday. The budget is 12,000 euros. Bo writes the release notes."
POINTS = json.dumps({"points": ["The release ships on Friday.", "Bo asks Siemens about the price of 25 euros."]})
ITEMS = json.dumps(
    {
        "items": [
            {"owner": "Bo", "task": "write the release notes", "due": "Thursday"},
            {"owner": "Bo", "task": "ask Siemens about the price", "due": ""},
        ]
    }
)


async def test_a_brief_summary_has_its_events_in_order() -> None:
    async with scripted(Script([Reply(BRIEF)])) as stub:
        heard = await summarize(stub, MEETING)
    assert heard.kinds == ["ready", "summary", "done"]
    assert heard.sequences == [1, 2, 3]
    assert heard.text == BRIEF
    assert heard.model == "scripted"
    assert heard.done is not None
    assert heard.done.model == "scripted"
    assert heard.done.style == summarization_pb2.SUMMARY_STYLE_BRIEF
    assert heard.done.usage.passes == 1
    assert heard.done.usage.completion_tokens > 0
    assert heard.done.usage.prompt_tokens > 50


async def test_deltas_add_up_to_what_the_model_wrote() -> None:
    async with scripted(Script([Reply(BRIEF)])) as stub:
        heard = await summarize(stub, MEETING, deltas=True)
    assert len(heard.deltas) > 5
    assert "".join(heard.deltas) == BRIEF
    assert heard.text == BRIEF


async def test_a_detailed_summary_of_which_little_is_left_takes_in_what_a_second_one_has() -> None:
    """Both passes are asked for topics under a schema; what is sound in both is told once."""
    topics = {"topics": [{"topic": "Release", "sentences": ["The release ships on Friday.", "Mars is red."]}]}
    prose = "The budget is twelve thousand euros. The release ships on Friday.\n\nBo writes the release notes."
    script = Script([Reply(json.dumps(topics), times=1), Reply(prose)])
    async with scripted(script) as stub:
        heard = await summarize(stub, MEETING, "detailed", deltas=True)
    assert sorted(re.split(r"(?<=[.])\s+", heard.text)) == [
        "Bo writes the release notes.",
        "The budget is twelve thousand euros.",
        "The release ships on Friday.",
    ]
    assert script.asked[0].schema is not None
    assert script.asked[1].schema == script.asked[0].schema
    assert "topics" not in "".join(heard.deltas)


async def test_bullets_come_as_lines_and_as_deltas_of_lines() -> None:
    async with scripted(Script([Reply(POINTS)])) as stub:
        heard = await summarize(stub, MEETING, "bullet_points", deltas=True)
    assert heard.text == "- The release ships on Friday.\n- Bo asks Siemens about the price of 25 euros."
    assert [line.text for line in heard.summaries[0].lines] == [
        "The release ships on Friday.",
        "Bo asks Siemens about the price of 25 euros.",
    ]
    assert len(heard.deltas) == 2
    assert "".join(heard.deltas).strip() == heard.text


async def test_action_items_have_owner_and_time() -> None:
    script = Script([Reply(ITEMS)])
    async with scripted(script) as stub:
        heard = await summarize(stub, MEETING, "action_items")
    assert heard.text == "- Bo: write the release notes (Thursday)\n- Bo: ask Siemens about the price"
    assert [(line.owner, line.due) for line in heard.summaries[0].lines] == [("Bo", "Thursday"), ("Bo", "")]
    assert script.asked[0].schema is not None


async def test_no_action_items_is_said_and_nothing_is_made_up() -> None:
    async with scripted(Script([Reply('{"items": []}')])) as stub:
        heard = await summarize(stub, MEETING, "action_items")
    assert heard.text == "none"
    assert not heard.summaries[0].lines


async def test_an_engine_without_grammar_is_told_the_form_in_words() -> None:
    script = Script([Reply(f"Here are the points:\n```json\n{POINTS}\n```")], json_schema=False)
    async with scripted(script) as stub:
        heard = await summarize(stub, MEETING, "bullet_points")
    assert len(heard.summaries[0].lines) == 2
    assert script.asked[0].schema is None
    assert '{"points"' in script.asked[0].messages[-1].content


async def test_lines_cite_the_segments_that_they_rest_on() -> None:
    said = MEETING.strip().splitlines()
    parts = [piece(line.split(": ", 1)[1], segment=f"s{n}", speaker=line.split(":")[0]) for n, line in enumerate(said)]
    async with scripted(Script([Reply(ITEMS)])) as stub:
        heard = await stream(stub, [config("action_items"), *parts, FINISH])
    assert [list(line.segment_ids) for line in heard.summaries[0].lines] == [["s1"], ["s2"]]


async def test_a_checkpoint_gives_a_summary_so_far_and_the_stream_goes_on() -> None:
    first = Reply("Anna says the release ships on Friday.", when="^((?!release notes).)*$", times=1)
    script = Script([Reply("Anna ships the release on Friday. All agree.", times=1), Reply(BRIEF)])
    lines = MEETING.splitlines(keepends=True)
    async with scripted(script) as stub:
        heard = await stream(stub, [config(), piece(lines[0]), CHECKPOINT, piece("".join(lines[1:])), FINISH])
    assert first.times == 1
    assert heard.kinds == ["ready", "summary", "summary", "done"]
    assert [summary.checkpoint for summary in heard.summaries] == [True, False]
    assert "release notes" not in script.asked[0].messages[-1].content
    assert "release notes" in script.asked[1].messages[-1].content
    assert heard.done is not None
    assert heard.done.usage.passes == 2


async def test_a_checkpoint_before_any_text_is_an_empty_summary() -> None:
    async with scripted(Script([Reply(BRIEF)])) as stub:
        heard = await stream(stub, [config(), CHECKPOINT, piece(MEETING), FINISH])
    assert [summary.text for summary in heard.summaries] == ["", BRIEF]


@pytest.mark.parametrize("text", ["", "  \n\n ", "00:00:01,000 --> 00:00:02,000\n"])
async def test_empty_text_is_refused(text: str) -> None:
    async with scripted(Script([Reply(BRIEF)])) as stub:
        with pytest.raises(InvalidArgument) as caught:
            await summarize(stub, text)
    assert caught.value.reason == "empty_text"


async def test_two_megabytes_are_summarized_and_more_is_refused_clearly() -> None:
    words = "Anna: We talked about the release and the budget of the project at length today. "
    text = words * ((2 << 20) // len(words))
    script = Script([Reply("Anna talked about the release. The budget of the project was a topic.")], slots=8)
    async with scripted(script) as stub:
        heard = await summarize(stub, text)
        assert heard.done is not None
        assert heard.done.usage.passes > 10
        with pytest.raises(ResourceExhausted) as caught:
            await stream(stub, [config(), *pieces(text), piece(words * 10)])
    assert caught.value.reason == "too_large"
    assert caught.value.metadata["limit"] == str(2 << 20)


async def test_a_piece_past_its_bound_is_refused() -> None:
    async with scripted(Script([Reply(BRIEF)])) as stub:
        with pytest.raises(InvalidArgument) as caught:
            await stream(stub, [config(), piece("word " * 60_000)])
    assert caught.value.reason == "piece_too_large"


async def test_settings_that_are_not_known_are_refused() -> None:
    async with scripted(Script([Reply(BRIEF)])) as stub:
        for settings, reason in (({"model": "gpt-9"}, "unknown_model"), ({"language": "tlh"}, "unknown_language")):
            with pytest.raises(InvalidArgument) as caught:
                await summarize(stub, MEETING, "brief", **settings)
            assert caught.value.reason == reason
        later = summarization_pb2.SummarizationConfig(style=99)  # type: ignore[arg-type]  # a style of a later contract
        with pytest.raises(InvalidArgument) as caught:
            await stream(stub, [summarization_pb2.SummarizeRequest(config=later), FINISH])
    assert caught.value.reason == "unknown_style"
    assert "bullet_points" in caught.value.message


async def test_a_stream_without_finish_computes_nothing() -> None:
    script = Script([Reply(BRIEF)])
    async with scripted(script) as stub:
        with pytest.raises(Aborted):
            await stream(stub, [config(), piece(MEETING)])
    assert script.asked == []
