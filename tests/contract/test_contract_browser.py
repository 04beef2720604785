"""The documented browser code and the console page in a real headless browser with a fake microphone."""

import base64
import json
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.browser import chromium
from tests.contract_clients import CONTRACT
from tests.scripted_edge import scripted_edge
from tests.scripted_speech import spoken, wav, written

pytestmark = pytest.mark.system("chromium")
RATE = 48_000


@pytest.fixture
def microphone(tmp_path: Path) -> Path:
    """Loud noise like speech for the scripted service to hear; a constant would not get through a browser."""
    path = tmp_path / "microphone.wav"
    noise = np.random.default_rng(1).normal(0, 6000, 30 * RATE).clip(-30_000, 30_000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(noise.tobytes())
    return path


async def test_the_documented_browser_code(microphone: Path) -> None:
    async with scripted_edge() as edge, chromium(microphone) as page:
        edge.transcription.by_loudness = True
        await page.go(f"{edge.url}/livez")
        await page.evaluate((CONTRACT / "clients" / "browser.js").read_text())
        url = edge.url.replace("http", "ws") + "/v1/stream"
        await page.evaluate(f"startStream({json.dumps(url)})")
        await page.until("seen.finals.length >= 2 && seen.partials.length >= 2")
        await page.evaluate("stopStream()")
        assert await page.until("seen.code") == 1000
        seen = await page.evaluate("seen")
        words = " ".join(seen["finals"]).split()
        assert words == [written(number) for number in range(1, len(words) + 1)]
        assert seen["last"]["is_final"] is True


async def test_the_console_listens(microphone: Path) -> None:
    async with scripted_edge() as edge, chromium(microphone) as page:
        edge.transcription.by_loudness = True
        await page.go(f"{edge.url}/")
        await page.until("document.querySelectorAll('#model option').length === 4")
        await page.evaluate("document.getElementById('microphone').click()")
        await page.until("document.querySelectorAll('#transcript p').length >= 2")
        await page.until("document.querySelector('#transcript p.s1') !== null")
        assert "behind" in await page.until("document.getElementById('latency').textContent")
        await page.evaluate("document.getElementById('microphone').click()")
        await page.until("document.getElementById('state').textContent === 'Done'")
        shown = "[...document.querySelectorAll('#transcript span')].map((span) => span.textContent).join(' ')"
        words = (await page.evaluate(shown)).split()
        assert len(words) >= 4
        assert words == [written(number) for number in range(1, len(words) + 1)]


async def test_the_console_takes_a_recording_and_summarizes(microphone: Path) -> None:
    async with scripted_edge() as edge, chromium(microphone) as page:
        await page.go(f"{edge.url}/")
        await page.until("document.querySelectorAll('#model option').length === 4")
        recording = base64.b64encode(wav(spoken(list(range(1, 21))))).decode()
        # As the file chooser would give it.
        await page.evaluate(
            "(async () => {"
            f" const data = Uint8Array.from(atob('{recording}'), (c) => c.charCodeAt(0));"
            " const chosen = new DataTransfer();"
            " chosen.items.add(new File([data], 'meeting.wav'));"
            " const input = document.getElementById('file');"
            " input.files = chosen.files; input.dispatchEvent(new Event('change'));"
            "})()"
        )
        await page.until("document.getElementById('state').textContent.includes('10 s by scripted')")
        shown = await page.evaluate("document.getElementById('transcript').innerText")
        assert "Speaker 1" in shown
        assert "w20." in shown
        await page.evaluate("document.getElementById('summarize').click()")
        await page.until("document.getElementById('summary').textContent.endsWith('characters.')")
