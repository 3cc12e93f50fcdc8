"""The page of routes, and singles in a conversation, as NiceGUI's simulated users meet them."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from nicegui.testing import User

from bot.app import App
from bot.ballots import Choice
from bot.fronts.web.dom import Composer
from bot.settings import Settings
from tests.bot.fronts.web_stage import opened, simulated
from tests.bot.scripted import ask, cast, until
from tests.patience import patient


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[tuple[App, Settings]]:
    async with opened(tmp_path) as both:
        yield both


@pytest.fixture
async def users(stage: tuple[App, Settings]) -> AsyncIterator[Callable[[], User]]:
    async with simulated(*stage) as new_user:
        yield new_user


async def sees(user: User, words: str) -> None:
    await user.should_see(content=words, retries=round(patient(100)))


async def decided(app: App) -> None:
    for number in range(12):
        asked = await ask(app, f"Number {number}?", asker="ann")
        await until(app, asked.id, "open")
        await cast(app, asked.id, "ann", Choice.RIGHT)


async def test_a_proposal_is_taken_and_changed_back_with_one_click_each(stage: tuple[App, Settings], users: Callable[[], User]) -> None:
    app, _ = stage
    await decided(app)
    user = users()
    await user.open("/route")
    await sees(user, "Every request becomes a duel.")
    await sees(user, "Let the fine-tune answer the others alone, at once: 10% of requests stay duels")
    user.find(content="Do so").click()
    await sees(user, "10% of requests become duels; the fine-tune")
    await sees(user, "you: duel share 10%, the fine-tune answers the others: as the verdict proposes")
    user.find(content="Change back").click()
    await sees(user, "changed back what")
    await sees(user, "Every request becomes a duel.")
    [first, second] = (await app.routing.standing()).changes
    assert first.person.startswith("web:") and second.person == first.person


async def test_a_key_is_made_shown_once_and_ended(stage: tuple[App, Settings], users: Callable[[], User]) -> None:
    app, _ = stage
    user = users()
    await user.open("/route")
    await sees(user, "Keys for programs")
    user.find(content="Make a key").click()
    await sees(user, "Name the program that the key is for")
    _, secret = await app.programs.keys.make("ann", "triage")
    await sees(user, "triage")
    await user.should_not_see(content=secret)
    user.find(content="End it").click()
    for _ in range(round(patient(200))):
        if (await app.programs.keys.all())[0].ended_at:
            break
    assert await app.programs.keys.known(secret) is None


async def test_a_single_shows_one_answer_and_who_gave_it(stage: tuple[App, Settings], users: Callable[[], User]) -> None:
    app, _ = stage
    await app.routing.change("ann", share=0.1, winner="tuned")
    user = users()
    await user.open("/")
    user.find(kind=Composer).trigger("send", "Prompt or fine-tune?")
    await sees(user, "The fine-tune answered this alone, at once: it has won the votes here. This is no duel and no evidence.")
    await sees(user, "Recipe plain 1, adapter demo 1")
    await user.should_not_see(content="Which answer is better?")
    await user.should_not_see(content="Answer B")


async def test_the_chat_page_tells_of_drift_until_somebody_changes_the_share(
    stage: tuple[App, Settings], users: Callable[[], User]
) -> None:
    app, _ = stage
    await decided(app)
    await app.routing.change("ann", share=0.1, winner="tuned")
    for number in range(16):
        asked = await ask(app, f"Late {number}?", asker="ann", compare=True)
        await until(app, asked.id, "open")
        await cast(app, asked.id, "ann", Choice.LEFT)
    assert await app.routing.look()
    user = users()
    await user.open("/")
    await sees(user, "All requests are duels again.")
    await app.routing.change("ann", share=1)
    other = users()
    await other.open("/")
    await other.should_not_see(content="All requests are duels again.")
