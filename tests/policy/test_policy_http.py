"""The tables of the contract through real HTTP and WebSockets, against both databases."""

import asyncio
import json
from contextlib import AsyncExitStack
from ipaddress import ip_network

import aiohttp
import pytest

from tests.offices import Opener, explained, identified
from tests.policy.counting import MEBIBYTE, RECORDING, counting, credits_of, long_recording, paying, post
from tests.scripted_edge import form, scripted_edge
from tests.scripted_speech import spoken, wav
from tests.ws_streams import in_frames, streaming


async def test_anonymous_three_a_day(opened: Opener) -> None:
    async with counting(opened) as (edge, office):
        for remaining in ("2", "1", "0"):
            status, answer, response = await post(edge)
            assert status == 200, answer
            assert response.headers["RateLimit-Limit"] == "3"
            assert response.headers["RateLimit-Remaining"] == remaining
            assert 0 < int(response.headers["RateLimit-Reset"]) <= 86_400
        status, answer, response = await post(edge)
        assert (status, answer["code"]) == (429, "daily_limit")
        assert int(response.headers["Retry-After"]) > 0
        assert response.headers["RateLimit-Remaining"] == "0"
        await explained(office)


async def test_anonymous_by_whatever_they_say_about_their_address(opened: Opener) -> None:
    async with counting(opened) as (edge, _):
        statuses = [(await post(edge, {"X-Forwarded-For": f"198.51.100.{number}"}))[0] for number in range(5)]
    assert statuses == [200, 200, 200, 429, 429]


async def test_anonymous_by_what_a_trusted_proxy_says(opened: Opener) -> None:
    async with counting(opened, trusted_proxies=[ip_network("127.0.0.0/8")]) as (edge, _):
        statuses = [(await post(edge, {"X-Forwarded-For": f"9.9.9.9, 198.51.100.{number}"}))[0] for number in range(5)]
    assert statuses == [200] * 5


@pytest.mark.parametrize(("tier", "size"), [("anonymous", 100), ("free", 500), ("paid", 2048)])
async def test_the_file_may_have_the_size_of_the_tier(opened: Opener, tier: str, size: int) -> None:
    async with counting(opened) as (edge, office):
        headers = (await paying(office, tier, balance=9))[1] if tier != "anonymous" else {}
        # Announced, so that it is refused before it is sent; what comes without a length is counted as it comes.
        headers |= {"Content-Length": str((size + 30) * MEBIBYTE), "Content-Type": "multipart/form-data; boundary=x"}
        reader, writer = await asyncio.open_connection(*edge.url.removeprefix("http://").split(":"))
        lines = [f"{name}: {value}" for name, value in {"Host": "edge", **headers}.items()]
        writer.write("\r\n".join(["POST /v1/transcribe HTTP/1.1", *lines, "", ""]).encode())
        status = (await reader.readline()).split()[1]
        writer.close()
        await writer.wait_closed()
    assert status == b"413"


@pytest.mark.parametrize(("tier", "concurrent"), [("anonymous", 1), ("free", 2), ("paid", 5)])
async def test_as_many_at_once_as_the_tier_has(opened: Opener, tier: str, concurrent: int) -> None:
    async with counting(opened) as (edge, office), AsyncExitStack() as stack:
        headers = (await paying(office, tier, balance=99))[1] if tier != "anonymous" else {}
        for _ in range(concurrent):
            stream = await stack.enter_async_context(streaming(edge, **headers))
            await stream.ready()
        status, answer, response = await post(edge, headers)
        assert (status, answer["code"]) == (429, "too_many_concurrent")
        assert int(response.headers["Retry-After"]) > 0
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await edge.http.ws_connect(f"{edge.url}/v1/stream", headers=headers)
        assert refused.value.status == 429


async def test_six_hundred_minutes_a_month(opened: Opener) -> None:
    async with counting(opened) as (edge, office):
        principal, headers = await paying(office, "free")
        status, _, response = await post(edge, headers)
        assert (status, response.headers["RateLimit-Limit"]) == (200, "600")
        assert response.headers["RateLimit-Remaining"] == "599"
        async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
            await admission.hold(599.9 * 60)
            await admission.settle(599.9 * 60)
        assert (await post(edge, headers, data=form(wav(spoken([1] * 6)))))[0] == 200
        status, answer, _ = await post(edge, headers, data=form(wav(spoken([1] * 6))))
        assert (status, answer["code"]) == (402, "no_credits")
        assert len(edge.transcription.configs) == 2


