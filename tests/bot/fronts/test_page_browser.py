"""The chat page in a real browser: who meets, conversations, what answers hold, files, the menu, phones, and what axe says of it."""

from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from bot.app import App
from bot.ballots import Choice
from engine.backends.base import Prompt
from engine.backends.scripted import Script
from tests.bot.fronts import web_stage
from tests.bot.fronts.browser_stage import BOX, Visit, asked, browsing
from tests.bot.scripted import answered, cast, is_tuned

pytestmark = pytest.mark.process
RICH = "Use this:\n\n```python\nimport os\nprint(os.name)\n```\n\nIts area is \\(\\pi r^2\\).\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def script(prompt: Prompt) -> Script:
    """Unlike answers, with code, a formula and a table where that is asked for."""
    told = f"{'tuned' if is_tuned(prompt) else 'base'} {len(prompt.messages)}"
    return Script((RICH if "rich" in prompt.messages[-1].content else "", told), 0.002)


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[App, str, Visit]]:
    monkeypatch.setattr(web_stage, "canned", script)
    async with browsing(tmp_path, DUEL_BASES="other") as stage:
        yield stage


async def test_who_was_picked_meets_is_remembered_and_told_after_the_vote_alone(stage: tuple[App, str, Visit]) -> None:
    _, _, visit = stage
    page = await visit()
    bar = page.locator(".pair-words")
    await expect(bar).to_have_text("Prompt · Fine-tune")
    await bar.click()
    await page.get_by_label("These two:").check()
    await page.get_by_role("group", name="One", exact=True).get_by_label("Technique").select_option("plain")
    await page.keyboard.press("Escape")
    await expect(bar).to_have_text("Plain base · Fine-tune")
    await asked(page, "What now?")
    before = await page.locator(".turn").inner_text()
    assert "Plain" not in before and "Fine-tune" not in before
    await page.keyboard.press("1")
    await expect(page.locator(".outcome")).to_contain_text("A was the plain base")
    await page.reload()
    await expect(bar).to_have_text("Plain base · Fine-tune")
    await asked(page, "And now?")
    await page.keyboard.press("1")
    await expect(page.locator(".badge.plain")).to_have_count(2)
    other = await visit()
    await expect(other.locator(".pair-words")).to_have_text("Prompt · Fine-tune")
    await bar.click()
    await page.get_by_label("Surprise").check()
    await page.get_by_label("Whose votes").select_option("2")
    await page.keyboard.press("Escape")
    await expect(bar).to_have_text("A surprise pair, 2 people vote")


async def test_another_base_is_picked_loads_and_is_remembered_and_files_take_it_too(tmp_path: Path) -> None:
    async with browsing(tmp_path, DUEL_BASES="other") as (app, url, visit):
        page = await visit()
        bar = page.locator(".pair-words")
        await expect(bar).to_have_text("Prompt · Fine-tune")
        await bar.click()
        await page.get_by_label("Base model").select_option("other")
        await expect(bar).to_have_text("other: Prompt · Fine-tune")
        await page.keyboard.press("Escape")
        await asked(page, "What now?")
        await page.keyboard.press("1")
        await expect(page.locator(".outcome")).to_be_visible()
        [(first, second, _)] = await app.judging.pairs()
        assert {first.base, second.base} == {"other"}
        await page.reload()
        await expect(bar).to_have_text("other: Prompt · Fine-tune")
        await page.goto(f"{url}/requests")
        await expect(page.locator(".pair-words")).to_have_text("other: Prompt · Fine-tune")
        rows = {"name": "r.csv", "mimeType": "text/csv", "buffer": b"request\nFirst\nSecond\n"}
        await page.get_by_label("File of requests").set_input_files(rows)  # type: ignore[arg-type]
        await page.get_by_role("button", name="Ask them").click()
        await expect(page.locator(".run")).to_contain_text("2 of 2 requests answered")
        await page.locator(".run").get_by_role("link", name="Vote on them").click()
        for text in ("First", "Second"):
            await expect(page.locator(".bubble")).to_have_text(text)
            await page.keyboard.press("1")
            await expect(page.get_by_role("button", name="Next")).to_be_focused()
            await page.keyboard.press("Enter")
        await expect(page.locator(".queue")).to_contain_text("Nothing waits for your vote.")
        assert [duels for *_, duels in await app.judging.pairs()] == [3]


