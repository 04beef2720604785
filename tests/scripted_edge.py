"""A real edge on a free port before scripted services on theirs, all in the test's own loop."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from edge.app import running_edge
from edge.context import Edge
from edge.policy import Policy
from edge.policy.unlimited import Unlimited
from edge.settings import EdgeSettings
from rpc.health import Health
from rpc.server import running_server
from tests.scripted_diarization import DIARIZATION, ScriptedDiarization
from tests.scripted_speech import TRANSCRIPTION, ScriptedTranscription
from tests.scripted_summarization import SUMMARIZATION, ScriptedSummarization


@dataclass
class EdgeUnderTest:
    """What a test talks to and looks into."""

    url: str
    edge: Edge
    http: aiohttp.ClientSession
    transcription: ScriptedTranscription
    diarization: ScriptedDiarization
    summarization: ScriptedSummarization

    def open_files(self) -> int:
        return len(list(Path("/proc/self/fd").iterdir()))


@contextlib.asynccontextmanager
async def serving(servicer: Any, name: str) -> AsyncIterator[str]:
    """A scripted service, healthy under its name; gives its address."""
    health = Health(name)
    health.ready()
    async with running_server(servicer.register, health=health) as address:
        yield address


@contextlib.asynccontextmanager
async def scripted_edge(
    *,
    transcription: bool = True,
    diarization: bool = True,
    summarization: bool = True,
    policy: Policy | None = None,
    **settings: Any,
) -> AsyncIterator[EdgeUnderTest]:
    """Start everything; a service that is switched off has an address that nobody listens at."""
    words, turns, summaries = ScriptedTranscription(), ScriptedDiarization(), ScriptedSummarization()
    async with contextlib.AsyncExitStack() as stack:

        async def address(servicer: Any, name: str, on: bool) -> str:
            return await stack.enter_async_context(serving(servicer, name)) if on else "127.0.0.1:1"

        values: dict[str, Any] = {
            "port": 0,
            "transcription_addresses": (await address(words, TRANSCRIPTION, transcription),),
            "diarization_addresses": (await address(turns, DIARIZATION, diarization),),
            "summarization_addresses": (await address(summaries, SUMMARIZATION, summarization),),
            "shutdown_seconds": 1.0,
            "linger_seconds": 1.0,
            **settings,
        }
        edge, door = await stack.enter_async_context(running_edge(EdgeSettings(**values), policy=policy or Unlimited()))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield EdgeUnderTest(f"http://127.0.0.1:{door.port}", edge, http, words, turns, summaries)


def form(data: bytes, *, file_first: bool = False, filename: str = "a b.wav", **fields: str) -> aiohttp.FormData:
    """The documented form."""
    made = aiohttp.FormData(quote_fields=False)
    if file_first:
        made.add_field("file", data, filename=filename)
    for name, value in fields.items():
        made.add_field(name, value)
    if not file_first:
        made.add_field("file", data, filename=filename)
    return made
