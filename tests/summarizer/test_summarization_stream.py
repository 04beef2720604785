"""The stream of the summarization service, over real gRPC, with the scripted engine."""

import json

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


async def test_a_brief_summary_is_shown_sentence_by_sentence_where_it_comes_as_json() -> None:
    said = ["Anna says the release ships on Friday.", "Bo writes the release notes."]
    script = Script([Reply(json.dumps({"sentences": said}))])
    async with scripted(script) as stub:
        heard = await summarize(stub, MEETING, deltas=True)
    assert heard.text == " ".join(said)
    assert heard.deltas == [said[0], f" {said[1]}"]
    assert script.asked[0].schema is not None


async def test_a_detailed_summary_of_which_little_is_left_takes_in_the_main_points() -> None:
    topics = {"topics": [{"topic": "Release", "sentences": ["The release ships on Friday.", "Mars is red."]}]}
    points = ["The budget is twelve thousand euros.", "The release ships on Friday.", "Bo writes the release notes."]
    script = Script([Reply(json.dumps(topics), times=1), Reply(json.dumps({"points": points}))])
    async with scripted(script) as stub:
        heard = await summarize(stub, MEETING, "detailed", deltas=True)
    assert heard.text == (
        "The release ships on Friday.\n\nThe budget is twelve thousand euros. Bo writes the release notes."
    )
    assert [asked.schema is not None for asked in script.asked] == [True, True]
    assert script.asked[1].schema != script.asked[0].schema
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
    """What was said clearly needs no model; what was not, it words from the passage alone."""
    said = f"{MEETING}Anna: What about the tests?\nBo: They break all the time, I'll do that on Monday.\n"
    script = Script([Reply(json.dumps({"items": [{"task": "fix the tests", "due": "Monday"}]}))])
    async with scripted(script) as stub:
        heard = await summarize(stub, said, "action_items")
    assert heard.text == (
        "- Bo: Write the release notes (by Thursday)\n- Bo: Ask Siemens whether the price of 25 euros is fine\n"
        "- Bo: Fix the tests (Monday)"
    )
    assert [(line.owner, line.due) for line in heard.summaries[0].lines] == [
        ("Bo", "by Thursday"),
        ("Bo", ""),
        ("Bo", "Monday"),
    ]
    assert heard.model == "scripted"
    [asked] = script.asked
    assert asked.schema is not None
    assert "Siemens" not in asked.messages[-1].content


async def test_tasks_that_need_no_model_are_not_signed_with_its_name() -> None:
    script = Script([])
    async with scripted(script) as stub:
        heard = await summarize(stub, MEETING, "action_items", deltas=True)
    assert len(heard.summaries[0].lines) == 2
    assert "".join(heard.deltas) == heard.text
    assert heard.done is not None
    assert (heard.done.model, heard.done.usage.passes) == ("extractive", 0)


async def test_a_large_model_lists_the_tasks_of_the_whole_transcript_itself() -> None:
    script = Script([Reply(ITEMS)], small=False)
    async with scripted(script) as stub:
        heard = await summarize(stub, MEETING, "action_items")
    assert heard.text.startswith("- Bo: write the release notes")
    assert heard.model == "scripted"
    [asked] = script.asked
    assert all(line.split(": ", 1)[1] in asked.messages[-1].content for line in MEETING.strip().splitlines())


async def test_a_large_model_writes_prose_and_it_is_shown_as_it_comes() -> None:
    script = Script([Reply(BRIEF)], small=False)
    async with scripted(script) as stub:
        heard = await summarize(stub, MEETING, "brief", deltas=True)
    assert heard.text == BRIEF
    assert len(heard.deltas) > 3
    assert "".join(heard.deltas).strip() == BRIEF
    assert script.asked[0].schema is None


async def test_action_items_of_a_language_without_known_verbs_are_the_models() -> None:
    script = Script([Reply(ITEMS)])
    finnish = (
        "Anna: Meid\u00e4n on puhuttava hinnasta Siemens ja release notes.\n"
        "Bo: Kyll\u00e4, se on hyv\u00e4 ja niin me olemme."
    )
    async with scripted(script) as stub:
        heard = await summarize(stub, finnish, "action_items")
    assert heard.text.startswith("- Bo: write the release notes")
    assert script.asked[0].schema is not None


async def test_no_action_items_is_said_and_nothing_is_made_up() -> None:
    async with scripted(Script([Reply('{"items": []}')])) as stub:
        heard = await summarize(stub, "Anna: The release was late.\nBo: The tests took a week.", "action_items")
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
