"""The page of adapters in a real browser: rows are brought, a training goes on across a reload, and what it made is used."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from adapters.train.runs import Status
from bot.app import App
from bot.app.training import jobs_folder, work_folder
from bot.settings import Settings
from bot.views import Job
from tests.bot.fronts.web_stage import opened, served
from tests.bot.scripted import own_adapter
from tests.patience import patient

CHROMIUM = shutil.which("chromium")
if not CHROMIUM:
    pytest.skip("the page in a real browser needs Chromium (Debian: apt install chromium)", allow_module_level=True)
pytestmark = pytest.mark.process


class Scripted:
    """Trainings whose process is a script: it goes on when the test says so. The real process is tests/bot/test_jobs.py's."""

    def __init__(self, app: App, chosen: Settings) -> None:
        self.app, self.chosen, self.gate, self.code = app, chosen, asyncio.Event(), 0
        app.jobs._kinds = {"train": self}
        app.jobs._spawned = self.spawned  # type: ignore[method-assign]

    def command(self, job: Job) -> Sequence[str]:
        work = work_folder(jobs_folder(self.chosen), job)
        work.path.mkdir(parents=True, exist_ok=True)
        for step in range(1, 61):
            work.curve.add_loss(step, 150, 2.5 / step**0.5)
        work.curve.add_right(0, 0.02, 100)
        work.curve.add_right(38, 0.5, 64)
        work.tell(Status("training", 60, 150, 0.32, left_s=75.0))
        return ()

    async def spawned(self, job: Job, command: Sequence[str]) -> tuple[int, str, str]:
        await self.gate.wait()
        self.gate.clear()
        if not self.code:
            own_adapter(Path(self.chosen.engine.adapters), "support", "1")
        return self.code, json.dumps({"name": "support", "version": "1", "figures": {}, "limits": []}), "Out of memory."

    async def done(self, job: Job, result: Mapping[str, Any]) -> str:
        return "support@1 is ready."


@asynccontextmanager
async def page_of(folder: Path, **options: Any) -> AsyncIterator[tuple[Page, str, Scripted, list[str]]]:
    problems: list[str] = []
    async with (
        opened(folder, DUEL_ADAPTERS=str(folder / "loras")) as (app, chosen),
        served(app, chosen) as address,
        async_playwright() as playwright,
    ):
        script = Scripted(app, chosen)
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await (await browser.new_context(**options)).new_page()
        page.set_default_timeout(patient(10_000))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if "Content Security Policy" in message.text else None)
        yield page, address, script, problems
        await browser.close()


async def bring(page: Page, address: str, rows: list[dict[str, str]]) -> None:
    await page.goto(f"{address}/adapters")
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    await page.set_input_files("input[type=file]", {"name": "triage rows.jsonl", "mimeType": "text/plain", "buffer": data})
    await page.get_by_role("button", name="Check these rows").click()


ROWS = [{"request": f"{number} parcels are late in week {number * 7}", "answer": "delivery"} for number in range(3)]


async def test_from_rows_to_an_adapter_that_duels(tmp_path: Path) -> None:
    async with page_of(tmp_path) as (page, address, script, problems):
        await bring(page, address, [*ROWS, {"request": ROWS[0]["request"], "answer": "billing"}])
        await expect(page.locator("tr.wrong")).to_contain_text("contradiction")
        await expect(page.get_by_role("button", name="Start training")).to_be_disabled()
        await bring(page, address, ROWS)
        await expect(page.get_by_role("heading", name="triage-rows.jsonl: 3 rows")).to_be_visible()
        await page.get_by_label("Name of the adapter").fill("support")
        share = page.get_by_label("Your prompt is right on")
        await share.fill("12x")
        own_adapter(tmp_path / "loras", "other", "1")
        await expect(page.locator("[data-adapter='other@1']")).to_be_visible()  # the page is drawn anew under what is typed
        await expect(share).to_have_value("12x")
        await page.get_by_role("button", name="Start training").click()
        await expect(page.locator(".notice")).to_contain_text("is not a percentage")
        await share.fill("39")
        await page.get_by_role("button", name="Start training").click()
        job = page.locator(".job")
        await expect(job).to_contain_text("Training, 60 of 150, loss 0.320")
        await expect(job).to_contain_text("40%, 75 s left")
        await page.reload()
        await expect(page.get_by_role("heading", name="triage-rows.jsonl: 3 rows")).to_be_visible()
        await expect(job).to_contain_text("Training, 60 of 150, loss 0.320")
        assert await page.locator("progress").evaluate("(bar) => bar.value") == 0.4
        picture = job.locator("img.for-light")
        await expect(picture).to_have_js_property("complete", True)
        assert await picture.evaluate("(img) => img.naturalWidth") > 100
        script.gate.set()
        await expect(job).to_contain_text("support@1 is ready.")
        await expect(page.locator("[data-adapter='support@1']")).to_contain_text("For duelbot-demo")
        await job.get_by_role("link", name="Duel it against what is in use").click()
        await expect(page.locator(".banner.ready")).to_have_text("Here the adapter that is in use meets support@1.")
        assert problems == []


async def test_use_and_roll_back_and_a_failure_in_words(tmp_path: Path) -> None:
    own_adapter(tmp_path / "loras", "support", "7")
    async with page_of(tmp_path) as (page, address, script, problems):
        script.code = 1
        await bring(page, address, ROWS)
        await page.get_by_label("Name of the adapter").fill("support")
        await page.get_by_role("button", name="Start training").click()
        script.gate.set()
        await expect(page.locator(".job")).to_contain_text("Out of memory.")
        await page.get_by_role("button", name="Go on").click()
        await expect(page.locator(".job[data-state=running]")).to_be_visible()
        await page.get_by_role("button", name="Stop").click()
        await expect(page.locator(".notice")).to_contain_text("stops after its step")
        script.gate.set()
        await expect(page.locator(".job[data-state=stopped]")).to_contain_text("Stopped.")
        await page.get_by_role("button", name="Take off the list").click()
        await expect(page.locator(".job")).to_have_count(0)
        own = page.locator("[data-adapter='support@7']")
        await own.get_by_role("button", name="Use").click()
        await expect(page.locator(".notice")).to_contain_text("takes support@7 from now on")
        await expect(own.locator(".chip")).to_have_text("in use")
        await page.get_by_role("button", name="Roll back to what ships with the base").click()
        await expect(page.locator("[data-adapter='demo@9'] .chip")).to_have_text("in use")
        assert problems == []
