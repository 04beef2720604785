"""Clients of live captions, ours and WhisperLive's: they send at the pace of a microphone and note what comes when."""

import asyncio
import contextlib
import json
import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np
import psutil
from numpy.typing import NDArray

from bench.corpus import RATE
from bench.models import base_folder
from tests.house import free_port

FRAME = RATE // 10


@dataclass
class Heard:
    """What a client saw of one stream: (seconds since its first frame, finals, partial)."""

    messages: list[tuple[float, str, str]] = field(default_factory=list)
    reached: list[tuple[float, float]] = field(default_factory=list)
    """(seconds since its first frame, where in the recording the finals end by then)."""
    ended: float = 0.0

    @property
    def finals(self) -> str:
        """All final text at the end, with the tail that never became final."""
        return f"{self.messages[-1][1]} {self.messages[-1][2]}" if self.messages else ""


async def verbatim(url: str, pcm: NDArray[np.int16], heard: Heard) -> None:
    """The documented page's dialect."""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/v1/stream") as ws:
        await ws.send_json({"language": "en"})
        assert (await ws.receive_json())["status"] == "ready"
        begun = time.monotonic()
        finals: list[str] = []

        async def listen() -> None:
            async for message in ws:
                data = json.loads(message.data)
                if "error" in data:
                    raise RuntimeError(str(data))
                now = time.monotonic() - begun
                if data.get("text") and not data.get("is_final"):
                    finals.append(data["text"])
                    heard.reached.append((now, data["end"]))
                heard.messages.append((now, " ".join(finals), data.get("partial") or ""))

        listener = asyncio.create_task(listen())
        await pace(pcm, begun, lambda frame: ws.send_bytes(frame.tobytes()))
        await ws.send_json({"action": "stop"})
        await listener
        heard.ended = time.monotonic() - begun


async def whisper_live(url: str, pcm: NDArray[np.int16], heard: Heard) -> None:
    """WhisperLive's own dialect; its last segment never becomes final, so it is waited for a while."""
    async with aiohttp.ClientSession() as session, session.ws_connect(url, max_msg_size=0) as ws:
        options = {"uid": str(uuid.uuid4()), "language": "en", "task": "transcribe", "model": "base", "use_vad": True}
        await ws.send_json({**options, "send_last_n_segments": 100})
        while (await ws.receive_json()).get("message") != "SERVER_READY":
            pass
        begun = time.monotonic()

        async def listen() -> None:
            async for message in ws:
                if message.type != aiohttp.WSMsgType.TEXT:
                    return
                parts = json.loads(message.data).get("segments", [])
                done = [part for part in parts if part.get("completed")]
                tail = " ".join(part["text"] for part in parts if not part.get("completed"))
                now = time.monotonic() - begun
                if done:
                    heard.reached.append((now, float(done[-1]["end"])))
                heard.messages.append((now, " ".join(part["text"] for part in done), tail))

        listener = asyncio.create_task(listen())
        await pace(pcm, begun, lambda frame: ws.send_bytes((frame.astype(np.float32) / 32768).tobytes()))
        await ws.send_bytes(b"END_OF_AUDIO")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(listener, 15)
        heard.ended = time.monotonic() - begun


async def pace(pcm: NDArray[np.int16], begun: float, send: Any) -> None:
    """Send frames of 100 ms when a microphone would have them."""
    for start in range(0, len(pcm), FRAME):
        due = begun + (start + FRAME) / RATE
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        await send(pcm[start : start + FRAME])


@contextlib.contextmanager
def peer_server(python: str) -> Iterator[tuple[str, psutil.Process]]:
    """WhisperLive with the same weights."""
    port = free_port()
    script = (
        "from whisper_live.server import TranscriptionServer\n"
        f"TranscriptionServer().run('127.0.0.1', port={port}, backend='faster_whisper', "
        f"faster_whisper_custom_model_path={str(base_folder())!r}, single_model=True, max_clients=16)\n"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2"}
    child = subprocess.Popen(
        [python, "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )
    try:
        time.sleep(15)
        yield f"ws://127.0.0.1:{port}", psutil.Process(child.pid)
    finally:
        child.kill()
        child.wait()
