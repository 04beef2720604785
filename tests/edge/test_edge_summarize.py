"""POST /v1/summarize from end to end against a scripted service."""

import io
import json
from typing import Any

import pytest
from speech.v1 import summarization_pb2 as pb

from rpc.errors import Unavailable
from tests.scripted_edge import EdgeUnderTest, scripted_edge


async def ask(edge: EdgeUnderTest, body: Any, **headers: str) -> tuple[int, dict[str, Any], str | None]:
    data = io.BytesIO(json.dumps(body).encode())
    async with edge.http.post(f"{edge.url}/v1/summarize", data=data, headers=headers) as response:
        return response.status, await response.json(), response.headers.get("Retry-After")


@pytest.mark.parametrize(
    ("style", "said", "asked"),
    [
        (None, "brief", pb.SUMMARY_STYLE_BRIEF),
        ("detailed", "detailed", pb.SUMMARY_STYLE_DETAILED),
        ("action_items", "action_items", pb.SUMMARY_STYLE_ACTION_ITEMS),
        ("bullet_points", "bullet_points", pb.SUMMARY_STYLE_BULLET_POINTS),
        ("bullets", "bullet_points", pb.SUMMARY_STYLE_BULLET_POINTS),
    ],
)
async def test_styles(style: str | None, said: str, asked: int) -> None:
    async with scripted_edge() as edge:
        body = {"text": "Speaker 1: hello"} | ({} if style is None else {"style": style})
        status, answer, _ = await ask(edge, body)
        assert status == 200
        assert answer == {"summary": "16 characters.", "style": said, "model": "scripted-instruct"}
        assert edge.summarization.configs[0].style == asked


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_body"),
        ([], "invalid_body"),
        ({"text": ""}, "empty_text"),
        ({"text": " \n"}, "empty_text"),
        ({"text": 7}, "invalid_body"),
        ({"text": "x", "style": "haiku"}, "unknown_style"),
        ({"text": "x", "language": "klingon"}, "unknown_language"),
    ],
)
async def test_bad_requests(body: Any, code: str) -> None:
    async with scripted_edge() as edge:
        status, answer, _ = await ask(edge, body)
        assert (status, answer["code"]) == (400, code)
        if code == "unknown_style":
            assert all(style in answer["error"] for style in ("brief", "detailed", "action_items", "bullet_points"))


async def test_no_json_and_too_much_of_it() -> None:
    async with scripted_edge() as edge:
        async with edge.http.post(f"{edge.url}/v1/summarize", data=b"text=hello") as response:
            assert (response.status, (await response.json())["code"]) == (400, "invalid_json")
        status, answer, _ = await ask(edge, {"text": "x" * (9 << 20)})
        assert (status, answer["code"]) == (413, "too_large")


async def test_two_megabytes_go_in_pieces() -> None:
    async with scripted_edge() as edge:
        status, answer, _ = await ask(edge, {"text": "\u00e4" * 1_000_000 + "b"})
        assert (status, answer["summary"]) == (200, "1000001 characters.")


async def test_events() -> None:
    async with scripted_edge() as edge:
        request = edge.http.post(
            f"{edge.url}/v1/summarize", json={"text": "hello"}, headers={"Accept": "text/event-stream"}
        )
        async with request as response:
            text = await response.text()
        blocks = [block.split("\n") for block in text.strip().split("\n\n")]
        assert [lines[0] for lines in blocks] == ["event: delta", "event: delta", "event: result"]
        assert json.loads(blocks[-1][1].removeprefix("data: "))["summary"] == "5 characters."


async def test_the_service_is_away() -> None:
    async with scripted_edge(summarization=False) as edge:
        status, answer, retry = await ask(edge, {"text": "hello"})
        assert (status, answer["code"]) == (503, "summarization_unavailable")
        assert int(retry or 0) > 0


async def test_the_model_is_still_fetched() -> None:
    async with scripted_edge() as edge:
        edge.summarization.failure = lambda: Unavailable("The model is being fetched.", retry_after=90)
        status, answer, retry = await ask(edge, {"text": "hello"})
        assert (status, answer["error"], retry) == (503, "The model is being fetched.", "90")
