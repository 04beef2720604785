"""A real summarization server on a port of its own, and a client that reads a whole stream."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import grpc.aio
from speech.v1 import audio_pb2, summarization_pb2, summarization_pb2_grpc

from rpc.client import Channels
from rpc.errors import ServiceError, from_rpc_error
from rpc.server import running_server
from summarizer.engines import Engine
from summarizer.engines.scripted import Script, Scripted
from summarizer.resident import Resident
from summarizer.summarization import SummarizationServicer
from summarizer.turns import Turns

if TYPE_CHECKING:
    from speech.v1.summarization_pb2_grpc import SummarizationServiceAsyncStub as Stub

Request = summarization_pb2.SummarizeRequest
FINISH = Request(finish=audio_pb2.Finish())
CHECKPOINT = Request(checkpoint=summarization_pb2.Checkpoint())

MEETING = """Anna: Good morning. We ship the release on Friday, and the budget is twelve thousand euros.
Bo: I will write the release notes by Thursday.
Anna: Please also ask Siemens whether the price of 25 euros is fine.
Bo: Yes, I will ask them.
"""


@dataclass
class Heard:
    """What a stream said."""

    model: str = ""
    deltas: list[str] = field(default_factory=list)
    summaries: list[summarization_pb2.Summary] = field(default_factory=list)
    done: summarization_pb2.SummarizationDone | None = None
    sequences: list[int] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return self.summaries[-1].text


def config(style: str = "brief", *, deltas: bool = False, language: str = "", model: str = "") -> Request:
    value = summarization_pb2.SummaryStyle.Value(f"SUMMARY_STYLE_{style.upper()}")
    return Request(
        config=summarization_pb2.SummarizationConfig(style=value, deltas=deltas, language=language, model=model)
    )


def piece(text: str, *, segment: str = "", speaker: str = "") -> Request:
    return Request(piece=summarization_pb2.TranscriptPiece(text=text, segment_id=segment, speaker=speaker))


def pieces(text: str) -> list[Request]:
    """Cut a text into pieces as small as the contract asks for."""
    return [piece(text[start : start + 60_000]) for start in range(0, len(text), 60_000)]


async def stream(stub: "Stub", requests: Iterable[Request]) -> Heard:
    """Send the requests, all but the first once the stream is ready, and read to the end. Raises ServiceError.

    A client that still writes when the server ends a call may hear of its failed write instead of the reason.
    """
    heard = Heard()
    ready = asyncio.Event()

    async def sent() -> AsyncIterator[Request]:
        for number, request in enumerate(requests):
            if number:
                await ready.wait()
            yield request

    try:
        async for event in stub.Summarize(sent()):
            ready.set()
            take(heard, event)
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
    return heard


def take(heard: Heard, event: summarization_pb2.SummarizeResponse) -> None:
    kind = event.WhichOneof("event") or ""
    heard.kinds.append(kind)
    heard.sequences.append(event.sequence)
    if kind == "ready":
        heard.model = event.ready.model
    elif kind == "delta":
        heard.deltas.append(event.delta.text)
    elif kind == "summary":
        heard.summaries.append(event.summary)
    elif kind == "done":
        heard.done = event.done


async def summarize(stub: "Stub", text: str, style: str = "brief", **settings: object) -> Heard:
    """Summarize a text the way the edge does."""
    return await stream(stub, [config(style, **settings), *pieces(text), FINISH])  # type: ignore[arg-type]  # passed on


@contextlib.asynccontextmanager
async def serving(
    resident: Resident, turns: Turns, *, transcript_bytes: int = 2 << 20, context_tokens: int = 8192
) -> AsyncIterator["Stub"]:
    """Run a server over a resident model and give a stub for it."""
    servicer = SummarizationServicer(
        resident, turns, transcript_bytes=transcript_bytes, context_tokens=context_tokens, stream_limit=64
    )
    try:
        async with (
            running_server(
                lambda server: summarization_pb2_grpc.add_SummarizationServiceServicer_to_server(servicer, server)
            ) as address,
            Channels([address]) as channels,
        ):
            yield summarization_pb2_grpc.SummarizationServiceStub(channels.channel)
    finally:
        await resident.close()


@contextlib.asynccontextmanager
async def scripted(
    script: Script, *, transcript_bytes: int = 2 << 20, queue_tokens: int = 1_000_000, idle_seconds: float = 0
) -> AsyncIterator["Stub"]:
    """Run a server over the scripted engine."""

    async def opening(path: Path | None, model: str) -> Engine:
        return Scripted(script, model=model)

    resident = Resident(opening, model="scripted", idle_seconds=idle_seconds)
    turns = Turns(slots=script.slots, limit=queue_tokens)
    async with serving(
        resident, turns, transcript_bytes=transcript_bytes, context_tokens=script.context_tokens
    ) as stub:
        yield stub


def error_of(caught: BaseException) -> ServiceError:
    assert isinstance(caught, ServiceError)
    return caught
