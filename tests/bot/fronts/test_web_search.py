"""A search for a better prompt in a real browser: from a version to rows, to what was found, and to its comparison."""

import asyncio
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from bot.app import App
from bot.app.training import OPTIMISE, jobs_folder, search_folder
from bot.settings import Settings
from bot.views import Job
from engine.optimise.status import SearchStatus
from tests.bot.fronts.web_stage import opened, served
from tests.bot.test_searching import ROWS, found, live
from tests.patience import patient

CHROMIUM = shutil.which("chromium")
if not CHROMIUM:
    pytest.skip("the page in a real browser needs Chromium (Debian: apt install chromium)", allow_module_level=True)
pytestmark = pytest.mark.process


class ScriptedSearch:
    """A search whose process is a script; what is made of its end is the product's own. The real one is test_searching.py's."""

    def __init__(self, app: App, chosen: Settings) -> None:
        self.app, self.folder, self.gate = app, jobs_folder(chosen), asyncio.Event()
        app.jobs._spawned = self.spawned  # type: ignore[method-assign]
        assert OPTIMISE in app.jobs._kinds

    async def spawned(self, job: Job, command: Sequence[str]) -> tuple[int, str, str]:
        start = Path(command[command.index("optimise") + 1])
        assert await asyncio.to_thread(start.read_text) == live(self.app).content
        folder = search_folder(self.folder, job)
        await asyncio.to_thread(lambda: folder.mkdir(parents=True))
        SearchStatus("search", 120, job.arguments["calls"], 60.0, 0.41, 60, "six examples").write(folder)
        await self.gate.wait()
        return 0, json.dumps(found(live(self.app))), ""


async def test_from_a_version_to_a_better_one(tmp_path: Path) -> None:
    problems: list[str] = []
    async with opened(tmp_path) as (app, chosen), served(app, chosen) as address, async_playwright() as playwright:
        script = ScriptedSearch(app, chosen)
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await (await browser.new_context()).new_page()
        page.set_default_timeout(patient(10_000))
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(f"{address}/recipes")
        await page.get_by_role("link", name=f"Search for a better prompt from {live(app).named}", exact=True).click()
        await page.set_input_files("input[type=file]", {"name": "tickets.jsonl", "mimeType": "text/plain", "buffer": ROWS})
        await page.get_by_role("button", name="Check these rows").click()
        await expect(page.get_by_role("heading", name="tickets.jsonl: 48 rows")).to_be_visible()
        await page.get_by_label("Answers").fill("some")
        await page.get_by_role("button", name="Search", exact=True).click()
        await expect(page.locator(".notice")).to_contain_text("'some' is not a number of answers.")
        await page.get_by_label("Answers").fill("300")
        await page.get_by_role("button", name="Search", exact=True).click()
        job = page.locator(".job")
        await expect(job).to_contain_text("120 of 300 answers; the best so far is right on 41% of 60 dev rows.")
        await page.reload()
        await expect(job).to_contain_text("120 of 300 answers")
        script.gate.set()
        await expect(job).to_contain_text("was found: right on 41% ± 4% of 200 rows that no choice looked at")
        await page.get_by_role("link", name="Compare with where it began").click()
        await expect(page.get_by_text("Is it late?")).to_be_visible()
        assert problems == []
        await browser.close()
