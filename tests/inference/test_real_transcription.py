"""The service as a process of its own with the embedded model, on real speech."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from speech.v1 import transcription_pb2 as pb
from speech.v1 import transcription_pb2_grpc

from tests.audio import TRANSCRIPTS, clip_pcm, music, packaged_clip, silence, white_noise
from tests.scripted_process import ROOT, ScriptedProcess
from tests.scripted_transcription import FILE, LIVE, converse, requests, segments, text

pytestmark = pytest.mark.real

SERVICE = "speech.v1.TranscriptionService"


@asynccontextmanager
async def process(**settings: object) -> AsyncIterator[ScriptedProcess]:
    """Start the process with the embedded model standing in for the others; it serves when the block begins."""
    environment = {f"TRANSCRIPTION_{name.upper()}": str(value) for name, value in settings.items()}
    environment |= {"TRANSCRIPTION_PORT": "0", "TRANSCRIPTION_METRICS_PORT": "0", "TRANSCRIPTION_LOG_JSON": "1"}
    # A busy machine may be slow here: how slow is too slow is tried elsewhere.
    environment |= {"TRANSCRIPTION_SUBSTITUTE": "base", "TRANSCRIPTION_LIVE_LAG_SECONDS": "600"}
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "inference", "transcription"),
        stderr=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.DEVNULL,
        cwd=ROOT,
        env=os.environ | environment,
    )
    started = ScriptedProcess(child)
    try:
        listening = await started.logged("listening")
        started.address = f"{listening['host']}:{listening['port']}"
        await started.logged("serving")
        yield started
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


def words(written: str) -> list[str]:
    return re.findall(r"[a-z']+", written.lower())


def errors(said: list[str], heard: list[str]) -> int:
    """Count the words that were put in, left out or changed (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, 1):
        previous, row[0] = row[0], number
        for at, other in enumerate(heard, 1):
            previous, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, previous + (word != other))
    return row[-1]


async def test_real_speech_through_a_real_process() -> None:
    clip = clip_pcm(packaged_clip("two_cities.wav"))
    said = words(TRANSCRIPTS["two_cities.wav"])
    async with process() as place, grpc.aio.insecure_channel(place.address) as channel:
        stub: Any = transcription_pb2_grpc.TranscriptionServiceStub(channel)
        health: Any = health_pb2_grpc.HealthStub(channel)
        for name in ("", SERVICE, "base", "large-v3-turbo"):
            state = await health.Check(health_pb2.HealthCheckRequest(service=name))
            assert state.status == health_pb2.HealthCheckResponse.SERVING
        models = {model.id: model for model in (await stub.ListModels(pb.ListModelsRequest())).models}
        assert models["base"].loaded
        assert models["small"].served_by in {"small", "base"}

        file = await converse(stub, requests(clip, mode=FILE, model="base"))
        head, spoken = clip[: 16_000 * 12], said[: len(said) // 4]
        live = await converse(stub, requests(head, mode=LIVE, model="base", chunk=3200, interim_results=False))
        assert errors(said, words(text(file))) <= 0.05 * len(said)
        assert errors(spoken, words(text(live))[: len(spoken)]) <= 2
        for responses in (file, live):
            done = responses[-1].done
            assert (done.language, done.served_by) == ("en", "base")
            times = [(word.start, word.end) for segment in segments(responses) for word in segment.words]
            assert len(times) >= 0.9 * len(spoken)
            assert all(start <= end for start, end in times)
            assert [start for start, _ in times] == sorted(start for start, _ in times)
            assert times[-1][1] <= done.usage.audio_seconds

        pieces = [clip[at : at + 16_000 * 5] for at in range(0, len(clip), 16_000 * 12)]
        alone = [text(await converse(stub, requests(piece, model="base", language="en"))) for piece in pieces]
        together = await asyncio.gather(
            *(converse(stub, requests(piece, model="base", language="en")) for piece in pieces)
        )
        assert [text(responses) for responses in together] == alone

        for quiet in (silence(3.0), white_noise(3.0), music(3.0)):
            assert text(await converse(stub, requests(quiet, model="base"))) == ""

        place.signal(signal.SIGTERM)
        assert await place.code() == 0
