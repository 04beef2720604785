"""The rows of the contract's tables that end a stream or come in the middle of a body, against both databases."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from sqlalchemy import insert

from edge.policy.tables import TIERS
from tests.offices import Opener, explained
from tests.policy.counting import MEBIBYTE, RECORDING, counting, credits_of, over, paying, post
from tests.scripted_edge import EdgeUnderTest, form
from tests.scripted_speech import spoken, wav
from tests.ws_streams import in_frames, streaming, text_of

_TINY = insert(TIERS).values(name="tiny", max_bytes=MEBIBYTE, concurrent=2, credits=True)
PAGE = {"Origin": "https://page.example"}


async def before_the_upgrade(edge: EdgeUnderTest, headers: dict[str, str]) -> tuple[int, str | None]:
    """Ask for a stream as a program does; give the status of the refusal and its `Retry-After`."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await edge.http.ws_connect(f"{edge.url}/v1/stream", headers=headers)
    assert refused.value.headers is not None
    return refused.value.status, refused.value.headers.get("Retry-After")


async def over_the_socket(edge: EdgeUnderTest, headers: dict[str, str]) -> tuple[int, str]:
    """Ask for a stream as a page does; give the code of the close and that of the message before it."""
    async with streaming(edge, **headers, **PAGE) as stream:
        code = await stream.closed()
    assert (stream.messages[-1]["text"], stream.messages[-1]["partial"]) == ("", "")
    assert stream.messages[-1]["error"]
    return code, stream.messages[-1]["code"]


async def spoke(edge: EdgeUnderTest, headers: dict[str, str], seconds: int) -> tuple[int, str, str]:
    """Stream so much speech; give the code of the close, the text, and the code of the last message, if any."""
    async with streaming(edge, **headers) as stream:
        await stream.ready()
        for frame in in_frames(spoken([1] * 2 * seconds), 160_000):
            await stream.ws.send_bytes(frame)
        await stream.ws.send_json({"action": "stop"})
        code = await stream.closed()
    return code, stream.text, stream.messages[-1].get("code", "")


async def test_streams_without_a_key_count_among_the_three_a_day(opened: Opener) -> None:
    async with counting(opened) as (edge, office):
        for _ in range(3):
            assert (await spoke(edge, {}, 1))[:2] == (1000, text_of([1, 1]))
            await over(office)
        status, again = await before_the_upgrade(edge, {})
        assert status == 429
        assert 0 < int(again or "") <= 86_400
        assert await over_the_socket(edge, {}) == (4429, "daily_limit")
        status, answer, _ = await post(edge)
        assert (status, answer["code"]) == (429, "daily_limit")
        await explained(office)


async def without_length(size: int) -> AsyncIterator[bytes]:
    """A form whose file is of this size, in pieces."""
    yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    for start in range(0, size, MEBIBYTE):
        yield bytes(min(MEBIBYTE, size - start))
    yield b"\r\n--b--\r\n"


@pytest.mark.parametrize(("tier", "size"), [("anonymous", 100 * MEBIBYTE), ("tiny", MEBIBYTE)])
async def test_a_file_is_measured_while_it_comes(opened: Opener, tier: str, size: int) -> None:
    async with counting(opened) as (edge, office):
        await office.database.run(_TINY)
        headers = (await paying(office, tier, balance=1))[1] if tier != "anonymous" else {}
        headers["Content-Type"] = "multipart/form-data; boundary=b"
        for sent, expected in ((size + 1, (413, "file_too_large")), (size, (400, "unreadable_media"))):
            url = f"{edge.url}/v1/transcribe"
            async with edge.http.post(url, data=without_length(sent), headers=headers) as response:
                assert (response.status, (await response.json())["code"]) == expected
        # Neither has used up anything.
        headers.pop("Content-Type")
        assert (await post(edge, headers))[0] == 200
        await explained(office)


async def test_minutes_run_out_in_a_stream(opened: Opener) -> None:
    async with counting(opened) as (edge, office):
        principal, headers = await paying(office, "free")
        async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
            await admission.hold(598.5 * 60)
            await admission.settle(598.5 * 60)
        # A minute and a half is left: a second minute cannot be held.
        code, text, why = await spoke(edge, headers, 70)
        assert (code, why) == (4402, "no_credits")
        assert text.split() == ["w1"] * len(text.split())
        assert len(text.split()) >= 100
        await over(office)
        [left] = (await office.accounts.get(principal.account)).left
        assert 30_000 <= left.available <= 40_000
        async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
            await admission.hold(left.available / 1000)
            await admission.settle(left.available / 1000)
        assert (await before_the_upgrade(edge, headers))[0] == 402
        assert await over_the_socket(edge, headers) == (4402, "no_credits")
        await explained(office)


async def test_credits_run_out_in_a_stream(opened: Opener) -> None:
    async with counting(opened) as (edge, office):
        principal, headers = await paying(office, balance=1)
        code, text, why = await spoke(edge, headers, 70)
        assert (code, why) == (4402, "no_credits")
        assert len(text.split()) >= 100
        await over(office)
        assert await office.desk.ledger.available(credits_of(principal)) == 0
        await explained(office)


async def test_requests_that_are_none_use_up_nothing(opened: Opener) -> None:
    async with counting(opened) as (edge, office):
        principal, headers = await paying(office, balance=1)
        without = aiohttp.FormData({"model": "small", "language": "en"}, default_to_multipart=True)
        status, answer, _ = await post(edge, headers, data=without)
        assert (status, answer["code"]) == (400, "missing_file")
        status, answer, _ = await post(edge, headers, data=form(RECORDING, model="huge"))
        assert (status, answer["code"]) == (400, "unknown_model")
        async with streaming(edge, **headers) as stream:
            await stream.ws.send_json({"model": "huge"})
            assert await stream.closed() == 4400
            assert stream.messages[-1]["code"] == "unknown_model"
        await over(office)
        assert await office.desk.ledger.available(credits_of(principal)) == 1
        await explained(office)


async def test_without_a_service_nothing_is_used_up(opened: Opener) -> None:
    async with counting(opened, transcription=False) as (edge, office):
        principal, headers = await paying(office, balance=1)
        for sent in (headers, {}):
            status, answer, response = await post(edge, sent)
            assert (status, answer["code"]) == (503, "transcription_unavailable")
            assert int(response.headers["Retry-After"]) > 0
            status, again = await before_the_upgrade(edge, sent)
            assert status == 503
            assert int(again or "") > 0
            assert await over_the_socket(edge, sent) == (4503, "transcription_unavailable")
        await over(office)
        assert await office.desk.ledger.available(credits_of(principal)) == 1
        await explained(office)


async def test_who_asks_again_while_the_first_is_running(opened: Opener) -> None:
    async with counting(opened) as (edge, office):
        edge.transcription.frozen = asyncio.Event()
        headers = {"Idempotency-Key": "once"}
        first = asyncio.create_task(post(edge, headers))
        while edge.transcription.open == 0:
            await asyncio.sleep(0.01)
        # Though a caller without a key has one request at once.
        status, answer, response = await post(edge, headers)
        assert (status, answer["code"]) == (409, "still_running")
        assert int(response.headers["Retry-After"]) > 0
        status, answer, _ = await post(edge, headers, data=form(wav(spoken([4]))))
        assert (status, answer["code"]) == (422, "idempotency_key_reused")
        edge.transcription.frozen.set()
        status, answer, _ = await first
        assert (status, answer["text"]) == (200, "w1 w2 w3")
        status, again, response = await post(edge, headers)
        assert (status, again, response.headers["Idempotent-Replayed"]) == (200, answer, "true")
        await explained(office)
