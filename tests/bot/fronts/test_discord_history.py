"""/history and /new: earlier requests, to find and to go on with."""

from pathlib import Path

import discord

from tests.bot.fronts.discord_stage import staged


async def test_new_belongs_into_direct_messages(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        said = await stage.member("ann").slash(stage.channel, "new")
        assert "/new is for direct messages" in stage.shown(said.response)


async def test_history_shows_a_server_its_own_duels_but_no_private_ones(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann, bob = stage.member("ann"), stage.member("bob")
        shown = await ann.slash(stage.channel, "compare", request="Public [one](x)")
        await ann.slash(stage.channel, "compare", request="Secret one", visible="me")
        await ann.user.send_dm("Direct one")
        said = stage.shown((await bob.slash(stage.channel, "history")).response)
        assert f"https://discord.com/channels/{stage.guild.id}/{stage.channel.id}/{shown.response.id}" in said
        assert "Public \\[one\\](x)" in said
        assert "Secret" not in said
        assert "Direct" not in said
        assert "Secret" in stage.shown((await ann.slash(stage.channel, "history", search="SECRET")).response)
        assert "Nothing was found here." in stage.shown((await bob.slash(stage.channel, "history", search="other")).response)


async def test_history_shows_nothing_of_channels_that_are_closed_to_the_reader(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        crew = stage.guild.create_role("crew")
        ann, bob = stage.member("ann", roles=[crew]), stage.member("bob")
        hide, show = discord.PermissionOverwrite(view_channel=False), discord.PermissionOverwrite(view_channel=True)
        room = stage.guild.create_text_channel("room", overwrites={stage.guild.default_role: hide, crew: show})
        await ann.slash(room, "compare", request="Among us")
        await ann.slash(stage.channel, "compare", request="For all")
        seen = {who.name: stage.shown((await who.slash(stage.channel, "history")).response) for who in (ann, bob)}
        assert ["Among us" in seen["ann"], "Among us" in seen["bob"]] == [True, False]
        assert "For all" in seen["bob"]


async def test_a_direct_conversation_is_reopened_from_the_history(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann").user
        await ann.send_dm("About tea")
        await ann.slash("new")
        await ann.send_dm("About cars")
        [found] = await ann.autocomplete("history", "reopen", "TEA")
        said = await ann.slash("history", reopen=found["value"])
        assert "goes on with “About tea”" in stage.shown(said.response)
        await ann.send_dm("And milk?")
        assert [part.content for part in stage.backend.prompts[-1].messages if part.role == "user"] == ["About tea", "And milk?"]


async def test_nobody_reopens_what_another_asked(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann, bob = stage.member("ann").user, stage.member("bob").user
        await ann.send_dm("About tea")
        [summary] = await stage.app.looking.history()
        said = await bob.slash("history", reopen=summary.id)
        assert "none of the requests that you asked" in stage.shown(said.response)