async def test_a_pair_that_is_gone_is_the_usual_one_again(stage: tuple[App, str, Visit]) -> None:
    _, _, visit = stage
    page = await visit()
    gone = (
        '{"mode": "picked", "sides": [{"arm": "prompted", "recipe": "gone@9", "adapter": ""}, {"arm": "none"}], "people": 1, "hours": 24}'
    )
    await page.evaluate("(said) => localStorage.setItem('duelbot-pair', said)", gone)
    await page.reload()
    await expect(page.locator(".pair-words")).to_have_text("Prompt · Fine-tune")
    await asked(page, "What now?")


async def test_conversations_are_found_given_a_title_and_deleted(stage: tuple[App, str, Visit]) -> None:
    app, url, visit = stage
    await cast(app, (await answered(app, "Somebody else's")).id, "ann", Choice.LEFT)
    page = await visit()
    await asked(page, "Where is the blue teapot?")
    await page.keyboard.press("3")
    await expect(page.locator(".outcome")).to_contain_text("You voted: tie.")
    await page.get_by_role("button", name="Conversations").click()
    drawer = page.get_by_role("dialog", name="Conversations")
    await expect(drawer.locator(".talk")).to_have_count(2)
    await expect(drawer.locator(".talk").first).to_contain_text("tie")
    await drawer.get_by_label("Outcome").select_option("prompted")
    await expect(drawer.locator(".talk .duel-request")).to_have_text(["Somebody else's"])
    await expect(drawer.get_by_role("button", name="Give it a title")).to_have_count(0)
    await drawer.get_by_label("Outcome").select_option("")
    await drawer.get_by_label("mine").check()
    await expect(drawer.locator(".talk")).to_have_count(1)
    await drawer.get_by_role("button", name="Give it a title").click()
    await drawer.get_by_label("Title", exact=True).fill("The teapot")
    await drawer.get_by_label("Title", exact=True).press("Enter")
    await expect(drawer.locator(".duel-request")).to_have_text("The teapot")
    await drawer.get_by_role("searchbox").fill("nowhere")
    await expect(drawer).to_contain_text("No conversation is like that.")
    await drawer.get_by_role("searchbox").fill("blue teapot")
    await drawer.get_by_role("button", name="Delete it").click()
    await drawer.get_by_role("button", name="Keep it").click()
    await drawer.get_by_role("button", name="Delete it").click()
    await drawer.get_by_role("button", name="Delete", exact=True).click()
    await expect(page.locator(".welcome")).to_be_visible()
    assert page.url.rstrip("/") == url and [each.title for each in await app.talks.listed()] == ["Somebody else's"]
    assert (await app.judging.verdict()).duels == 2


async def test_a_request_is_asked_again_and_edited_in_conversations_of_their_own(stage: tuple[App, str, Visit]) -> None:
    app, _, visit = stage
    page = await visit()
    await asked(page, "First")
    await page.keyboard.press("1")
    await expect(page.locator(".outcome")).to_be_visible()
    await asked(page, "Second")
    first = page.url
    await page.locator(".bubble").last.hover()
    await page.get_by_role("button", name="Ask this again").last.click()
    await page.wait_for_url(lambda url: "/c/" in url and url != first)
    await expect(page.locator(".bubble")).to_have_text(["Second"])
    await expect(page.locator(".answer").first).to_contain_text("base 4")  # the first request and its answer were said before
    await page.get_by_role("button", name="Ask an edited request").click()
    await expect(page.locator(BOX)).to_have_value("Second")
    await page.get_by_role("button", name="Keep it as it was").click()
    await expect(page.locator(BOX)).to_have_value("")
    await page.get_by_role("button", name="Ask an edited request").click()
    await expect(page.locator(BOX)).to_have_value("Second")
    await page.fill(BOX, "Second, but better")
    again = page.url
    await page.press(BOX, "Enter")
    await page.wait_for_url(lambda url: "/c/" in url and url not in (first, again))
    await expect(page.locator(".bubble")).to_have_text(["Second, but better"])
    assert len(await app.talks.listed()) == 3


async def test_code_is_coloured_and_copied_formulas_and_tables_are_drawn(stage: tuple[App, str, Visit]) -> None:
    _, url, visit = stage
    page = await visit()
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
    await asked(page, "rich")
    card = page.locator(".card").first
    await expect(card.locator("pre .kn")).to_have_text("import")
    await expect(card.locator("math msup")).to_be_visible()
    await expect(card.locator("table td").first).to_have_text("1")
    await card.get_by_role("button", name="Copy this code").click()
    assert await page.evaluate("navigator.clipboard.readText()") == "import os\nprint(os.name)\n"
    await card.get_by_role("button", name="Copy answer A").click()
    assert "Use this:" in (copied := await page.evaluate("navigator.clipboard.readText()")) and "base 2" in copied
    await page.locator(".bubble").hover()
    await page.get_by_role("button", name="Copy the request").click()
    assert await page.evaluate("navigator.clipboard.readText()") == "rich"


