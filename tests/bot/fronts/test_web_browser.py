"""The page in a real browser: what no simulation knows, keys, focus, reloads, layout, and what a browser is made to load."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.bot.fronts.web_stage import TUNED, opened, served
from tests.patience import patient

CHROMIUM = shutil.which("chromium")
if not CHROMIUM:
    pytest.skip("the page in a real browser needs Chromium (Debian: apt install chromium)", allow_module_level=True)
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.process]
BOX = ".composer textarea"
Visit = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with opened(tmp_path_factory.mktemp("web")) as (app, chosen), served(app, chosen) as url:
        yield url


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    """Opens a page in a browser of its own, and fails afterwards if it loaded or said what it should not."""
    async with AsyncExitStack() as stack:
        problems: list[str] = []

        async def visited(url: str, **options: Any) -> Page:
            context: BrowserContext = await browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **options})
            stack.push_async_callback(context.close)
            page = await context.new_page()
            page.set_default_timeout(patient(10_000))
            origin = "/".join(url.split("/")[:3])
            page.on("request", lambda request: None if request.url.startswith((origin, "data:")) else problems.append(request.url))
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("console", lambda message: problems.append(message.text) if "Content Security Policy" in message.text else None)
            page.on("dialog", lambda dialog: problems.append(dialog.message))
            await page.goto(url)
            return page

        yield visited
        assert problems == []


async def ask(page: Page, text: str) -> None:
    await page.fill(BOX, text)
    await page.press(BOX, "Enter")


async def test_ask_stream_vote_by_key_reveal_and_reload(address: str, visit: Visit) -> None:
    page = await visit(address)
    await expect(page.locator(BOX)).to_be_focused()
    await page.keyboard.type("What should we do?")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("Be brief.")
    await page.keyboard.press("Enter")
    votes = page.get_by_role("group", name="Which answer is better?")
    await expect(votes).to_be_focused()
    await expect(page.locator(BOX)).to_have_value("")
    await page.keyboard.press("2")
    await expect(page.locator(".outcome")).to_be_visible()
    await expect(page.locator(BOX)).to_be_focused()
    assert "/c/" in page.url
    seen = await page.locator(".turn").inner_text()
    assert "You chose B, the fine-tune." in seen and "What should we do?\nBe brief." in seen
    await page.reload()
    await expect(page.locator(".outcome")).to_be_visible()
    assert await page.locator(".turn").inner_text() == seen
    await ask(page, "And then?")
    await expect(page.locator(".turn")).to_have_count(2)
    await expect(votes).to_be_focused()


async def test_what_is_offered_under_equal_answers_is_asked_once_in_a_new_conversation(address: str, visit: Visit) -> None:
    page = await visit(address, viewport={"width": 390, "height": 800})
    await ask(page, "the same")
    offer = page.locator(".offer .example")
    await expect(offer).to_be_visible()
    agreed, request = page.url, await offer.inner_text()
    await offer.dblclick()
    await expect(page.locator(".votes")).to_be_focused()
    assert page.url != agreed and "/c/" in page.url
    await expect(page.locator(".bubble")).to_have_text([request])
    await page.keyboard.press("2")
    await expect(page.locator(".outcome")).to_be_visible()
    await page.get_by_role("button", name="Conversations").click()
    await page.locator(".search").fill(request)
    await expect(page.locator(".duel")).to_have_count(1)
    await page.go_back()
    await ask(page, "the same once more")
    await expect(page.locator(".outcome")).to_have_count(2)
    await expect(offer.nth(0)).to_be_hidden()
    await expect(offer.nth(1)).to_be_visible()


async def test_a_reload_in_mid_answer_goes_on_streaming(address: str, visit: Visit) -> None:
    page = await visit(address)
    await ask(page, "slow")
    await expect(page.locator(".answer").first).to_contain_text("word3")
    await page.reload()
    before = len(await page.locator(".answer").first.inner_text())
    await page.wait_for_function(f"document.querySelector('.answer').innerText.length > {before + 20}")
    lengths = await page.evaluate("[...document.querySelectorAll('.answer')].map((answer) => answer.innerText.length)")
    assert lengths[0] == lengths[1]
    await page.get_by_role("button", name="Stop").click()
    await expect(page.get_by_role("button", name="Ask again")).to_be_visible()


async def test_typed_digits_are_text_and_only_keys_outside_the_box_vote(address: str, visit: Visit) -> None:
    page = await visit(address)
    await ask(page, "What should we do?")
    votes = page.locator(".votes")
    await expect(votes).to_be_focused()
    await page.click(BOX)
    await page.keyboard.type("1 2 3")
    await expect(page.locator(BOX)).to_have_value("1 2 3")
    await expect(votes).to_be_visible()
    await page.locator(".top").click()
    await page.keyboard.press("Control+3")
    await page.keyboard.press("5")
    await expect(votes).to_be_visible()
    await page.keyboard.press("3")
    await expect(page.locator(".outcome")).to_contain_text("You voted: tie.")
    await expect(page.locator(BOX)).to_have_value("1 2 3")


async def test_whoever_types_is_not_interrupted_by_the_end_of_the_answers(address: str, visit: Visit) -> None:
    page = await visit(address)
    await ask(page, "unhurried")
    await expect(page.locator(BOX)).to_have_value("")
    await page.keyboard.type("While they are being written ")
    await expect(page.locator(".votes")).to_be_visible()
    await page.keyboard.type("4")
    await expect(page.locator(BOX)).to_have_value("While they are being written 4")
    await page.get_by_role("button", name="Both bad").click()
    await expect(page.locator(".outcome")).to_contain_text("You voted: both bad.")


async def test_tags_of_request_and_answer_stay_text(address: str, visit: Visit) -> None:
    page = await visit(address)
    await ask(page, "html <img src=x onerror=\"document.title='owned'\"> \u202erevo</script><script>document.title='owned'</script>")
    await page.keyboard.press("Tab")
    await expect(page.locator(".votes")).to_be_visible()
    await expect(page.locator(".answer").first).to_contain_text("<script>document.title='owned'</script>")
    await expect(page.locator(".bubble")).to_contain_text("<img src=x")
    await expect(page.locator(".bubble")).to_contain_text("[U+202E]revo")
    await page.reload()
    await expect(page.locator(".bubble")).to_contain_text("<img src=x")
    assert await page.locator(".turn img, .turn script").count() == 0
    assert "owned'" in await page.title() and await page.title() != "owned"


async def test_nothing_typed_is_lost(address: str, visit: Visit) -> None:
    page = await visit(address)
    await page.fill(BOX, "x" * 100_000)
    await page.press(BOX, "Enter")
    await expect(page.get_by_role("alert")).to_contain_text("The request has 100,000 characters")
    assert len(await page.input_value(BOX)) == 100_000
    await page.fill(BOX, "A draft, \U0001f600 unsent")
    await page.reload()
    await expect(page.locator(BOX)).to_have_value("A draft, \U0001f600 unsent")
    await page.fill(BOX, "with a NUL \x00 inside")
    await page.press(BOX, "Enter")
    await expect(page.get_by_role("alert")).to_contain_text("U+0000")
    assert "inside" in await page.input_value(BOX)


async def test_two_browsers_are_two_voters(address: str, visit: Visit) -> None:
    pages = [await visit(address), await visit(address)]
    for number, page in enumerate(pages):
        await ask(page, f"Question {number}")
    for page in pages:
        await expect(page.locator(".votes")).to_be_visible()
        await expect(page.locator(".turn")).to_have_count(1)
    other = await visit(pages[0].url)
    await expect(other.locator(".bubble")).to_have_text("Question 0")
    await pages[0].keyboard.press("1")
    await expect(other.locator(".outcome")).to_contain_text("1 vote: A is better.")
    await expect(pages[0].locator(".outcome")).to_contain_text("You chose A, the prompt.")
    await expect(pages[1].locator(".votes")).to_be_visible()


async def test_the_history_opens_searches_and_leads_back(address: str, visit: Visit) -> None:
    page = await visit(address)
    await ask(page, "A request to find again")
    await expect(page.locator(".votes")).to_be_visible()
    earlier = page.url
    await page.get_by_role("link", name="New conversation", exact=True).click()
    await expect(page.locator(".welcome")).to_be_visible()
    await page.get_by_role("button", name="Conversations").click()
    drawer = page.get_by_role("dialog", name="Conversations")
    await drawer.get_by_role("searchbox").fill("FIND again")
    await expect(drawer.locator(".duel")).to_have_count(1)
    await expect(drawer.locator(".duel")).to_contain_text("open for votes")
    await page.keyboard.press("Escape")  # a search box is emptied first
    await page.keyboard.press("Escape")
    await expect(drawer).to_be_hidden()
    await page.get_by_role("button", name="Conversations").click()
    await drawer.get_by_role("link", name="A request to find again").click()
    await expect(page.locator(".bubble")).to_have_text("A request to find again")
    assert page.url.split("#")[0] == earlier


@pytest.mark.parametrize("width", [380, 1400])
async def test_the_page_fits_narrow_and_wide(address: str, visit: Visit, width: int) -> None:
    page = await visit(address, viewport={"width": width, "height": 844}, has_touch=width < 720)
    await ask(page, "What should we do? " + "Averyveryverylongword" * 20)
    await expect(page.locator(".votes")).to_be_in_viewport()
    boxes = [await card.bounding_box() for card in await page.locator(".card").all()]
    left, right = (box for box in boxes if box)
    assert abs(left["width"] - right["width"]) < 1.5 and (width != 1400 or abs(left["height"] - right["height"]) < 1.5)
    assert (left["y"] == right["y"]) is (width == 1400)
    await page.keyboard.press("1")
    await expect(page.locator(".outcome")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


async def test_the_theme_follows_the_system_until_it_is_chosen(address: str, visit: Visit) -> None:
    page = await visit(address, color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = await page.evaluate(ground)
    await page.get_by_label("Menu").click()
    await page.get_by_role("button", name="Light or dark").click()
    light = await page.evaluate(ground)
    await page.reload()
    assert await page.evaluate(ground) == light != dark
    await page.get_by_label("Menu").click()
    await page.get_by_role("button", name="Light or dark").click()
    assert await page.evaluate(ground) == dark


async def test_the_answers_are_marked_up_alike(address: str, visit: Visit) -> None:
    page = await visit(address)
    await ask(page, "unhurried")
    shapes = (
        "[...document.querySelectorAll('.card')].map((card) => [card, ...card.querySelectorAll('*')]"
        ".map((part) => part.tagName + '.' + part.className).join(' '))"
    )
    for sight in (".writing .prose p", ".votes"):
        await expect(page.locator(sight).first).to_be_visible()
        left, right = await page.evaluate(shapes)
        assert left == right


async def test_the_password_opens_the_page_and_its_websocket(tmp_path: Path, browser: Browser, visit: Visit) -> None:
    async with opened(tmp_path, DUEL_WEB_PASSWORD="sesame") as (app, chosen), served(app, chosen) as url:
        page = await visit(f"{url}/c/1")
        assert page.url == f"{url}/login"
        await page.fill("#password", "wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text("That is not the password.")
        await page.fill("#password", "sesame")
        await page.keyboard.press("Enter")
        await ask(page, "What should we do?")
        await expect(page.locator(".votes")).to_be_visible()
        await expect(page.locator(".answer").nth(1)).to_contain_text(TUNED.split()[-1])
        await page.context.close()


async def test_a_restart_of_the_server_loses_nothing(tmp_path: Path, visit: Visit) -> None:
    async with opened(tmp_path) as (app, chosen):
        async with served(app, chosen) as url:
            page = await visit(url)
            await ask(page, "What should we do?")
            await expect(page.locator(".votes")).to_be_visible()
        await page.fill(BOX, "typed while it is away")
        assert await page.locator(".card").count() == 2
    async with opened(tmp_path, DUEL_WEB_PORT=str(chosen.web.port)) as (app, chosen), served(app, chosen):
        await page.wait_for_event("load", timeout=patient(30_000))
        await expect(page.locator(BOX)).to_have_value("typed while it is away")
        await expect(page.locator(".votes")).to_be_visible()
        await page.get_by_role("button", name="Both bad").click()
        await expect(page.locator(".outcome")).to_contain_text("You voted: both bad.")
        await page.context.close()