async def test_credits_run_out(opened: Opener) -> None:
    async with counting(opened) as (edge, office):
        principal, headers = await paying(office, balance=2)
        for _ in range(2):
            assert (await post(edge, headers))[0] == 200
        status, answer, _ = await post(edge, headers)
        assert (status, answer["error"]) == (402, "No credits remaining. Upgrade your plan.")
        assert len(edge.transcription.configs) == 2
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await edge.http.ws_connect(f"{edge.url}/v1/stream", headers=headers)
        assert refused.value.status == 402
        async with streaming(edge, Origin="https://page.example", **headers) as stream:
            assert await stream.closed() == 4402
        assert await office.desk.ledger.available(credits_of(principal)) == 0
        await explained(office)


async def test_a_recording_that_credits_do_not_cover_is_not_worked_on(opened: Opener) -> None:
    async with counting(opened) as (edge, office):
        principal, headers = await paying(office, balance=1)
        status, answer, _ = await post(edge, headers, data=long_recording())
        assert (status, answer["code"]) == (402, "no_credits")
        assert edge.transcription.configs == []
        assert await office.desk.ledger.available(credits_of(principal)) == 1


async def test_failures_use_up_nothing(opened: Opener) -> None:
    async with counting(opened) as (edge, office):
        principal, headers = await paying(office, balance=2)
        status, answer, _ = await post(edge, headers, data=form(b"this is no recording"))
        assert (status, answer["code"]) == (400, "unreadable_media")
        for _ in range(4):
            assert (await post(edge, data=form(b"this is no recording")))[0] == 400
        assert await office.desk.ledger.available(credits_of(principal)) == 2
        await explained(office)


@pytest.mark.parametrize("how", ["header", "query", "protocol"])
async def test_bad_keys_are_refused_everywhere(opened: Opener, how: str) -> None:
    async with counting(opened) as (edge, _):
        query = "?token=nonsense" if how == "query" else ""
        headers = {"Authorization": "Bearer nonsense"} if how == "header" else {}
        protocols = ("bearer", "nonsense") if how == "protocol" else ()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await edge.http.ws_connect(f"{edge.url}/v1/stream{query}", headers=headers, protocols=protocols)
        assert refused.value.status == 401
        headers["Origin"] = "https://page.example"
        async with edge.http.ws_connect(f"{edge.url}/v1/stream{query}", headers=headers, protocols=protocols) as ws:
            message = await ws.receive_json()
            assert (message["code"], message["text"], message["partial"]) == ("unauthorized", "", "")
            await ws.receive()
            assert ws.close_code == 4401
        if how == "header":
            status, answer, _ = await post(edge, headers)
            assert (status, answer["code"]) == (401, "unauthorized")


async def test_summaries_need_a_key(opened: Opener) -> None:
    async with counting(opened) as (edge, office):
        _, headers = await paying(office)
        body = {"text": "We spoke about many things."}
        async with edge.http.post(f"{edge.url}/v1/summarize", json=body) as response:
            assert response.status == 401
        for replayed in (None, "true"):
            sent = {**headers, "Idempotency-Key": "summary"}
            async with edge.http.post(f"{edge.url}/v1/summarize", json=body, headers=sent) as response:
                assert response.status == 200, await response.text()
                assert response.headers.get("Idempotent-Replayed") == replayed


async def test_a_stream_is_paid_once_and_a_revoked_key_ends_it(opened: Opener) -> None:
    async with counting(opened) as (edge, office):
        principal, headers = await paying(office, balance=9)
        async with streaming(edge, **headers) as stream:
            await stream.ready()
            for frame in in_frames(spoken([1] * 110), 160_000):
                await stream.ws.send_bytes(frame)
            await stream.until(lambda message: message["text"] != "")
            assert await office.desk.keys.revoke(principal.account, principal.key)
            await stream.ws.send_bytes(spoken([1] * 20))
            assert await stream.closed() == 4401
            assert stream.messages[-1]["code"] == "unauthorized"
        await office.policy.close()
        assert await office.desk.ledger.available(credits_of(principal)) == 8
        await explained(office)


async def test_the_first_answer_comes_again(opened: Opener) -> None:
    async with counting(opened) as (edge, office):
        principal, headers = await paying(office, balance=1)
        headers["Idempotency-Key"] = "once"
        status, first, response = await post(edge, headers)
        assert status == 200
        assert "Idempotent-Replayed" not in response.headers
        for _ in range(3):
            status, again, response = await post(edge, headers)
            assert (status, again) == (200, first)
            assert response.headers["Idempotent-Replayed"] == "true"
            assert response.headers["Content-Type"] == "application/json; charset=utf-8"
        assert len(edge.transcription.configs) == 1
        assert await office.desk.ledger.available(credits_of(principal)) == 0
        status, answer, _ = await post(edge, headers, data=form(RECORDING, language="de"))
        assert (status, answer["code"]) == (422, "idempotency_key_reused")
        status, answer, _ = await post(edge, {**headers, "Idempotency-Key": "x" * 256})
        assert (status, answer["code"]) == (400, "bad_idempotency_key")
        events = {**headers, "Accept": "text/event-stream"}
        async with edge.http.post(f"{edge.url}/v1/transcribe", data=form(RECORDING), headers=events) as replay:
            assert (await replay.text()) == f"event: result\ndata: {json.dumps(first, ensure_ascii=False)}\n\n"
        await explained(office)


