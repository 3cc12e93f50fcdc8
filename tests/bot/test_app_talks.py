"""Conversations as a list: their titles, outcomes and tags, found again, deleted with their ballots kept."""

from pathlib import Path

import pytest

from bot.app import App
from bot.ballots import Choice, Why
from bot.views import DuelView
from engine.contestants import Arm
from engine.errors import BadRequest
from tests.bot.scripted import answered, ask, cast, scripted_app, until


async def voted(app: App, text: str, choice: Choice, *, asker: str = "ann", tag: str = "", conversation: str | None = None) -> DuelView:
    asked = await ask(app, text, asker=asker, tag=tag, conversation=conversation)
    await until(app, asked.id, "open")
    return await cast(app, asked.id, asker, choice)


async def test_conversations_are_listed_with_title_last_time_and_how_the_latest_duel_went(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        first = await voted(app, "Where is my order?", Choice.LEFT, tag="orders")
        await voted(app, "And the refund?", Choice.RIGHT, conversation=first.conversation)
        await voted(app, "Do you ship?", Choice.TIE, asker="bob")
        waiting = await answered(app, "Still open?")
        listed = await app.talks.listed()
        assert [(each.title, each.outcome, each.winner, each.turns, each.tag) for each in listed] == [
            ("Still open?", "open", None, 1, ""),
            ("Do you ship?", "tie", None, 1, ""),
            ("Where is my order?", "tuned", Arm.TUNED, 2, "orders"),
        ]
        assert listed[0].asked_at == waiting.asked_at
        for found, wanted in (
            ({"search": "REFUND"}, ["Where is my order?"]),
            ({"tag": "orders"}, ["Where is my order?"]),
            ({"outcome": "tie"}, ["Do you ship?"]),
            ({"outcome": "prompted"}, []),
            ({"asker": "ann"}, ["Still open?", "Where is my order?"]),
            ({"before": listed[1].asked_at}, ["Where is my order?"]),
            ({"limit": 1}, ["Still open?"]),
        ):
            assert [each.title for each in await app.talks.listed(**found)] == wanted  # type: ignore[arg-type]


async def test_whoever_began_a_conversation_gives_it_a_title_and_takes_it_away(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await voted(app, "Where is my order?", Choice.LEFT)
        assert await app.talks.rename(view.conversation, "ann", " The\nteapot ") == "The teapot"
        assert [each.title for each in await app.talks.listed(search="teapot")] == ["The teapot"]
        with pytest.raises(BadRequest, match="Only the one who began"):
            await app.talks.rename(view.conversation, "bob", "Mine")
        with pytest.raises(BadRequest, match="at most 100"):
            await app.talks.rename(view.conversation, "ann", "x" * 101)
        await app.talks.rename(view.conversation, "ann", "")
        assert (await app.talks.title(view.conversation), (await app.talks.listed())[0].title) == ("", "Where is my order?")


async def test_a_deleted_conversation_leaves_its_ballots_and_no_text(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await voted(app, "A secret request", Choice.RIGHT, tag="secret tag")
        await app.voting.explain(view.id, "ann", (Why.CLEARER,), "a secret reason")
        await app.talks.rename(view.conversation, "ann", "A secret title")
        waiting = await answered(app, "A secret that waits", conversation=view.conversation)
        branch = await ask(app, "Again?", asker="ann", again=waiting.id)
        await until(app, branch.id, "open")
        standing = await app.judging.verdict()
        with pytest.raises(BadRequest, match="Only the one who asked"):
            await app.talks.delete(view.conversation, "bob")
        await app.talks.delete(view.conversation, "ann")
        assert [each.title for each in await app.talks.listed()] == ["Again?"]
        assert (await app.judging.verdict()).better == standing.better == (0, 1)
        gone = await app.looking.view(view.id, "ann")
        assert gone.state == "closed" and gone.ballots == 1 and gone.own_choice is Choice.RIGHT
        assert (await app.looking.view(waiting.id, "ann")).state == "void"
    assert not [file.name for file in (tmp_path / "s").parent.iterdir() if file.is_file() and b"secret" in file.read_bytes()]


async def test_a_conversation_is_not_deleted_under_an_answer_or_under_others(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await voted(app, "Mine", Choice.LEFT)
        await voted(app, "And mine", Choice.LEFT, asker="bob", conversation=view.conversation)
        with pytest.raises(BadRequest, match="others have asked in it"):
            await app.talks.delete(view.conversation, "ann")
        elsewhere = await ask(app, "In a channel", asker="ann", channel="c", event="message:1", team="red")
        with pytest.raises(BadRequest, match="still being written"):
            await app.talks.delete(elsewhere.conversation, "ann")
        await until(app, elsewhere.id, "open")
        with pytest.raises(BadRequest, match="deleted there"):
            await app.talks.delete(elsewhere.conversation, "ann")
