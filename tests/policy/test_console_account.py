"""The console page in a real headless browser: sign up, see the key once, see what was used."""

import base64
from pathlib import Path

import pytest

from tests.browser import Page, chromium
from tests.offices import Opener
from tests.policy.counting import counting
from tests.scripted_speech import spoken, wav

pytestmark = pytest.mark.system("chromium")
SHOWN = "document.getElementById('newkey')"
BARS = "[...document.querySelectorAll('#chart > div')]"


async def press(page: Page, name: str) -> None:
    """Press a button."""
    await page.evaluate(f"document.getElementById('{name}').click()")


async def choose(page: Page, recording: bytes) -> None:
    """Choose a recording, as the file chooser would give it."""
    await page.evaluate(
        "(() => {"
        f" const data = Uint8Array.from(atob('{base64.b64encode(recording).decode()}'), (c) => c.charCodeAt(0));"
        " const chosen = new DataTransfer();"
        " chosen.items.add(new File([data], 'meeting.wav'));"
        " const input = document.getElementById('file');"
        " input.files = chosen.files; input.dispatchEvent(new Event('change'));"
        "})()"
    )


async def test_sign_up_see_the_key_once_and_the_usage(opened: Opener, tmp_path: Path) -> None:
    async with counting(opened) as (edge, office), chromium(tmp_path / "nothing.wav") as page:
        await page.go(f"{edge.url}/")
        await page.until("document.querySelectorAll('#model option').length === 4")
        await page.evaluate("document.querySelector('#account summary').click()")
        assert await page.evaluate(f"{SHOWN}.hidden")
        await press(page, "signup")
        await page.until(f"!{SHOWN}.hidden")
        key = (await page.evaluate(f"{SHOWN}.innerText")).rpartition(" ")[2]
        assert key.startswith("vb_")
        [account] = await office.accounts.list()
        assert account["tier"] == "free"

        await choose(page, wav(spoken(list(range(1, 25)))))
        await page.until("document.getElementById('state').textContent.includes('12 s by scripted')")
        await press(page, "usage")
        await page.until(f"{BARS}.length === 1")
        assert await page.evaluate("document.getElementById('left').innerText") == "free: 599 minutes left"
        assert (await page.evaluate(f"{BARS}[0].title")).endswith(": 0.2 min")
        chart = await page.evaluate("document.getElementById('chart').getBoundingClientRect().height")
        bar = await page.evaluate(f"{BARS}[0].getBoundingClientRect().height")
        # A day with less than a minute is no full bar.
        assert 0 < bar < chart

        # Once: who comes back has the key where it was put, and nobody can read it there.
        await page.go(f"{edge.url}/?again")
        await page.until("document.querySelectorAll('#model option').length === 4")
        assert await page.evaluate(f"{SHOWN}.hidden")
        assert key not in await page.evaluate("document.documentElement.outerHTML")
        await page.evaluate("document.querySelector('#account summary').click()")
        await press(page, "usage")
        await page.until(f"{BARS}.length === 1")
        [listed] = await office.desk.keys.list(account["id"])
        assert await office.desk.keys.revoke(account["id"], listed["id"])
        await press(page, "usage")
        await page.until("document.getElementById('state').textContent === 'This API key is not valid.'")
        assert await page.evaluate("document.getElementById('state').classList.contains('bad')")