async def test_many_at_once_with_one_key_are_charged_once(opened: Opener) -> None:
    async with counting(opened) as (edge, office):
        principal, headers = await paying(office, balance=50)
        headers["Idempotency-Key"] = "once"
        statuses = {status for status, _, _ in await asyncio.gather(*(post(edge, headers) for _ in range(20)))}
        assert statuses <= {200, 409, 429}
        assert 200 in statuses
        assert await office.desk.ledger.available(credits_of(principal)) == 49
        assert len(edge.transcription.configs) == 1


async def test_what_failed_with_a_key_may_be_tried_again(opened: Opener) -> None:
    async with counting(opened) as (edge, office):
        _, headers = await paying(office, balance=1)
        headers["Idempotency-Key"] = "once"
        assert (await post(edge, headers, data=form(b"this is no recording")))[0] == 400
        status, _, response = await post(edge, headers)
        assert (status, response.headers.get("Idempotent-Replayed")) == (200, None)


async def test_an_account_from_sign_up_to_the_end_of_its_keys(opened: Opener) -> None:
    async with counting(opened) as (edge, office):
        account = f"{edge.url}/v1/account"
        async with edge.http.post(account, json={"name": "Ada"}) as response:
            made = await response.json()
            assert response.status == 201
            assert response.headers["Cache-Control"] == "no-store"
        headers = {"Authorization": f"Bearer {made['key']['key']}"}
        assert (await post(edge, headers))[0] == 200
        async with edge.http.get(account, headers=headers) as response:
            shown = await response.json()
        assert (shown["name"], shown["tier"], shown["limits"]) == ("Ada", "free", {"file_mb": 500, "concurrent": 2})
        [left] = shown["left"]
        assert (left["unit"], left["remaining"], left["limit"]) == ("minutes", 599, 600)
        [day] = shown["usage"]
        assert (day["requests"], day["minutes"]) == (1, 0.03)
        async with edge.http.post(f"{account}/keys", json={"name": "phone", "days": 30}, headers=headers) as response:
            second = await response.json()
            assert response.status == 201
        phone = {"Authorization": f"Bearer {second['key']}"}
        for status in (204, 404):
            async with edge.http.delete(f"{account}/keys/{made['key']['id']}", headers=phone) as response:
                assert response.status == status
        async with edge.http.get(account, headers=headers) as response:
            assert response.status == 401
        async with edge.http.get(account, headers=phone) as response:
            text = await response.text()
        assert second["key"] not in text
        assert [key["name"] for key in json.loads(text)["keys"]] == ["first key", "phone"]
        other, theirs = await paying(office)
        async with edge.http.delete(f"{account}/keys/{other.key}", headers=phone) as response:
            assert response.status == 404
        async with edge.http.get(account, headers=theirs) as response:
            assert response.status == 200
        async with edge.http.get(account) as response:
            assert response.status == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b'{"name": 1}', 400), (b'{"tier": "paid"}', 400), (b"x" * 5000, 413)],
)
async def test_sign_ups_that_are_none(opened: Opener, body: bytes, status: int) -> None:
    async with counting(opened) as (edge, _), edge.http.post(f"{edge.url}/v1/account", data=body) as response:
        assert response.status == status
        assert (await response.json())["error"]


async def test_sign_up_is_throttled_and_can_be_closed(opened: Opener) -> None:
    async with counting(opened, sign_ups_per_day=1) as (edge, _):
        statuses = []
        for _ in range(2):
            async with edge.http.post(f"{edge.url}/v1/account") as response:
                statuses.append(response.status)
        assert statuses == [201, 429]
        assert int(response.headers["Retry-After"]) > 0
    async with counting(opened, sign_up=False) as (edge, _), edge.http.post(f"{edge.url}/v1/account") as response:
        assert response.status == 403


async def test_an_open_server_has_no_accounts() -> None:
    async with scripted_edge() as edge, edge.http.post(f"{edge.url}/v1/account") as response:
        assert response.status == 404


async def test_anonymous_and_known_callers_do_not_share(opened: Opener) -> None:
    async with counting(opened) as (edge, office):
        _, headers = await paying(office, balance=1)
        assert (await post(edge, headers))[0] == 200
        assert (await post(edge))[0] == 200
        assert (await identified(office, peer="127.0.0.1")).anonymous
