"""A stage for tests in real browsers: the served page, and browsers that each come with a name of their own and fail on any error."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from bot.app import App
from tests.bot.fronts.web_stage import opened, served
from tests.patience import patient

CHROMIUM = shutil.which("chromium")
if not CHROMIUM:
    pytest.skip("the page in a real browser needs Chromium (Debian: apt install chromium)", allow_module_level=True)
BOX = ".composer textarea"
Visit = Callable[..., Awaitable[Page]]


@asynccontextmanager
async def browsing(folder: Path, **settings: Any) -> AsyncIterator[tuple[App, str, Visit]]:
    """Serve the page. Gives the app, its address, and what opens it in a browser of its own; `context` keeps one browser's cookies."""
    async with AsyncExitStack() as stack:
        app, chosen = await stack.enter_async_context(opened(folder, **settings))
        url = await stack.enter_async_context(served(app, chosen))
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        stack.push_async_callback(browser.close)
        problems: list[str] = []

        async def visit(address: str = "", **options: Any) -> Page:
            context = await browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **options})
            page = await context.new_page()
            page.set_default_timeout(patient(10_000))
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("console", lambda message: problems.append(message.text) if "Content Security Policy" in message.text else None)
            await page.goto(address or url)
            return page

        yield app, url, visit
        assert problems == []


async def asked(page: Page, text: str) -> None:
    """Ask, and wait until it can be voted on."""
    await page.fill(BOX, text)
    await page.press(BOX, "Enter")
    await expect(page.locator(".votes").last).to_be_focused()


async def viewer_of(app: App) -> str:
    """Name the person who asked the latest request."""
    return (await app.looking.view((await app.looking.history())[0].id, "")).asker
