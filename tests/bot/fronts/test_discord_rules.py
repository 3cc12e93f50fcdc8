"""What a server settles: where the bot answers, which messages ask, threads, limits of roles, recipes and adapters of channels."""

from pathlib import Path
from typing import Any

import discord

from tests.bot.fronts.discord_stage import Stage, admin, calls, staged
from tests.bot.fronts.test_discord_adapters import by_name
from tests.bot.scripted import own_adapter


async def settle(stage: Stage, boss: Any, **options: Any) -> str:
    return stage.shown((await boss.slash(stage.channel, "settings", **options)).response)


async def test_requests_are_taken_in_the_channels_that_an_admin_names(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        boss, ann, quiet = admin(stage), stage.member("ann"), stage.guild.create_text_channel("quiet")
        assert "I take requests: in every channel that I can see" in await settle(stage, boss)
        assert f"I take requests: <#{stage.channel.id}>" in await settle(stage, boss, add_channel=stage.channel)
        await ann.send(quiet, f"{stage.mention} hello")
        assert stage.texts(quiet) == [f"{stage.mention} hello"], "not a word in a channel that is closed to it"
        told = stage.shown(stage.last(ann.user.dm_channel))
        assert told == f"In this server I answer in certain channels only. A server admin sets them with /settings. <#{stage.channel.id}>"
        refused = await ann.slash(quiet, "compare", request="hello")
        assert "in certain channels only" in stage.told(refused)
        batch = await ann.slash(quiet, "compare", file=("all.jsonl", b'"one"\n"two"'))
        assert "in certain channels only" in stage.told(batch)
        await ann.send(stage.channel, f"{stage.mention} hello")
        assert "[Tie]" in stage.shown(stage.last())
        message = await ann.send(stage.channel, "Let us talk")
        await stage.bot.get_channel(stage.channel.id).get_partial_message(message.id).create_thread(name="talk")  # type: ignore[union-attr]
        [thread] = stage.channel.threads
        await ann.send(thread, f"{stage.mention} in a thread of it")
        assert "[Tie]" in stage.shown(stage.last(thread))
        assert "in every channel" in await settle(stage, boss, remove_channel=stage.channel)


async def test_direct_messages_are_switched_off_by_who_runs_the_bot(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        boss, ann = admin(stage), stage.member("ann").user
        assert "Direct messages: not answered" in await settle(stage, boss, direct_messages=False)
        await ann.send_dm("hello")
        assert "Direct messages to me are switched off." in stage.shown(stage.last(ann.dm_channel))
        assert "are switched off" in stage.told(await ann.slash("compare", request="hello"))
        assert "Direct messages: answered" in await settle(stage, boss, direct_messages=True)
        stage.env.create_guild()
        assert "by whoever owns this bot at Discord" in await settle(stage, boss, direct_messages=False), "not of a second server's admin"
        about: Any = stage.bot.application
        about.owner = discord.Object(boss.id)
        assert "Direct messages: not answered" in await settle(stage, boss, direct_messages=False)


async def test_a_reply_that_only_talks_costs_no_duel(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        boss, ann, bob = admin(stage), stage.member("ann"), stage.member("bob")
        await ann.send(stage.channel, f"{stage.mention} one")
        duel, me = stage.last(), stage.bot.user
        assert me is not None
        await bob.send(stage.channel, "I think A is nicer", reply_to=duel)
        assert len(await stage.app.looking.history()) == 1
        await bob.send(stage.channel, f"{me.name}, and in French?", reply_to=duel)
        assert requests(stage) == ["one", "and in French?"], "what begins with its name asks, without the name"
        await bob.send(stage.channel, f"and {stage.mention} in Dutch?", reply_to=duel)
        assert len(await stage.app.looking.history()) == 3
        assert "A reply to my messages asks: always" in await settle(stage, boss, replies="all")
        await bob.send(stage.channel, "and in Danish?", reply_to=duel)
        assert requests(stage) == ["one", "and in Danish?"]


def requests(stage: Stage) -> list[str]:
    """What both sides were told last, of people's words."""
    return [part.content for part in stage.backend.prompts[-1].messages if part.role == "user"]


async def test_a_mention_opens_a_thread_in_which_plain_messages_go_on(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_content_intent=True) as stage:
        boss, ann, bob = admin(stage), stage.member("ann"), stage.member("bob")
        assert "answered in a thread of its own" in await settle(stage, boss, threads=True)
        await ann.send(stage.channel, f"{stage.mention} one")
        [thread] = stage.channel.threads
        duel = stage.last(thread)
        assert thread.name == "one" and "[Tie]" in stage.shown(duel) and duel.reference is None
        said = await bob.send(thread, "two")
        assert requests(stage) == ["one", "two"]
        await ann.send(thread, "I like it", reply_to=said)
        await ann.send(thread, f"<@{bob.id}> what do you think?")
        assert len(await stage.app.looking.history()) == 2, "what people say to one another asks nothing"
        await ann.send(thread, "three", reply_to=duel)
        assert requests(stage) == ["one", "three"], "a reply to an earlier answer branches off"
        await ann.send(stage.channel, "plain words outside of the thread")
        assert len(await stage.app.looking.history()) == 3


async def test_without_the_content_intent_plain_messages_of_a_thread_are_left_alone(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        boss, ann = admin(stage), stage.member("ann")
        await settle(stage, boss, threads=True)
        await ann.send(stage.channel, f"{stage.mention} one")
        [thread] = stage.channel.threads
        await ann.send(thread, "two")
        assert len(await stage.app.looking.history()) == 1
        await ann.send(thread, f"{stage.mention} two")
        assert requests(stage) == ["one", "two"], "a mention goes on there, without a reply"


async def test_no_thread_is_opened_for_what_is_refused_and_none_where_that_is_not_allowed(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_person_per_day=1) as stage:
        boss, ann = admin(stage), stage.member("ann")
        await settle(stage, boss, threads=True)
        stage.env.inject_error("POST", "/channels/*/messages/*/threads", status=403, code=50013)
        await ann.send(stage.channel, f"{stage.mention} one")
        assert "[Tie]" in stage.shown(stage.last()), "in the channel then"
        await ann.send(stage.channel, f"{stage.mention} two")
        assert "1 is the limit" in stage.shown(stage.last()) and not stage.channel.threads
        assert len(calls(stage, "POST", "/threads")) == 1


async def test_limits_hold_for_roles(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        boss, new = admin(stage), stage.guild.create_role("new")
        ann, bob = stage.member("ann", roles=[new]), stage.member("bob")

        async def limits(**options: Any) -> str:
            return stage.shown((await boss.slash(stage.channel, "limits", **options)).response)

        assert "None: Duelbot's own settings hold" in await limits()
        assert f"- <@&{new.id}>: **1** in 24 hours" in await limits(role=new, per_day=1)
        assert f"- <@&{new.id}>: **1** at once, **1** in 24 hours" in await limits(role=new, at_once=1)
        await ann.send(stage.channel, f"{stage.mention} one")
        await ann.send(stage.channel, f"{stage.mention} two")
        assert "You have asked 1 request within 24 hours, and 1 is the limit." in stage.shown(stage.last())
        for number in range(2):
            await bob.send(stage.channel, f"{stage.mention} {number}")
            assert "[Tie]" in stage.shown(stage.last()), "nobody else is limited"
        assert "/limits holds for 1 role" in await settle(stage, boss)
        assert "everybody else: **0** in 24 hours" in await limits(role=stage.guild.default_role, per_day=0)
        await bob.send(stage.channel, f"{stage.mention} more")
        assert "0 is the limit" in stage.shown(stage.last())
        assert "Say whose limits" in await limits(per_day=3)
        assert f"<@&{new.id}>" not in await limits(role=new, remove=True)
        assert "limits" not in ann.available_commands(stage.channel)


async def test_a_channel_takes_a_recipe_and_an_adapter_of_its_own(tmp_path: Path) -> None:
    async with staged(tmp_path, by_name, adapters=str(tmp_path / "loras"), discord_quorum=1) as stage:
        own_adapter(tmp_path / "loras")
        boss, ann, other = admin(stage), stage.member("ann"), stage.guild.create_text_channel("other")

        async def met(channel: Any) -> str:
            """Who meets in a channel, as the reveal says."""
            shown = (await ann.slash(channel, "compare", request="hello")).response
            await ann.click(shown, label="Tie")
            return next(line for line in stage.shown(shown).splitlines() if line.startswith("**A was")) + next(
                line for line in stage.shown(shown).splitlines() if line.startswith("**B was")
            )

        said = await boss.slash(stage.channel, "recipe use", name="plain", where="this channel")
        assert "the recipe plain 1 in this channel and its threads" in stage.shown(said.response)
        said = await boss.slash(stage.channel, "adapter use", name="support", where="this channel")
        assert "the adapter support@1 in this channel and its threads" in stage.shown(said.response)
        assert "recipe plain 1" in await met(stage.channel) and "adapter support 1" in await met(stage.channel)
        assert f"- In <#{stage.channel.id}>: adapter support@1, recipe plain@1" in await settle(stage, boss)
        assert "recipe house 1" in await met(other) and "adapter demo 1" in await met(other)
        listed = stage.shown((await ann.slash(stage.channel, "recipe list")).response)
        assert "- plain@1 · It ships with Duelbot. · **used here**" in listed
        assert "- house@1 · It is what the settings name. · **used here**" in stage.shown((await ann.slash(other, "recipe list")).response)
        assert "- support@1 · **used here**" in stage.shown((await ann.slash(stage.channel, "adapter list")).response)
        assert "- demo@1 · **used here**" in stage.shown((await ann.slash(other, "adapter list")).response)
        message = await ann.send(stage.channel, "Let us talk")
        await stage.bot.get_channel(stage.channel.id).get_partial_message(message.id).create_thread(name="talk")  # type: ignore[union-attr]
        [thread] = stage.channel.threads
        assert "recipe plain 1" in await met(thread), "a thread takes what its channel takes"
        await boss.slash(stage.channel, "recipe use", where="this channel")
        await boss.slash(thread, "adapter use", where="this channel")
        assert "recipe house 1" in await met(stage.channel) and "adapter demo 1" in await met(stage.channel)
