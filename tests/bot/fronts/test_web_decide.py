"""The page of decisions in a real browser: a file is dropped, a decision is watched across a reload, read, and confirmed by a vote."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from bot.app import App
from bot.app.decisions import DecideKind
from bot.app.training import DECIDE
from bot.deciding.order import DecisionFolder, DecisionStatus, StepStatus
from bot.settings import Settings
from bot.views import Job
from engine.card import read_card
from engine.recipe_text import toml_of
from engine.recipes import load_recipe
from engine.shipped import DEMO_ADAPTER
from tests.bot.fronts.web_stage import opened, served
from tests.patience import patient

CHROMIUM = shutil.which("chromium")
if not CHROMIUM:
    pytest.skip("the page in a real browser needs Chromium (Debian: apt install chromium)", allow_module_level=True)
pytestmark = pytest.mark.process
ROWS = [{"request": f"{number} parcels are late in week {number * 7}", "answer": "delivery"} for number in range(3)]


class ScriptedProcess:
    """A decision whose process is a script; what is made of its end is the product's own. The real one is deciding/test_whole.py's."""

    def __init__(self, app: App) -> None:
        self.app, self.gate = app, asyncio.Event()
        kind: Any = app.jobs._kinds[DECIDE]
        assert isinstance(kind, DecideKind)
        self.folder = kind._folder
        kind.command = self.command  # type: ignore[method-assign]
        app.jobs._spawned = self.spawned  # type: ignore[method-assign]

    def command(self, job: Job) -> Sequence[str]:
        self.work = DecisionFolder(self.folder / job.id / job.arguments["name"])
        self.work.path.mkdir(parents=True, exist_ok=True)
        self.work.tell(
            DecisionStatus((StepStatus("check", "done", 1, "3 rows, of which none is wrong"), StepStatus("prompt", "running", 2)))
        )
        return ()

    async def spawned(self, job: Job, command: Sequence[str]) -> tuple[int, str, str]:
        await self.gate.wait()
        advice = {"headline": "Fine-tune", "why": "It was right on 88%.", "take": "tuned"}
        await asyncio.to_thread(self._made, advice)
        return 0, json.dumps({"folder": str(self.work.path), "advice": advice}), ""

    def _made(self, advice: dict[str, str]) -> None:
        shutil.copytree(DEMO_ADAPTER, self.work["adapter"])
        card = read_card(self.work["adapter"])
        assert card
        replace(card, name="late", version="1", base=replace(card.base, revision="0" * 16)).write(self.work["adapter"])
        self.work["recipe.toml"].write_text(toml_of(replace(load_recipe("house"), name="late", version="1")))
        self.work["confirm.jsonl"].write_text("".join(json.dumps({"request": f"request {at}", "tags": []}) + "\n" for at in range(2)))
        self.work["report.html"].write_text("<!doctype html><title>r</title><h1>Fine-tune</h1>")
        self.work.write("decision.json", {"advice": advice})


@asynccontextmanager
async def deciding(folder: Path) -> AsyncIterator[tuple[Page, str, ScriptedProcess, Settings, list[str]]]:
    problems: list[str] = []
    async with (
        opened(folder, DUEL_ADAPTERS=str(folder / "loras")) as (app, chosen),
        served(app, chosen) as address,
        async_playwright() as playwright,
    ):
        script = ScriptedProcess(app)
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await (await browser.new_context()).new_page()
        page.set_default_timeout(patient(10_000))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if "Content Security Policy" in message.text else None)
        yield page, address, script, chosen, problems
        await browser.close()


async def bring(page: Page, address: str, rows: list[dict[str, str]]) -> None:
    await page.goto(f"{address}/decide")
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    await page.set_input_files("input[type=file]", {"name": "late parcels.jsonl", "mimeType": "text/plain", "buffer": data})
    await page.get_by_role("button", name="Check this file").click()


async def test_from_a_file_to_a_vote_that_confirms(tmp_path: Path) -> None:
    async with deciding(tmp_path) as (page, address, script, _, problems):
        await page.goto(address)
        await page.get_by_role("link", name="Bring your examples").click()
        await expect(page.get_by_role("heading", name="Bring your examples")).to_be_visible()
        await bring(page, address, [*ROWS, {"request": ROWS[0]["request"], "answer": "billing"}])
        await expect(page.locator("tr.wrong")).to_contain_text("contradiction")
        await expect(page.get_by_role("button", name="Decide", exact=True)).to_be_disabled()
        await bring(page, address, ROWS)
        await page.get_by_label("Minutes for everything").fill("many")
        await page.get_by_role("button", name="Decide", exact=True).click()
        await expect(page.locator(".notice")).to_contain_text("is not a number of minutes")
        await page.get_by_label("Minutes for everything").fill("20")
        await page.get_by_role("button", name="Decide", exact=True).click()
        job = page.locator(".job")
        await expect(job).to_contain_text("3 rows, of which none is wrong")
        await page.reload()
        await expect(job).to_contain_text("The prompt at its best")
        script.gate.set()
        await expect(job).to_contain_text("It was right on 88%.")
        await page.get_by_role("link", name="Read the report").click()
        await expect(page.get_by_role("heading", name="Fine-tune")).to_be_visible()
        await page.go_back()
        await page.get_by_role("button", name="Confirm by votes (2)").click()
        await expect(page.get_by_role("heading", name="Waiting for your vote")).to_be_visible()
        await page.get_by_role("button", name="B is better").click()
        await expect(page.locator(".queue")).to_contain_text("late 1")
        await page.goto(f"{address}/decide")
        await page.get_by_role("button", name="Let the fine-tune answer").click()
        await page.wait_for_url("**/route")
        standing = await script.app.routing.standing()
        alone, route = standing.answers_alone(), standing.route()
        assert alone and route and (str(alone.adapter), route.share, route.reason) == ("late 1", 0.1, "Decided on late-parcels.jsonl.")
        live = script.app.versions.live(None)
        assert live and str(live.named) == "late 1"
        assert problems == []
