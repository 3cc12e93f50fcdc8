"""The Discord front's connection: what the start says and tells, what ends it, and how it is made again."""

import logging
from pathlib import Path
from typing import Any
from unittest.mock import patch

import discord
import pytest

from bot.fronts.discord import serve as discord_serve
from bot.fronts.discord.bot import DuelBot, tell_commands
from bot.fronts.discord.gateway import forgiving
from bot.settings import Settings
from engine.errors import SettingsError
from tests.bot.fronts.discord_stage import calls, staged


async def test_commands_are_told_to_discord_only_when_they_have_changed(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        assert len(calls(stage, "PUT", "/commands")) == 1
        await tell_commands(stage.bot)
        assert len(calls(stage, "PUT", "/commands")) == 1
        await stage.app.remembering.put_mark("discord commands", "others")
        with patch.object(stage.bot.tree, "sync", wraps=stage.bot.tree.sync) as sync:
            await stage.env.restart_bot(DuelBot(stage.app, Settings(), shard_count=1))
        assert sync.call_count == 0, "the old bot does nothing"
        assert len(calls(stage, "PUT", "/commands")) == 2


async def test_the_start_says_who_it_is_and_how_to_invite_it_with_the_fewest_permissions(tmp_path: Path, capsys: Any) -> None:
    async with staged(tmp_path) as stage:
        said = capsys.readouterr().out
        assert said.startswith(
            f"Discord: connected as {stage.bot.user}, in 0 servers. Invite it elsewhere: https://discord.com/oauth2/authorize?"
        )
        assert "permissions=274877975552" in said
        assert f"client_id={stage.bot.application_id}" in said
        await stage.bot.on_ready()
        assert capsys.readouterr().out == "", "a new session is no news"


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (discord.LoginFailure("x"), "Discord refuses DISCORD_TOKEN."),
        (
            discord.PrivilegedIntentsRequired(None),
            "Message Content Intent is off in Discord: switch it on at https://discord.com/developers",
        ),
    ],
)
async def test_what_discord_refuses_at_the_start_is_one_sentence(tmp_path: Path, refusal: Exception, said: str) -> None:
    settings = Settings.of(store_path=str(tmp_path / "duels.sqlite3"), discord_token="x.y.z")
    async with staged(tmp_path / "other") as stage:
        with patch("discord.http.HTTPClient.static_login", side_effect=refusal), pytest.raises(SettingsError) as error:
            await discord_serve(stage.app, settings)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


async def test_a_discord_that_cannot_be_reached_is_tried_again_with_patience(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    waits: list[float] = []

    async def sleep(duration_s: float) -> None:
        waits.append(duration_s)

    answers = [OSError("no route")] * 8 + [discord.LoginFailure("there at last")]
    async with staged(tmp_path) as stage:
        with (
            patch("discord.http.HTTPClient.static_login", side_effect=answers),
            caplog.at_level(logging.WARNING),
            pytest.raises(SettingsError),
        ):
            await discord_serve(stage.app, Settings.of(discord_token="x.y.z"), sleep=sleep)
    assert waits == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]
    assert "x.y.z" not in caplog.text


async def test_a_connection_that_breaks_off_is_made_again_and_waits_are_short_after_a_long_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    waits: list[float] = []
    lives = iter([1.0, 1.0, 400.0, 1.0])  # seconds that each connection holds
    time = 0.0

    async def sleep(duration_s: float) -> None:
        waits.append(duration_s)

    async def break_off(*_: object) -> None:
        nonlocal time
        if (life_s := next(lives, None)) is None:
            raise discord.LoginFailure("the end of this test")
        time += life_s
        raise AttributeError("a frame that is no event")

    async with staged(tmp_path) as stage:
        with patch("discord.http.HTTPClient.static_login", break_off), pytest.raises(SettingsError):
            await discord_serve(stage.app, Settings.of(discord_token="x.y.z"), sleep=sleep, now=lambda: time)
    assert waits == [5.0, 10.0, 5.0, 10.0]
    assert [record.exc_info is not None for record in caplog.records if "broke off" in record.message] == [True] * 4


def test_only_an_event_without_which_there_is_no_session_may_end_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    def parse(data: dict[str, str]) -> str:
        return data["id"]

    parsers = forgiving({"READY": parse, "MESSAGE_CREATE": parse})
    parsers["MESSAGE_CREATE"]({})
    [record] = caplog.records
    assert "MESSAGE_CREATE" in record.message and record.exc_info
    with pytest.raises(KeyError):
        parsers["READY"]({})