async def test_a_text_file_becomes_part_of_the_request_and_another_is_refused_in_words(
    stage: tuple[App, str, Visit], tmp_path: Path
) -> None:
    _, _, visit = stage
    page = await visit()
    await page.fill(BOX, "What is this?")
    given = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"Zeile eins\nzwei"}
    await page.locator(".composer input[type=file]").set_input_files(given)  # type: ignore[arg-type]
    await expect(page.locator(BOX)).to_have_value("What is this?\n\nnotes.txt:\n\nZeile eins\nzwei")
    await page.locator(".composer input[type=file]").set_input_files(
        {"name": "pic.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\xff\x00"}  # type: ignore[arg-type]
    )
    await expect(page.get_by_role("alert")).to_contain_text("pic.png is no text in UTF-8")
    await page.press(BOX, "Enter")
    await expect(page.locator(".bubble")).to_contain_text("notes.txt:")


async def test_a_file_of_requests_is_asked_followed_and_waits_for_votes(stage: tuple[App, str, Visit]) -> None:
    app, url, visit = stage
    page = await visit()
    await page.get_by_label("Menu").click()
    await page.get_by_role("link", name="Ask a file of requests").click()
    rows = "request\nWhere is it?\nWhen does it come?\nWho brings it?\n"
    field = page.get_by_label("File of requests")
    await field.set_input_files({"name": "rows.csv", "mimeType": "text/csv", "buffer": rows.encode()})  # type: ignore[arg-type]
    await page.get_by_role("button", name="Ask them").click()
    await expect(page.locator(".run")).to_contain_text("3 of 3 requests answered.")
    await page.locator(".run").get_by_role("link", name="Vote on them").click()
    for text in ("Where is it?", "When does it come?", "Who brings it?"):
        await expect(page.locator(".bubble")).to_have_text(text)
        await page.keyboard.press("1")
        await expect(page.get_by_role("button", name="Next")).to_be_focused()
        await page.keyboard.press("Enter")
    await expect(page.locator(".queue")).to_contain_text("Nothing waits for your vote.")
    assert (await app.judging.verdict()).duels == 3
    await page.goto(f"{url}/requests")
    field = page.get_by_label("File of requests", exact=True)
    await field.set_input_files({"name": "rows.csv", "mimeType": "text/csv", "buffer": b"\xff\xfe"})  # type: ignore[arg-type]
    await page.get_by_role("button", name="Ask them").click()
    await expect(page.locator("body")).to_contain_text("The file is no text in UTF-8.")


async def test_one_line_says_who_was_who_and_the_table_comes_on_demand(stage: tuple[App, str, Visit]) -> None:
    _, _, visit = stage
    page = await visit()
    await asked(page, "What now?")
    await page.keyboard.press("2")
    await expect(page.locator(".outcome")).to_contain_text("B was the fine-tune, ")
    await expect(page.locator(".outcome")).to_contain_text("; A the prompt, ")
    await expect(page.locator(".standing")).to_have_text("Keep collecting: 1 vote so far.")
    await expect(page.locator(".figures")).to_be_hidden()
    await page.get_by_text("All figures").click()
    cells = await page.locator(".figures thead th").all()
    cards = await page.locator(".card").all()
    for cell, card in zip(cells, cards, strict=True):
        under, over = await cell.bounding_box(), await card.bounding_box()
        assert under and over and abs(under["x"] - over["x"]) < 2


async def test_the_menu_has_settings_export_and_about(stage: tuple[App, str, Visit]) -> None:
    _, _, visit = stage
    page = await visit()
    await asked(page, "What now?")
    await page.keyboard.press("2")
    await expect(page.locator(".outcome")).to_be_visible()
    await page.get_by_label("Menu").click()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("link", name="Settings")).to_be_hidden()
    await page.get_by_label("Menu").click()
    await page.get_by_role("link", name="Settings").click()
    await page.get_by_label("Name", exact=True).fill("Ann")
    await page.get_by_role("button", name="Keep this name").click()
    await expect(page.get_by_text("You vote as Ann.")).to_be_visible()
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name="duels.csv").click()
    download = await waiting.value
    assert "What now?" in (Path(await download.path()).read_text(encoding="utf-8-sig"))  # noqa: ASYNC240
    await expect(page.locator("#about")).to_contain_text("Duelbot ")
    await page.reload()
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Ann")


