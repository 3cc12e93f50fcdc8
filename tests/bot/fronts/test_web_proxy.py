"""The page in a real browser behind a real proxy with HTTPS and a path of its own: everything a person does stays under that address."""

import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Response, async_playwright, expect
from playwright.async_api import TimeoutError as PlaywrightTimeout

from tests.bot.fronts.proxy_stage import NAME, Manner, certificate, proxied
from tests.bot.fronts.web_stage import opened, served
from tests.patience import patient
from tests.ports import free_port

CHROMIUM = shutil.which("chromium")
if not CHROMIUM or not shutil.which("openssl"):
    pytest.skip("the page behind HTTPS needs Chromium and openssl (Debian: apt install chromium openssl)", allow_module_level=True)
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.process]
PATH = "/team/duels"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        rule = f"--host-resolver-rules=MAP {NAME} 127.0.0.1"
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", rule])
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    page = await browser.new_page(ignore_https_errors=True)  # in a context of its own
    page.set_default_timeout(patient(30_000))  # the proxy shakes hands anew for every asset, in the process of the page
    yield page
    await page.context.close()


MANNERS = [Manner(True, "name"), Manner(False, "name:port"), Manner(True, "upstream")]


@pytest.mark.parametrize("manner", MANNERS, ids=["path off, name", "path on, name and port", "path off, upstream's name"])
async def test_all_of_the_page_works_under_the_public_address(tmp_path: Path, page: Page, tls: ssl.SSLContext, manner: Manner) -> None:
    port = free_port()
    url = f"https://{NAME}:{port}{PATH}"
    names = {"DUEL_WEB_PASSWORD": "sesame", "DUEL_WEB_PUBLIC_URL": url, "DUEL_WEB_TRUSTED_PROXIES": "127.0.0.1"}
    strays: list[Any] = []
    sockets: list[str] = []
    page.on("request", lambda request: None if request.url.startswith((f"{url}/", url, "data:")) else strays.append(request.url))
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.on("pageerror", lambda error: strays.append(str(error)))
    page.on("console", lambda message: strays.append(message.text) if "Content Security Policy" in message.text else None)
    page.on("response", lambda response: strays.append((response.status, response.url)) if unexpected(response) else None)
    async with opened(tmp_path, **names) as (app, chosen), served(app, chosen), proxied(chosen.web.port, port, PATH, manner, tls):
        await page.goto(f"{url}/results")
        assert page.url == f"{url}/login"
        await page.fill("#password", "sesame")
        await page.keyboard.press("Enter")
        await loaded(page, ".composer textarea")
        await page.fill(".composer textarea", "What should we do?")
        await page.keyboard.press("Enter")
        await expect(page.locator(".votes")).to_be_focused()
        await page.keyboard.press("2")
        await expect(page.locator(".outcome")).to_be_visible()
        assert page.url.startswith(f"{url}/c/")
        await page.reload()
        await expect(page.locator(".outcome")).to_be_visible()
        await page.get_by_role("button", name="Conversations").click()
        await page.locator(".duel").click()
        await expect(page.locator(".outcome")).to_be_visible()
        await page.get_by_role("link", name="Results").click()
        await expect(page.locator(".picture img").first).to_be_visible()
        await page.wait_for_function("[...document.images].every((one) => !one.offsetParent || one.naturalWidth || one.loading === 'lazy')")
        await page.get_by_role("link", name="7 days").click()
        await expect(page.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "true")
        await page.goto(f"{url}/nothing")
        await expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
        await page.get_by_role("link", name="New conversation").click()
        await expect(page.locator(".welcome")).to_be_visible()
        cookies = {cookie["name"].split("_")[-1]: cookie for cookie in await page.context.cookies()}
        assert all(cookie["secure"] and cookie["httpOnly"] and cookie["path"] == PATH for cookie in cookies.values())
        await page.get_by_label("Menu").click()
        await page.get_by_role("button", name="Log out").click()
        await expect(page.get_by_label("Password")).to_be_visible()
        assert page.url == f"{url}/login" and "login" not in {cookie["name"].split("_")[-1] for cookie in await page.context.cookies()}
        await page.goto(f"{url}/results")
        assert page.url == f"{url}/login"
    assert strays == []
    assert sockets and all(each.startswith(f"wss://{NAME}:{port}{PATH}/") for each in sockets)


async def loaded(page: Page, selector: str) -> None:
    """Wait for a part of the page; load it anew once, as a person would: on busy machines the stage's proxy loses connections."""
    with suppress(PlaywrightTimeout):
        await page.wait_for_selector(selector, timeout=patient(10_000))
        return
    await page.reload()
    await page.wait_for_selector(selector)


def unexpected(response: Response) -> bool:
    return response.status >= 400 and not response.url.endswith("/nothing")
