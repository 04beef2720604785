"""The pods of an overlay, run for real: they start, their probes succeed, they find each other, they end in time."""

from pathlib import Path

import aiohttp
import pytest

from tests.certificates import authority, signed
from tests.manifests import OVERLAYS, of_kind
from tests.pods import running_pods

pytestmark = pytest.mark.system("kubectl", "openssl")

SCRIPTED = {
    "transcription": {"TRANSCRIPTION_ENGINE": "scripted", "TRANSCRIPTION_VOICE": "loudness"},
    "diarization": {"DIARIZATION_ENGINE": "scripted", "DIARIZATION_CROWD_ENGINE": ""},
    "summarization": {"SUMMARIZATION_ENGINE": "scripted"},
    "edge": {"EDGE_DATABASE": ""},
}
for name in ("transcription", "diarization", "summarization"):
    SCRIPTED[name][f"{name.upper()}_DRAIN_NOTICE_SECONDS"] = "0.5"
"""No weights, no GPU, no PostgreSQL, a short farewell; all else is as in the manifests."""


def certificates(folder: Path) -> dict[str, dict[str, str]]:
    """The two secrets of the component `mtls`, as cert-manager would write them."""
    ca = authority(folder, "ca")
    secrets = {}
    for name in ("verbatim-services-tls", "verbatim-edge-tls"):
        certificate, key = signed(folder, name, by="ca")
        secrets[name] = {
            "tls.crt": certificate.read_text(),
            "tls.key": key.read_text(),
            "ca.crt": ca.read_text(),
        }
    return secrets


@pytest.mark.parametrize("overlay", OVERLAYS)
async def test_the_pods_find_each_other_and_end_in_order(overlay: str, tmp_path: Path) -> None:
    secrets = certificates(tmp_path)
    async with running_pods(of_kind(overlay, "Deployment"), tmp_path, changes=SCRIPTED, secrets=secrets) as pods:
        for pod in pods.values():
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                await pod.wait(probe)
        edge = f"http://127.0.0.1:{pods['edge'].port('http')}"
        async with aiohttp.ClientSession() as web:
            async with web.get(f"{edge}/health") as answer:
                assert answer.status == 200, await answer.text()
            for name in ("transcription", "diarization", "summarization"):
                async with web.get(f"http://127.0.0.1:{pods[name].port('metrics')}/metrics") as answer:
                    assert "rpc_streams_open" in await answer.text()
        for pod in pods.values():
            pod.terminate()
        assert {name: await pod.code() for name, pod in pods.items()} == dict.fromkeys(pods, 0)
