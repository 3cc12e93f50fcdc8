"""Files on Discord: requests that come as one, answers that go as two."""

import json
from pathlib import Path
from typing import Any

from bot.app.teams import QueueFull
from engine.backends.base import Prompt
from engine.backends.scripted import Script
from tests.bot.fronts.discord_stage import staged


async def test_a_file_of_requests_that_is_cut_short_says_how_far_it_came(tmp_path: Path) -> None:
    async with staged(tmp_path, lambda _: Script(("Once ", "|", "upon"))) as stage:
        result = await stage.member("ann").slash(stage.channel, "compare", file=("all.jsonl", b'"one"\n"two"'))
        assert "**0 of 2 requests answered** …" in stage.shown(result.response)
        await stage.bot.desk.leave()
        assert "**0 of 2 requests answered**\nStopped, because Duelbot was stopped." in stage.shown(result.response)


async def test_a_file_of_requests_waits_while_the_queue_is_full(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("bot.fronts.discord.batch.WAIT_S", 0.0)
    async with staged(tmp_path) as stage:
        asks, full = stage.bot.teams.ask, [QueueFull("full")] * 3

        async def ask(order: Any) -> Any:
            if full:
                raise full.pop()
            return await asks(order)

        monkeypatch.setattr(stage.bot.teams, "ask", ask)
        result = await stage.member("ann").slash(stage.channel, "compare", file=("all.jsonl", b'"one"'))
        assert "**1 of 1 requests answered**\nDone." in stage.shown(result.response)


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
