"""Votes in real browsers: a queue that is voted by keys alone, several people on one duel, second thoughts, reasons."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from bot.app import App
from tests.bot.fronts.browser_stage import BOX, Visit, asked, browsing, viewer_of
from tests.bot.scripted import ask, until

pytestmark = pytest.mark.process
MANY = 20


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[tuple[App, str, Visit]]:
    async with browsing(tmp_path, DUEL_WEB_UNDO_S="300") as stage:
        yield stage


async def test_a_queue_of_twenty_is_voted_by_keys_alone_within_two_minutes(stage: tuple[App, str, Visit]) -> None:
    app, url, visit = stage
    page = await visit()
    await asked(page, "Request 0")
    viewer = await viewer_of(app)
    for number in range(1, MANY):
        await until(app, (await ask(app, f"Request {number}", asker=viewer)).id, "open")
    assert len(await app.collecting.waiting(viewer)) == MANY
    await page.goto(f"{url}/vote")
    began = time.monotonic()
    for number in range(MANY):
        await expect(page.locator(".bubble")).to_have_text(f"Request {number}")
        await expect(page.locator(".queue .quiet").first).to_contain_text(f"{MANY - number} request")
        await expect(page.locator(".votes")).to_be_focused()
        await page.keyboard.press(str(number % 4 + 1))
        await expect(page.locator(".held")).to_be_visible()
        assert await page.locator(".badge").count() == 0
        await expect(page.get_by_role("button", name="Next")).to_be_focused()
        await page.keyboard.press("Enter")
    took_s = time.monotonic() - began
    await expect(page.locator(".queue")).to_contain_text("Nothing waits for your vote.")
    assert await app.collecting.waiting(viewer) == [] and took_s < 120
    choices = [(await app.looking.view(each.id, viewer)).own_choice for each in await app.looking.history()]
    assert [choice and choice.value for choice in reversed(choices)] == ["left", "right", "tie", "both_bad"] * (MANY // 4)


async def test_two_browsers_vote_on_one_duel_and_neither_sees_the_others_ballot(stage: tuple[App, str, Visit]) -> None:
    _, url, visit = stage
    asker = await visit()
    await asked(asker, "What should we do?")
    await asker.locator(".collecting summary").click()
    await asker.get_by_label("People").fill("51")
    await asker.get_by_role("button", name="Make the link").click()
    await expect(asker.get_by_role("alert")).to_contain_text("from 2 to 50 people")
    await asker.get_by_label("People").fill("2")
    await asker.get_by_role("button", name="Make the link").click()
    link = await asker.get_by_label("Link for the others").input_value()
    assert link.startswith(f"{url}/vote/")
    await expect(asker.locator(".below")).to_contain_text("0 of 2 have voted.")
    other = await visit(link)
    await expect(other.locator(".votes")).to_have_count(0)
    await other.get_by_placeholder("Your name").fill("Bo")
    await other.get_by_placeholder("Your name").press("Enter")
    await expect(other.locator(".votes")).to_be_focused()
    await other.keyboard.press("2")
    await expect(asker.locator(".below")).to_contain_text("1 of 2 has voted.")
    await expect(other.locator(".below")).to_contain_text("1 of 2 has voted. You can change your vote until it closes.")
    for page in (asker, other):
        seen = await page.locator(".turn").inner_text()
        assert "Bo" not in seen.split() and "was the" not in seen and await page.locator(".badge, .figures").count() == 0
    await other.get_by_role("button", name="Clearer").click()
    await other.get_by_label("Why, in your words").fill("says what to do")
    await other.get_by_label("Why, in your words").press("Enter")
    assert await asker.locator('[aria-pressed="true"]').count() == 0
    assert await other.locator('.vote[aria-pressed="true"]').inner_text() == "B is better\n2"
    await asker.get_by_placeholder("Your name").fill("Ann")
    await asker.get_by_role("button", name="Go on to the vote").click()
    await expect(asker.locator(".votes")).to_be_focused()
    assert await asker.locator('.vote[aria-pressed="true"]').count() == 0
    await asker.keyboard.press("1")
    for page, chose in ((asker, "You chose A, the prompt."), (other, "You chose B, the fine-tune.")):
        await expect(page.locator(".outcome")).to_contain_text(f"{chose} 2 votes: A is better (1), B is better (1).")
        await expect(page.locator(".below")).to_contain_text("Voted: Ann and Bo.")
        await expect(page.locator(".reasons")).to_have_text("B is better: clearer: “says what to do”")
    await page.reload()
    await expect(page.locator(".reasons")).to_contain_text("says what to do")


async def test_a_vote_is_taken_back_before_anybody_knows_who_was_who(stage: tuple[App, str, Visit]) -> None:
    app, _, visit = stage
    page = await visit()
    await asked(page, "What should we do?")
    await page.keyboard.press("1")
    await expect(page.locator(".held")).to_contain_text("You voted: A is better.")
    await expect(page.get_by_role("button", name="Show who was who")).to_be_focused()
    assert await page.locator(".badge, .figures").count() == 0
    await page.keyboard.press("u")
    await expect(page.locator(".votes")).to_be_focused()
    assert (await app.looking.view((await app.looking.history())[0].id, "")).ballots == 0
    await page.keyboard.press("2")
    await expect(page.get_by_role("button", name="Show who was who")).to_be_focused()
    await page.get_by_role("button", name="Shorter").click()
    await page.keyboard.press("Enter")  # on the reason, which is taken back
    await expect(page.locator('.tick[aria-pressed="true"]')).to_have_count(0)
    await page.get_by_role("button", name="Show who was who").press("Enter")
    await expect(page.locator(".outcome")).to_contain_text("You chose B, the fine-tune.")
    await expect(page.locator(BOX)).to_be_focused()


async def test_escape_stops_what_is_being_written(stage: tuple[App, str, Visit]) -> None:
    _, _, visit = stage
    page = await visit()
    await page.fill(BOX, "slow")
    await page.press(BOX, "Enter")
    await expect(page.locator(".answer").first).to_contain_text("word3")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Ask again")).to_be_visible()
