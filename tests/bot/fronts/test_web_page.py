"""The page as NiceGUI's simulated users meet it: everything but the browser is real."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from nicegui import ui
from nicegui.element import Element
from nicegui.testing import User
from nicegui.testing.user_interaction import UserInteraction

from bot.app import App
from bot.app.learnable import decided
from bot.fronts.web.dom import Composer
from bot.settings import Settings
from tests.bot.fronts.web_hands import answers, ask, conversation, press, sees, told, until_there_is
from tests.bot.fronts.web_stage import opened, simulated
from tests.patience import patient


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[tuple[App, Settings]]:
    async with opened(tmp_path) as both:
        yield both


@pytest.fixture
async def users(stage: tuple[App, Settings]) -> AsyncIterator[Callable[[], User]]:
    async with simulated(*stage) as new_user:
        yield new_user


async def test_ask_stream_vote_reveal_and_open_again(users: Callable[[], User]) -> None:
    user = users()
    await user.open("/")
    await sees(user, "Which technique answers better?")
    await sees(user, "No history yet, so no estimate of time and cost.")
    ask(user, "What should we do?")
    await sees(user, "A is better")
    assert [text.split()[1] for text in answers(user)] == ["prompt", "fine-tuning"]
    await user.should_not_see(content="Which technique answers better?")
    await user.should_not_see(content="A · Prompt")
    press(user, "B is better")
    await sees(user, "B · Fine-tune")
    await sees(user, "You chose B, the fine-tune.")
    await sees(user, "The conversation goes on with answer B, the better one.")
    await sees(user, "Recipe plain 1, adapter demo 1")
    await sees(user, "Keep collecting: 1 vote so far.")
    await sees(user, "from 1 duel.")
    again = users()
    await again.open(conversation(user))
    await sees(again, "B · Fine-tune")
    assert answers(again) == answers(user)


async def test_a_vote_in_a_few_is_asked_which_is_which_before_it_is_revealed(tmp_path: Path) -> None:
    async with opened(tmp_path, DUEL_DISCORD_BLINDING_SHARE="1") as (app, chosen), simulated(app, chosen) as users:
        user = users()
        await user.open("/")
        ask(user, "What should we do?")
        await sees(user, "B is better")
        press(user, "B is better")
        await sees(user, "which answer do you take for the fine-tune?")
        await user.should_not_see("What each answer took")
        press(user, "I can't tell")
        await sees(user, "B · Fine-tune")
        async with app.core.store.reading() as look:
            assert [tuple(row) for row in await look.rows("SELECT entrant FROM guesses")] == [(None,)]


async def test_the_two_sides_are_alike_until_the_close(users: Callable[[], User]) -> None:
    user = users()
    await user.open("/")
    ask(user, "What should we do?")
    await sees(user, "A is better")
    assert user.client
    cards = [element for element in user.client.elements.values() if "card" in element.classes]

    def form(element: ui.element) -> object:
        """A card without its letter and its text."""
        props = {key: value for key, value in element.props.items() if key not in ("innerHTML", "aria-label")}
        return (element.tag, list(element.classes), props, [form(child) for child in element])

    assert len(cards) == 2 and form(cards[0]) == form(cards[1])
    page = "".join(str(element._to_dict()) for element in cards)
    assert not re.search("prompted|tuned|plain|house|demo", page.replace("prompt engineering", "").replace("fine-tuning", ""))


async def test_a_refused_request_says_why_and_keeps_the_text(users: Callable[[], User]) -> None:
    user = users()
    await user.open("/")
    for text, words in (("\u200b ", "The request is empty"), ("a\0b", "U+0000"), ("x" * 100_000, "The request has 100,000 characters")):
        ask(user, text)
        await user.should_see(content=words, retries=round(patient(100)))
        assert '"refused"' in told(user)[-1]
    assert not [code for code in told(user) if '"accepted"' in code]
    user.find(kind=Composer).trigger("toolong", 2_000_000)
    await sees(user, "The request has 2,000,000 characters; at most 20,000 are accepted.")
    await user.should_see(content="Which technique answers better?")


async def test_two_clicks_on_an_example_are_one_duel(users: Callable[[], User], stage: tuple[App, Settings]) -> None:
    user, app = users(), stage[0]
    await user.open("/")
    user.find(content=app.examples[0]).click().click()
    await sees(user, "A is better")
    assert len(await app.looking.history()) == 1


async def test_a_second_request_waits_for_the_first(users: Callable[[], User]) -> None:
    user = users()
    await user.open("/")
    ask(user, "slow")
    await sees(user, "Stop")
    ask(user, "next")
    await sees(user, "still being answered")
    press(user, "Stop")
    await sees(user, "stopped before both answers were complete")
    assert len({len(text) for text in answers(user)}) == 1


async def test_a_failed_side_is_told_and_the_duel_can_be_asked_again(users: Callable[[], User]) -> None:
    user = users()
    await user.open("/")
    ask(user, "fail")
    await sees(user, "The model gave no numbers that could be used.")
    await sees(user, "One side failed")
    assert "prompt engineering" in answers(user)[0]
    await user.should_not_see(content="A is better")
    press(user, "Ask again")
    await asyncio.sleep(0.3)
    assert len(answers(user)) == 4


async def test_equal_answers_are_revealed_without_a_vote(users: Callable[[], User]) -> None:
    user = users()
    await user.open("/")
    ask(user, "same")
    await sees(user, "Both sides agree here")
    await sees(user, "A · Prompt")
    await user.should_not_see(content="A is better")
    await sees(user, "Try one on which they differ")
    await sees(user, "2,000 examples, quarterly changes")


async def test_two_users_vote_apart_and_see_each_others_duels(users: Callable[[], User]) -> None:
    first, second = users(), users()
    for user in (first, second):
        await user.open("/")
        ask(user, f"from {user.tab_id}")
    for user in (first, second):
        await sees(user, "A is better")
        assert len(answers(user)) == 2
    watcher = users()
    await watcher.open(conversation(first))
    await sees(watcher, f"from {first.tab_id}")
    press(first, "Tie")
    await sees(watcher, "1 vote: tie.")
    await second.should_see(content="A is better")
    await sees(first, "You voted: tie.")


async def test_a_request_that_builds_on_another_browsers_shows_that_one_too(users: Callable[[], User]) -> None:
    first, second = users(), users()
    await first.open("/")
    ask(first, "What should we do?")
    await sees(first, "A is better")
    await second.open(conversation(first))
    press(first, "A is better")
    await sees(first, "What each answer took")
    ask(first, "And then?")
    await sees(first, "And then?")
    await second.should_not_see(content="And then?")
    await until_there_is(first, "Tie")  # while it is still being answered nobody can go on with it
    ask(second, "Why?")
    await sees(second, "And then?")
    press(first, "Tie")
    await sees(second, "had gone on before the vote closed")


async def test_the_history_finds_earlier_duels(users: Callable[[], User]) -> None:
    user = users()
    await user.open("/")
    ask(user, "What about <b>cats</b>?")
    await sees(user, "A is better")
    press(user, "Tie")
    await sees(user, "You voted: tie.")
    assert user.client
    button = next(element for element in user.client.elements.values() if element.props.get("data-does") == "history")
    search = next(element for element in user.client.elements.values() if element.props.get("type") == "search")
    UserInteraction(user, {button}, None).click()
    await sees(user, " · tie")
    link = next(element for element in user.client.elements.values() if "duel" in element.classes)
    assert link.props["href"].startswith(conversation(user))
    UserInteraction(user, {search}, None).trigger("input", "dogs")
    await sees(user, "No request and no title holds “dogs”.")


async def test_a_person_lets_their_duels_train_adapters_and_takes_it_back(users: Callable[[], User], stage: tuple[App, Settings]) -> None:
    app, _ = stage
    user, other = users(), users()
    await user.open("/")
    ask(user, "What about cats?")
    await sees(user, "A is better")
    press(user, "Tie")
    await sees(user, "You voted: tie.")
    assert await decided(app.core.store) == []
    await tick(user, True)
    assert [duel.request for duel in await decided(app.core.store)] == ["What about cats?"]
    await other.open("/")
    assert not box_of(other).props.get("checked")
    await tick(user, False)
    assert await decided(app.core.store) == []


def box_of(user: User) -> Element:
    assert user.client
    return next(element for element in user.client.elements.values() if element.props.get("data-does") == "consent")


async def tick(user: User, agree: bool) -> None:
    box = box_of(user)
    UserInteraction(user, {box}, None).trigger("change", agree)
    for _ in range(int(patient(1000))):
        if bool(box.props.get("checked")) is agree:
            return
        await asyncio.sleep(0.01)
