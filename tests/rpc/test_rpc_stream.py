"""The grammar of a stream, against a model of it, for any sequence of messages."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from speech.v1 import audio_pb2
from speech.v1 import diarization_pb2 as pb

from rpc.errors import ServiceError
from rpc.stream import AfterFinish, Inbound, numbered

Request = pb.DiarizeRequest
MESSAGES = {
    "c": Request(config=pb.DiarizationConfig(engine="x")),
    "a": Request(audio=audio_pb2.AudioChunk(data=b"\0\0")),
    "l": Request(flush=audio_pb2.Flush()),
    "f": Request(finish=audio_pb2.Finish()),
    "e": Request(),
}


async def sent(letters: str) -> AsyncIterator[Request]:
    for letter in letters:
        yield MESSAGES[letter]


async def heard(letters: str) -> str:
    """What a servicer gets from these messages: the letters of its loop, then how it ended."""
    stream: Inbound[pb.DiarizationConfig, Request] = Inbound(sent(letters))
    payload = ""
    try:
        await stream.config()
        async for request in stream:
            payload += next(letter for letter, message in MESSAGES.items() if message == request)
    except ServiceError as error:
        return f"{payload} {error.reason}"
    return f"{payload} finish"


def expected(letters: str) -> str:
    """The same by a regular expression: config, then payload, then what ends it."""
    if not letters:
        return " aborted"
    if letters[0] != "c":
        return " empty_request" if letters[0] == "e" else " config_first"
    match = re.match(r"c([al]*)(.?)", letters)
    assert match
    end = {"": "aborted", "f": "finish", "c": "config_twice", "e": "empty_request"}[match[2]]
    return f"{match[1]} {end}"


@given(st.text(st.sampled_from(sorted(MESSAGES)), max_size=8))
def test_any_sequence_of_messages_is_heard_as_the_grammar_says(letters: str) -> None:
    assert asyncio.run(heard(letters)) == expected(letters)


async def test_what_follows_finish_is_refused_where_it_is_read() -> None:
    stream: Inbound[pb.DiarizationConfig, Request] = Inbound(sent("cafa"))
    await stream.config()
    assert len([request async for request in stream]) == 1
    assert stream.finished
    with pytest.raises(AfterFinish):
        await anext(stream)


async def test_nothing_after_finish_ends_in_good_order() -> None:
    stream: Inbound[pb.DiarizationConfig, Request] = Inbound(sent("caf"))
    await stream.config()
    assert len([request async for request in stream]) == 1
    assert [request async for request in stream] == []


async def test_numbered_events_end_with_their_reader() -> None:
    ended = asyncio.Event()

    async def events() -> AsyncIterator[pb.DiarizeResponse]:
        try:
            while True:
                yield pb.DiarizeResponse()
        finally:
            ended.set()

    numbers = []
    stream = numbered(events())
    async for event in stream:
        numbers.append(event.sequence)
        if event.sequence == 3:
            break
    await stream.aclose()  # type: ignore[attr-defined]  # a generator, though it is not said
    assert numbers == [1, 2, 3]
    assert ended.is_set()
