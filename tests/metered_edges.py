"""Real edges, `python -m edge`, that share one database of accounts: to be raced, killed and started again."""

import asyncio
import contextlib
import io
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from tests.house import Process, free_port
from tests.offices import SECRET
from tests.scripted_speech import BLOCK_BYTES, spoken, wav

RECORDING = wav(spoken([1, 2, 3]))
RECORDING_MS = 1500
TRANSCRIPT = "w1 w2 w3"
FRAME_BYTES = 60 * BLOCK_BYTES


def metered_edge(url: str, folder: Path, *, transcription: str, settings: Mapping[str, str] | None = None) -> Process:
    """Make an edge that is not started; `settings` are environment variables."""
    port = free_port()
    environment = {
        **os.environ,
        "EDGE_HOST": "127.0.0.1",
        "EDGE_PORT": str(port),
        "EDGE_POLICY": "metered",
        "EDGE_DATABASE": url,
        "EDGE_DATA_FOLDER": str(folder),
        "EDGE_KEY_SECRET": SECRET,
        "EDGE_TRUSTED_PROXIES": '["127.0.0.0/8"]',
        "EDGE_TRANSCRIPTION_ADDRESSES": transcription,
        "EDGE_CONNECTIONS_PER_ADDRESS": "8192",
        "EDGE_LOG_LEVEL": "warning",
        # Started by the hundred, they would compile the same files each time.
        "PYTHONDONTWRITEBYTECODE": "",
        **(settings or {}),
    }
    return Process("edge", port, port, [sys.executable, "-m", "edge"], environment)


@contextlib.asynccontextmanager
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """A client with as many connections as it is asked for, each used once, as by strangers."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=240)) as http:
        yield http


def form(data: bytes = RECORDING) -> aiohttp.FormData:
    """The documented form, without speakers."""
    made = aiohttp.FormData()
    made.add_field("diarize", "false")
    # As a file: the client wants what is large to be one.
    made.add_field("file", io.BytesIO(data), filename="a.wav")
    return made


async def stream(ws: aiohttp.ClientWebSocketResponse, pcm: bytes) -> list[dict[str, Any]]:
    """Do what the documented page does, as fast as it goes; give all messages, the last `is_final` if all is well.

    Raises `ConnectionError` if the socket ends before the stream does.
    """
    await ws.send_json({"language": "en", "diarize": False})
    messages: list[dict[str, Any]] = []
    async for received in ws:
        if received.type is not aiohttp.WSMsgType.TEXT:
            break
        messages.append(json.loads(received.data))
        if messages[-1].get("status") == "ready":
            for start in range(0, len(pcm), FRAME_BYTES):
                await ws.send_bytes(pcm[start : start + FRAME_BYTES])
            await ws.send_json({"action": "stop"})
        if messages[-1].get("is_final") or "error" in messages[-1]:
            return messages
    raise ConnectionError("the socket ended before the stream did")


async def listening(edge: Process) -> None:
    """Wait until the edge takes connections."""
    async with asyncio.timeout(180):
        while True:
            assert edge.alive(), edge.logged()
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", edge.port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return
