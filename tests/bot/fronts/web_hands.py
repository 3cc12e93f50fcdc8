"""What a simulated user of the page does and sees."""

import asyncio
import re

from nicegui import ui
from nicegui.element import Element
from nicegui.testing import User
from nicegui.testing.user_interaction import UserInteraction

from bot.fronts.web.dom import Composer
from tests.patience import patient


def ask(user: User, text: str) -> None:
    user.find(kind=Composer).trigger("send", text)


async def sees(user: User, words: str) -> None:
    await user.should_see(content=words, retries=round(patient(100)))


def answers(user: User) -> list[str]:
    assert user.client
    return [element.content for element in user.client.elements.values() if isinstance(element, ui.html) and "answer" in element.classes]


def press(user: User, words: str) -> None:
    """Click on the one button that says these words; the simulation knows no bubbling."""
    [button] = [button for button in _buttons(user) if any(getattr(child, "text", None) == words for child in button)]
    UserInteraction(user, {button}, None).click()


def _buttons(user: User) -> list[Element]:
    assert user.client
    return [element for element in user.client.elements.values() if element.tag == "button"]


async def until_there_is(user: User, words: str) -> None:
    """Wait for a button that says these words: an answer is still being written."""
    async with asyncio.timeout(patient(10)):
        while all(words != getattr(child, "text", "") for each in _buttons(user) for child in each):  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # the simulation tells of no change


def told(user: User) -> list[str]:
    """The scripts that the browser was sent."""
    assert user.client
    sent = [message for _, _, message in user.client.outbox.message_history] + list(user.client.outbox.messages)
    return [data["code"] for _, kind, data in sent if kind == "run_javascript"]


def conversation(user: User) -> str:
    """The address that the browser was told to show."""
    found = [re.search(r"'/c/' \+ \"(\w+)\"", code) for code in told(user)]
    return next(f"/c/{match.group(1)}" for match in found if match)
