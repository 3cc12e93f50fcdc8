"""Files on Discord: requests that come as one, answers that go as two."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import discord

from bot.app.batching import BROKE, NOT_YOURS, STOPPED, TOO_LATE
from bot.app.orders import QueueFull
from bot.fronts.discord.batch import FAILED, LEFT
from bot.fronts.discord.bot import DuelBot
from bot.fronts.discord.pacing import Pacer
from bot.settings import Settings
from bot.store.batches import BatchRows
from bot.views import Batch
from engine.backends.base import Prompt
from engine.backends.scripted import Script
from engine.errors import BackendError
from tests.bot.fronts.discord_stage import Stage, staged


def two_waits(prompt: Prompt) -> Script:
    """The request "two" is answered when the gate opens."""
    whose = "tuned" if prompt.adapter else "prompted"
    return Script((whose, "|", " at last") if prompt.messages[-1].content == "two" else (whose,))


async def test_a_file_of_requests_goes_on_after_a_restart_and_its_message_says_so(tmp_path: Path) -> None:
    async with staged(tmp_path, two_waits) as stage:
        result = await stage.member("ann").slash(stage.channel, "compare", file=("all.jsonl", b'"one"\n"two"\n"three"'), tag="mail")
        assert "**1 of 3 requests answered** …" in stage.shown(result.response)
        assert "[Stop]" in stage.shown(result.response)
        await stage.bot.parts.desk.leave()
        assert f"**1 of 3 requests answered**\n{LEFT}" in stage.shown(result.response)
        assert "[Stop]" not in stage.shown(result.response)
        stage.backend.release()
        await stage.env.restart_bot(DuelBot(stage.app, Settings(), pacer=Pacer(gap_s=0.0), shard_count=1))
        await stage.env.advance_time(11)
        assert "**3 of 3 requests answered**\nDone." in stage.shown(result.response)
        duels = [text for text in stage.texts() if "> " in text]
        assert [request for text in duels for request in ("one", "two", "three") if f"> {request}" in text] == ["one", "two", "three"]
        assert all("[Tie]" in text for text in duels), "the one that was broken off was asked again, and seen once"
        assert [post.tag for _, post in await stage.app.looking.found(team=str(stage.guild.id), asker="")] == ["mail"] * 4
        assert rows_of_runs(stage) == []


async def test_a_request_that_ends_the_process_twice_is_asked_no_more(tmp_path: Path) -> None:
    async with staged(tmp_path, two_waits) as stage:
        result = await stage.member("ann").slash(stage.channel, "compare", file=("all.jsonl", b'"two"\n"three"'))
        for _ in range(2):
            await stage.bot.parts.desk.leave()
            stage.bot = DuelBot(stage.app, Settings(), pacer=Pacer(gap_s=0.0), shard_count=1)
            await stage.env.restart_bot(stage.bot)
            await stage.env.advance_time(11)
        assert f"**1 of 2 requests answered**; 1 could not be: {BROKE}\nDone." in stage.shown(result.response)


async def test_nobody_waits_for_a_file_that_was_left_more_than_a_day_ago(tmp_path: Path) -> None:
    async with staged(tmp_path, two_waits) as stage:
        result = await stage.member("ann").slash(stage.channel, "compare", file=("all.jsonl", b'"two"\n"three"'))
        await stage.bot.parts.desk.leave()
        stage.clock.ahead = timedelta(days=1, hours=1)
        await stage.env.restart_bot(DuelBot(stage.app, Settings(), pacer=Pacer(gap_s=0.0), shard_count=1))
        await stage.env.advance_time(11)
        assert f"**0 of 2 requests answered**\n{TOO_LATE}" in stage.shown(result.response)
        assert rows_of_runs(stage) == []


async def test_the_asker_alone_stops_a_file_and_what_is_being_answered_is_shown(tmp_path: Path) -> None:
    async with staged(tmp_path, two_waits) as stage:
        ann = stage.member("ann")
        result = await ann.slash(stage.channel, "compare", file=("all.jsonl", b'"two"\n"three"'))
        again = await ann.slash(stage.channel, "compare", file=("all.jsonl", b'"four"'))
        assert "Your earlier file is still being worked on" in stage.told(again)
        refused = await stage.member("bob").click(result.response, label="Stop")
        assert NOT_YOURS in stage.shown(refused.followups[0])
        await ann.click(result.response, label="Stop")
        assert f"**0 of 2 requests answered**\n{STOPPED}" in stage.shown(result.response)
        stage.backend.release()
        await stage.env.advance_time(2)
        assert f"**1 of 2 requests answered**\n{STOPPED}" in stage.shown(result.response)
        assert rows_of_runs(stage) == []
        assert "1 of 1" in stage.shown((await ann.slash(stage.channel, "compare", file=("all.jsonl", b'"four"'))).response)


async def test_a_file_ends_with_its_message_and_with_its_person(tmp_path: Path) -> None:
    async with staged(tmp_path, two_waits) as stage:
        ann = stage.member("ann")
        boss = stage.member("boss", roles=[stage.guild.create_role("mods", permissions=discord.Permissions(manage_messages=True))])
        result = await ann.slash(stage.channel, "compare", file=("all.jsonl", b'"two"\n"a secret three"'))
        await boss.delete(result.response)
        assert [len(rows) for rows in (rows_of_runs(stage), await stage.app.looking.history())] == [1, 1]
        stage.backend.release()
        await stage.env.advance_time(2)
        assert rows_of_runs(stage) == []
        assert len(await stage.app.looking.history()) == 1
        async with stage.app.core.store.writing() as change:
            run = Batch("interaction:7", f"discord:{ann.id}", None, "1", 1, datetime.now(UTC))
            await BatchRows(change).add(run, ["a secret three"])
        await ann.click((await ann.slash(stage.channel, "forget")).response, label="Delete")
        assert rows_of_runs(stage) == []
        with closing(sqlite3.connect(stage.app.core.store.path)) as store, store:
            assert store.execute("SELECT count(*) FROM run_rows").fetchone() == (0,)


async def test_a_request_of_a_file_that_no_side_could_answer_is_not_counted_as_answered(tmp_path: Path) -> None:
    async with staged(tmp_path, lambda _: Script((), error=BackendError("crashed", "Out of memory."))) as stage:
        result = await stage.member("ann").slash(stage.channel, "compare", file=("all.jsonl", b'"one"'))
        assert f"**0 of 1 request answered**; 1 could not be: {FAILED}\nDone." in stage.shown(result.response)


def rows_of_runs(stage: Stage) -> list[Any]:
    with closing(sqlite3.connect(stage.app.core.store.path)) as store, store:
        return store.execute("SELECT event FROM runs").fetchall()


async def test_a_file_of_requests_waits_while_the_queue_is_full(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("bot.fronts.discord.batch.WAIT_S", 0.0)
    async with staged(tmp_path) as stage:
        asks, full = stage.app.asking.ask, [QueueFull("full")] * 3

        async def ask(order: Any) -> Any:
            if full:
                raise full.pop()
            return await asks(order)

        monkeypatch.setattr(stage.app.asking, "ask", ask)
        result = await stage.member("ann").slash(stage.channel, "compare", file=("all.jsonl", b'"one"'))
        assert "**1 of 1 request answered**\nDone." in stage.shown(result.response)


async def test_a_long_file_of_requests_is_read_line_by_line_as_json_has_them(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_person_per_day=2) as stage:
        ann = stage.member("ann")
        lines = "\n".join(['"one \u2028 line"', json.dumps("x" * 19_000), *[json.dumps("y" * 19_000)] * 4])
        result = await ann.slash(stage.channel, "compare", file=("all.jsonl", lines.encode()))
        assert "**2 of 6 requests answered**; 4 could not be: You have asked 2 requests within 24 hours" in stage.shown(result.response)
        for lines, words_ in (
            ("[" * 200_000, "Line 1 of the file is not JSON."),
            ("x" * 4_000_001, "at most 1,000,000 characters are accepted"),
        ):
            refused = await ann.slash(stage.channel, "compare", file=("all.jsonl", lines.encode()))
            assert words_ in stage.told(refused)


async def test_long_answers_come_in_full_as_two_files(tmp_path: Path) -> None:
    def script(prompt: Prompt) -> Script:
        return Script((("tuned " if prompt.adapter else "prompted ") * 1500,))

    async with staged(tmp_path, script) as stage:
        ann = stage.member("ann")
        await ann.send(stage.channel, f"{stage.mention} hello")
        duel = stage.last()
        full = await ann.click(duel, label="Full answers")
        assert full.ephemeral
        stored = stage.env.backend.get_message(full.response.channel_id, full.response.id)
        files = {each["filename"]: stage.env.backend.cdn.get(each["url"]) for each in stored.attachments}
        assert files == {"A.md": (b"prompted " * 1500), "B.md": (b"tuned " * 1500)}