async def violations(page: Page) -> list[str]:
    """What axe finds, and targets smaller than 24 by 24 pixels."""
    await page.evaluate(AXE)
    found = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    said = [f"{each['id']}: {node['target']} {node['html'][:120]}" for each in found["violations"] for node in each["nodes"]]
    small = await page.evaluate(
        """() => [...document.querySelectorAll("a, button, summary, select, input:not([type=file])")].filter((each) => {
            const box = each.getBoundingClientRect();
            const inline = each.matches("p a, li a, dd a");
            const label = each.closest("label")?.getBoundingClientRect();
            return each.checkVisibility() && !each.closest(".skip, .unseen") && !each.matches(".skip") && !inline
              && (Math.max(box.height, label?.height || 0) < 24 || Math.max(box.width, label?.width || 0) < 24);
        }).map((each) => each.outerHTML.slice(0, 120))"""
    )
    return [*said, *(f"small: {each}" for each in small)]


@pytest.mark.parametrize(
    "look",
    [
        {"viewport": {"width": 1400, "height": 900}},
        {"viewport": {"width": 390, "height": 844}, "has_touch": True, "color_scheme": "dark"},
    ],
    ids=["wide light", "phone dark"],
)
async def test_axe_finds_nothing_on_any_page_or_state(stage: tuple[App, str, Visit], look: dict[str, object]) -> None:
    app, url, visit = stage
    found: dict[str, list[str]] = {}

    async def looked(page: Page, state: str) -> None:
        await page.wait_for_timeout(500)  # what rises has risen
        found[state] = await violations(page)
        if (over := await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")) > 0:
            found[state].append(f"{over} pixels stand out at the right")

    page = await visit(**look)
    await looked(page, "welcome")
    await page.locator(".pair-words").click()
    await page.get_by_label("These two:").check()
    await looked(page, "pair")
    await page.get_by_label("The usual two").check()
    await page.keyboard.press("Escape")
    await asked(page, "rich")
    await looked(page, "open")
    await page.locator(".collecting summary").click()
    await looked(page, "collecting")
    await page.get_by_label("People").fill("2")
    await page.get_by_role("button", name="Make the link").click()
    await expect(page.get_by_placeholder("Your name")).to_be_visible()
    await looked(page, "naming")
    await page.get_by_placeholder("Your name").fill("Ann")
    await page.get_by_placeholder("Your name").press("Enter")
    await expect(page.locator(".votes")).to_be_focused()
    await page.keyboard.press("1")
    await expect(page.locator(".why")).to_be_visible()
    await looked(page, "voted")
    await app.collecting.call("bob", "Bob")
    await cast(app, (await app.looking.history())[0].id, "bob", Choice.RIGHT)
    await expect(page.locator(".outcome")).to_be_visible()
    await page.get_by_text("All figures").click()
    await looked(page, "closed")
    await page.get_by_label("Menu").click()
    await looked(page, "menu")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Conversations").click()
    await expect(page.locator(".talk")).to_have_count(1)
    await looked(page, "conversations")
    for address in ("vote", "requests", "settings", "results", "recipes", "adapters", "decide", "nothing"):
        await page.goto(f"{url}/{address}")
        if address == "results":
            await expect(page.get_by_text("The card as a picture")).to_have_count(1)  # folded on a phone
        if address == "requests":
            await page.locator(".pair-words").click()
        await looked(page, address)
    assert {state: said for state, said in found.items() if said} == {}
    assert await page.locator("main main").count() == 0


async def test_the_results_fold_on_a_phone_and_say_what_is_not_known(stage: tuple[App, str, Visit]) -> None:
    app, url, visit = stage
    for number in range(3):
        await cast(app, (await answered(app, f"Request {number}")).id, "ann", Choice.LEFT)
    wide = await visit(f"{url}/results")
    await expect(wide.locator(".card-table")).to_be_visible()
    assert "unknown" not in await wide.locator(".card-table").inner_text()
    await wide.get_by_text("What we do not know yet").click()
    await expect(wide.locator(".unknown")).to_contain_text("Set DUEL_TEAM_SHELF_LIFE_MONTHS.")
    await expect(wide.locator(".picture img[data-loaded]").first).to_be_attached()
    phone = await visit(f"{url}/results", viewport={"width": 390, "height": 844}, has_touch=True)
    await expect(phone.locator(".say h2")).to_be_visible()
    await expect(phone.locator(".card-table")).to_be_hidden()
    await phone.get_by_role("heading", name="The decision card").click()
    await expect(phone.locator(".card-table")).to_be_visible()
    await cast(app, (await answered(app, "One more")).id, "ann", Choice.LEFT)
    await expect(phone.locator(".facts")).to_contain_text("4")
    await expect(phone.locator(".card-table")).to_be_visible()  # what was opened stays open
    assert await phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
