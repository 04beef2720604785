"""Transcription with the scripted engine behind a real gRPC server in this event loop, and how to talk to it."""

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from speech.v1 import audio_pb2, transcription_pb2_grpc
from speech.v1 import transcription_pb2 as pb

from inference.service import Service, service
from inference.settings import TranscriptionSettings
from inference.types import SAMPLE_RATE, Pcm
from rpc.client import Channels
from rpc.server import running_server
from weights.settings import WeightsSettings

FILE, LIVE = pb.TRANSCRIPTION_MODE_FILE, pb.TRANSCRIPTION_MODE_LIVE


@dataclass(frozen=True, slots=True)
class Office:
    """A running service and a stub for it."""

    parts: Service
    stub: "transcription_pb2_grpc.TranscriptionServiceAsyncStub"
    address: str


@contextlib.asynccontextmanager
async def office(script: dict[str, Any] | None = None, **settings: Any) -> AsyncIterator[Office]:
    """Run the service; settings are those of `TranscriptionSettings`."""
    chosen = TranscriptionSettings(engine="scripted", script=json.dumps(script or {}), port=0, **settings)
    async with service(chosen, WeightsSettings(folder=Path("/nonexistent"), offline=True)) as parts:
        await parts.ready()
        parts.health.ready()
        async with (
            running_server(parts.register, settings=chosen, health=parts.health) as address,
            Channels([address]) as channels,
        ):
            yield Office(parts, transcription_pb2_grpc.TranscriptionServiceStub(channels.channel), address)


def speech(*spans: tuple[float, float], seconds: float) -> Pcm:
    """Make audio that the scripted service takes for speech in the given spans."""
    pcm = np.zeros(round(seconds * SAMPLE_RATE), np.int16)
    for start, end in spans:
        low, high = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
        pcm[low:high] = 8000 * np.sin(np.arange(high - low) * 0.2)
    return pcm


def requests(
    pcm: Pcm | bytes,
    *,
    chunk: int = 32_000,
    finish: bool = True,
    form: audio_pb2.AudioFormat | None = None,
    **config: Any,
) -> list[pb.TranscribeRequest]:
    """Return the messages of a whole stream."""
    data = pcm if isinstance(pcm, bytes) else pcm.tobytes()
    head = pb.TranscribeRequest(config=pb.TranscriptionConfig(format=form, **config))
    body = [
        pb.TranscribeRequest(audio=audio_pb2.AudioChunk(data=data[at : at + chunk], offset=at))
        for at in range(0, len(data), chunk)
    ]
    return [head, *body, *([pb.TranscribeRequest(finish=audio_pb2.Finish())] if finish else [])]


async def converse(stub: Any, messages: Iterable[pb.TranscribeRequest]) -> list[pb.TranscribeResponse]:
    """Send a whole stream and return its events. Audio follows `ready`, so that a refused config is told as such."""
    opened = asyncio.Event()

    async def stream() -> AsyncIterator[pb.TranscribeRequest]:
        for number, message in enumerate(messages):
            if number == 1:
                await opened.wait()
            yield message

    responses = []
    async for response in stub.Transcribe(stream()):
        opened.set()
        responses.append(response)
    return responses


def said(responses: Iterable[pb.TranscribeResponse]) -> dict[str, list[Any]]:
    """Return the events by kind, but for interims and progress: what must not depend on pace."""
    kinds: dict[str, list[Any]] = defaultdict(list)
    for response in responses:
        kind = response.WhichOneof("event") or ""
        if kind not in {"interim", "progress"}:
            kinds[kind].append(getattr(response, kind))
    return kinds


def segments(responses: Iterable[pb.TranscribeResponse]) -> list[pb.Segment]:
    """Return the segments."""
    return [response.segment for response in responses if response.HasField("segment")]


def text(responses: Iterable[pb.TranscribeResponse]) -> str:
    """Return the whole text."""
    return " ".join(segment.text for segment in segments(responses))
