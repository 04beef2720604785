"""What operators ask, and the description of the API beside what is really there."""

import json

import pytest
import yaml
from pydantic import ValidationError
from speech.v1 import audio_pb2

from edge.app import create_app
from edge.languages import LANGUAGES, language_code
from edge.routes.system import description
from edge.settings import EdgeSettings
from tests.scripted_edge import scripted_edge


async def test_health_tells_the_truth() -> None:
    async with scripted_edge() as edge, edge.http.get(f"{edge.url}/health") as response:
        answer = await response.json()
        assert response.status == 200
        assert answer["status"] == "ok"
        assert (answer["gpu_available"], answer["gpu_name"], answer["gpu_memory_mb"]) == (False, None, 0)
        assert answer["services"]["transcription"] == {"status": "ok", "replicas": 1}
        assert answer["services"]["summarization"]["model"] == "scripted-instruct"


async def test_health_shows_weights_on_their_way() -> None:
    async with scripted_edge() as edge:
        edge.summarization.state = "fetching"
        async with edge.http.get(f"{edge.url}/health") as response:
            answer = await response.json()
        assert (response.status, answer["status"]) == (200, "ok")
        assert answer["services"]["summarization"] | {"replicas": 1} == {
            "status": "fetching",
            "replicas": 1,
            "model": "scripted-instruct",
            "fetched_bytes": 10,
            "total_bytes": 100,
        }


async def test_health_with_a_service_down() -> None:
    async with scripted_edge(diarization=False) as edge:
        async with edge.http.get(f"{edge.url}/health") as response:
            answer = await response.json()
            assert (response.status, answer["status"]) == (503, "degraded")
            assert answer["services"]["diarization"]["status"] == "down"
        async with edge.http.get(f"{edge.url}/readyz") as response:
            assert response.status == 200


async def test_not_ready_without_transcription_and_alive_all_the_same() -> None:
    async with scripted_edge(transcription=False) as edge:
        async with edge.http.get(f"{edge.url}/readyz") as response:
            assert response.status == 503
        async with edge.http.get(f"{edge.url}/livez") as response:
            assert response.status == 200


async def test_models_keep_the_contracts_order() -> None:
    async with scripted_edge() as edge, edge.http.get(f"{edge.url}/v1/models") as response:
        rows = (await response.json())["models"]
        assert [row["id"] for row in rows] == ["large-v3-turbo", "large-v3", "medium", "small"]
        assert rows[0]["name"] == "Whisper Large V3 Turbo"
        assert [row["available"] for row in rows] == [False, False, False, True]
        assert rows[1]["served_by"] == "small"
        assert all(row["languages"] == 99 and row["description"] for row in rows)


async def test_models_are_listed_while_the_service_is_down() -> None:
    async with scripted_edge(transcription=False) as edge, edge.http.get(f"{edge.url}/v1/models") as response:
        rows = (await response.json())["models"]
        assert len(rows) == 4
        assert not any(row["available"] for row in rows)


async def test_languages() -> None:
    async with scripted_edge() as edge, edge.http.get(f"{edge.url}/v1/languages") as response:
        rows = (await response.json())["languages"]
        assert rows[0] == {"code": "en", "name": "english"}
        assert {"code": "yue", "name": "cantonese"} in rows
        assert len(rows) == len({row["code"] for row in rows}) == 100


def test_languages_by_any_name() -> None:
    for text, code in (
        ("EN", "en"),
        ("en-US", "en"),
        ("pt_BR", "pt"),
        ("English", "en"),
        ("jv", "jw"),
        (" auto ", ""),
        ("", ""),
        ("Haitian Creole", "ht"),
        ("mandarin", "zh"),
    ):
        assert language_code(text) == code
    assert all(language_code(name) == code for code, name in LANGUAGES.items())


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_TRANSCRIPTION_ADDRESSES", "10.0.0.1:1, 10.0.0.2:2,")
    monkeypatch.setenv("EDGE_DIARIZATION_ADDRESSES", "")
    monkeypatch.setenv("EDGE_CHANNEL__KEEPALIVE_SECONDS", "7")
    settings = EdgeSettings()
    assert settings.transcription_addresses == ("10.0.0.1:1", "10.0.0.2:2")
    assert settings.diarization_addresses == ()
    assert settings.channel.keepalive_seconds == 7
    monkeypatch.setenv("EDGE_TRANSCRIPTION_ADDRESSES", " ")
    with pytest.raises(ValidationError):
        EdgeSettings()


async def test_metrics_count_requests() -> None:
    async with scripted_edge() as edge:
        async with edge.http.get(f"{edge.url}/v1/languages"):
            pass
        async with edge.http.request("PATCH", f"{edge.url}/v1/languages") as response:
            assert response.status == 405
        async with edge.http.get(f"{edge.url}/metrics") as response:
            text = await response.text()
        assert 'edge_requests_total{method="GET",route="/v1/languages",status="200"}' in text
        assert "PATCH" not in text


async def test_errors_have_one_shape() -> None:
    async with scripted_edge() as edge:
        for method, path, status, code in (
            ("GET", "/nothing", 404, "not_found"),
            ("GET", "/v1/transcribe", 405, "method_not_allowed"),
            ("POST", "/health", 405, "method_not_allowed"),
        ):
            async with edge.http.request(method, edge.url + path, headers={"X-Request-Id": "mine-1"}) as response:
                answer = json.loads(await response.text())
                assert (response.status, answer["code"]) == (status, code)
                assert answer["request_id"] == response.headers["X-Request-Id"] == "mine-1"
                assert isinstance(answer["error"], str)
                assert ("Allow" in response.headers) == (status == 405)
        async with edge.http.get(f"{edge.url}/livez", headers={"X-Request-Id": "not sane\t"}) as response:
            assert response.headers["Server"] == "verbatim"
            assert response.headers["X-Request-Id"] != "not sane"


async def test_a_gpu_is_named() -> None:
    async with scripted_edge() as edge:
        edge.transcription.accelerators = [
            audio_pb2.Accelerator(kind="cuda", name="NVIDIA A100", memory_mebibytes=81920)
        ]
        async with edge.http.get(f"{edge.url}/health") as response:
            answer = await response.json()
        assert (answer["gpu_available"], answer["gpu_name"], answer["gpu_memory_mb"]) == (True, "NVIDIA A100", 81920)


async def test_the_description_names_exactly_the_routes() -> None:
    async with scripted_edge() as edge:
        document = yaml.safe_load(description())
        described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
        app = create_app(edge.edge)
        served = {
            (resource.canonical, route.method)
            for resource in app.router.resources()
            for route in resource
            if route.method != "HEAD"
        }
        assert described == served - {("/v1/stream", "GET"), ("/", "GET"), ("/console/{name}", "GET")}
        async with edge.http.get(f"{edge.url}/openapi.yaml") as response:
            assert response.headers["Content-Type"].startswith("application/yaml")
            assert yaml.safe_load(await response.text()) == document
