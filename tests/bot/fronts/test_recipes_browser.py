"""The editor of recipes in a real browser: typed, tried out, saved and used, compared, past requests answered again, voted on by key."""

import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import async_playwright, expect

from bot.app import App
from bot.ballots import Choice
from engine.backends.base import Prompt
from engine.backends.scripted import Script
from tests.bot.fronts import web_stage
from tests.bot.fronts.web_stage import opened, served
from tests.bot.scripted import answered, cast, is_tuned
from tests.patience import patient

CHROMIUM = shutil.which("chromium")
if not CHROMIUM:
    pytest.skip("the page in a real browser needs Chromium (Debian: apt install chromium)", allow_module_level=True)
pytestmark = pytest.mark.process
ASKED = ("Where is order 52871?", "Can I return a blue teapot?", "How long does glue take to dry?", "Do you ship to Norway in winter?")


def by_rule(prompt: Prompt) -> Script:
    """The edited version answers two of the four otherwise."""
    if is_tuned(prompt):
        return Script(("tuned",))
    asked, new = prompt.messages[-1].content, "two sentences" in prompt.messages[0].content
    return Script(("In ", "two sentences.") if new and asked in ASKED[:2] else ("As ", "before."), 0.005)


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[App, str]]:
    monkeypatch.setattr(web_stage, "canned", by_rule)
    async with opened(tmp_path) as (app, chosen), served(app, chosen) as url:
        yield app, url


async def test_an_edit_is_tried_out_live_in_a_second_and_gets_its_evidence_from_past_requests(stage: tuple[App, str]) -> None:
    app, url = stage
    for asked in ASKED:
        await cast(app, (await answered(app, asked)).id, "ann", Choice.LEFT)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page()
        page.set_default_timeout(patient(10_000))
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        await page.goto(f"{url}/recipes")
        await page.locator(".version.live").get_by_role("link", name="Edit").click()
        await page.get_by_label("while I type").uncheck()  # what is tried out is no evidence, and here all four shall be
        system = page.get_by_label("System text")
        await expect(system).to_have_value("You are the house.")
        await system.fill("Answer in two sentences, {{nobody}}.")
        await expect(page.locator(".problem")).to_contain_text("{{nobody}}, which nothing fills")
        await system.fill("Answer in two sentences.")
        await expect(page.locator(".problem")).to_be_empty()
        await expect(page.locator(".gauge")).to_contain_text("are the same for every request")
        await page.get_by_label("A request to try it on").fill("What does the moon weigh?")
        await page.get_by_label("A request to try it on").press("Enter")
        await expect(page.locator(".trial").last).to_contain_text("The same answer")
        await page.get_by_role("button", name="Save and use").click()
        await expect(page.get_by_label("Why this version?")).to_be_focused()  # no reason, no save
        await page.get_by_label("Why this version?").fill("Two sentences are enough")
        began = time.monotonic()
        await page.get_by_role("button", name="Save and use").click()
        await expect(page.locator(".said")).to_contain_text("house 2 answers from now on")
        live_s = time.monotonic() - began
        live = app.versions.live(None)
        assert live and str(live.named) == "house 2" and live.reason == "Two sentences are enough" and live.edit_s
        assert live_s < patient(1)
        await expect(page).to_have_url(f"{url}/recipes/{live.id}")
        await page.get_by_role("link", name="Compare, and answer past requests again").click()
        await expect(page.locator(".words ins").first).to_contain_text("Answer in two sentences")
        await page.get_by_role("button", name="Answer them again").click()
        done = "4 of 4 past requests answered again: 2 the same, 2 changed."
        await expect(page.locator(".recipes")).to_contain_text(done, timeout=patient(20_000))
        await page.get_by_role("link", name="Vote on").click()
        for left in range(2, 0, -1):
            await expect(page.locator(".queue")).to_contain_text(f"{left} request")
            await expect(page.get_by_role("group", name="Which answer is better?")).to_be_visible()
            await expect(page.locator(".badge")).to_have_count(0)
            await page.keyboard.press("2")
            await expect(page.locator(".outcome")).to_contain_text("You chose B, the prompt house")
            await page.get_by_role("button", name="Next").click()
        await expect(page.locator(".queue")).to_contain_text("Nothing waits for your vote")
        await browser.close()
    standing = await app.rematching.standing(live.id)
    assert (standing.equal, standing.open, standing.closed, troubles) == (2, 0, 2, [])


async def test_a_version_leaves_as_toml_and_an_unknown_one_is_a_page_of_words(stage: tuple[App, str]) -> None:
    app, url = stage
    live = app.versions.live(None)
    assert live
    async with httpx.AsyncClient(base_url=url) as client:
        taken = await client.get(f"/recipes/{live.id}.toml")
        assert taken.text == live.content and "attachment" in taken.headers["content-disposition"]
        for address in ("/recipes/none.toml", "/recipes/none", f"/recipes/{live.id}/to/none"):
            missing = await client.get(address)
            assert missing.status_code == 404 and "no version with this address" in missing.text
        assert (await client.get("/recipes/votes")).status_code == 200
