"""After a request was asked: ask it again, ask what it was edited into, find what waits for a vote, be told of the close; moderators."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import discord

from bot.fronts.discord.bot import DuelBot
from bot.settings import Settings
from engine.backends.scripted import Script
from tests.bot.fronts.discord_stage import Stage, calls, staged, voted


async def asked(stage: Stage, who: Any, request: str = "hello") -> Any:
    await who.send(stage.channel, f"{stage.mention} {request}")
    return stage.last()


def moderator(stage: Stage) -> Any:
    role = stage.guild.create_role("moderators", permissions=discord.Permissions(manage_messages=True))
    return stage.member("mod", roles=[role])


def requests(stage: Stage) -> list[str]:
    """What both sides were told last, of people's words."""
    return [part.content for part in stage.backend.prompts[-1].messages if part.role == "user"]


# --- ask again


async def test_any_duel_can_be_asked_again_by_anybody_open_or_closed(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_quorum=1) as stage:
        ann, bob = stage.member("ann"), stage.member("bob")
        first = await asked(stage, ann, "one")
        await ann.send(stage.channel, f"{stage.mention} two", reply_to=first)
        second = stage.last()
        assert "[Ask again]" in stage.shown(second), "while its vote is open"
        again = await bob.click(second, label="Ask again")
        assert stage.shown(again.response).startswith(f"-# {bob.mention} asked\n> two")
        assert requests(stage) == ["one", "two"], "with what was said before it"
        await bob.click(second, label="Tie")
        assert "1 vote: tie." in stage.shown(second) and "[Ask again]" in stage.shown(second)
        await ann.click(second, label="Ask again")
        assert requests(stage) == ["one", "two"]
        assert [duel.asker for duel in [await view(stage, each) for each in await stage.app.looking.history()]] == [
            f"discord:{who.id}" for who in (ann, bob, ann, ann)
        ]


async def view(stage: Stage, summary: Any) -> Any:
    return await stage.app.looking.view(summary.id, "")


async def test_asking_again_keeps_the_tag_and_a_forgotten_request_cannot_be_asked(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        shown = (await ann.slash(stage.channel, "compare", request="one", tag="mail")).response
        await ann.click(shown, label="Ask again")
        found = await stage.app.looking.found(team=str(stage.guild.id), asker="", tag="mail")
        assert [summary.request for summary, _ in found] == ["one", "one"]
        await ann.click((await ann.slash(stage.channel, "forget")).response, label="Delete")
        assert "[Ask again]" not in stage.shown(shown)


# --- an edited request


async def test_an_edited_request_is_offered_and_asked_once(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann, bob = stage.member("ann"), stage.member("bob")
        message = await ann.send(stage.channel, f"{stage.mention} Is tee good?")
        duel = stage.last()
        assert "[Ask the edited one]" not in stage.shown(duel)
        await ann.edit(message, f"{stage.mention} Is tea good?")
        assert "[Ask the edited one]" in stage.shown(duel)
        await ann.edit(message, f"{stage.mention} Is tee good?")
        assert "[Ask the edited one]" not in stage.shown(duel), "as it was asked"
        await ann.edit(message, f"{stage.mention} Is tea good?")
        await stage.env.restart_bot(DuelBot(stage.app, Settings.of(discord_blinding_share=0), shard_count=1))
        again = await ann.click(duel, label="Ask the edited one")
        assert "> Is tea good?" in stage.shown(again.response) and requests(stage) == ["Is tea good?"]
        assert "[Ask the edited one]" not in stage.shown(duel)
        other = await bob.send(stage.channel, "nothing for the bot")
        before = len(stage.env.http_requests)
        await bob.edit(other, f"{stage.mention} but now it is")
        assert len(stage.env.http_requests) == before and len(await stage.app.looking.history()) == 2, "an edit by itself asks nothing"


async def test_what_is_edited_while_it_is_answered_is_offered_at_the_end(tmp_path: Path) -> None:
    async with staged(tmp_path, lambda _: Script(("Once ", "|", "upon"))) as stage:
        ann = stage.member("ann")
        message = await ann.send(stage.channel, f"{stage.mention} Is tee good?")
        duel = stage.last()
        await ann.edit(message, f"{stage.mention} Is tea good?")
        assert "[Ask the edited one]" not in stage.shown(duel) and "[Stop]" in stage.shown(duel)
        stage.backend.release()
        await stage.env.settle()
        assert "[Ask the edited one]" in stage.shown(duel)


async def test_an_edited_request_goes_when_its_asker_is_forgotten(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        message = await ann.send(stage.channel, f"{stage.mention} Is tee good?")
        await ann.edit(message, f"{stage.mention} my secret")
        await ann.click((await ann.slash(stage.channel, "forget")).response, label="Delete")
        async with stage.app.core.store.reading() as look:
            assert [row["edited"] for row in await look.rows("SELECT edited FROM posts")] == [""]
        await ann.edit(message, f"{stage.mention} my other secret")
        async with stage.app.core.store.reading() as look:
            assert [row["edited"] for row in await look.rows("SELECT edited FROM posts")] == [""]


# --- what waits for a vote


async def test_open_lists_what_one_can_still_vote_on(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_quorum=2) as stage:
        ann, bob = stage.member("ann"), stage.member("bob")

        async def open_to(who: Any) -> str:
            return stage.shown((await who.slash(stage.channel, "open")).response)

        assert "Nothing: you have voted on all that is open here" in await open_to(ann)
        first = await voted(stage, ann, "one", "Tie")
        await ann.slash(stage.channel, "compare", request="two")
        await ann.slash(stage.channel, "compare", request="mine alone", visible="me")
        hide, show = (discord.PermissionOverwrite(view_channel=may) for may in (False, True))
        crew = stage.guild.create_role("crew")
        eve, me = stage.member("eve", roles=[crew]), stage.bot.user
        assert me is not None
        room = stage.guild.create_text_channel("room", overwrites={stage.guild.default_role: hide, crew: show, me: show})
        await eve.slash(room, "compare", request="of the crew")
        assert "of the crew" in await open_to(eve)
        seen = await open_to(bob)
        assert seen.startswith("### 2 duels waiting for your vote\n") and "mine alone" not in seen and "of the crew" not in seen
        assert f"[one](https://discord.com/channels/{stage.guild.id}/{stage.channel.id}/{first.id})" in seen
        assert "1 of 2 have voted" in seen and "0 of 2 have voted" in seen
        assert "[two](" in await open_to(ann) and "[one](" not in await open_to(ann), "voted already"
        await bob.click(first, label="Tie")
        assert "[one](" not in await open_to(bob)


async def test_open_needs_the_role_that_votes_and_in_a_direct_message_shows_ones_own(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann, experts = stage.member("ann"), stage.guild.create_role("experts")
        await ann.user.send_dm("alone")
        await stage.app.teams.settle(str(stage.guild.id), vote_role=str(experts.id))
        await asked(stage, ann)
        refused = await ann.slash(stage.channel, "open")
        assert "only members with a certain role may vote" in stage.shown(refused.response)
        assert "[alone](https://discord.com/channels/@me/" in stage.shown((await ann.user.slash("open")).response)


# --- the notice of a close


def pings(stage: Stage) -> list[list[int]]:
    """Whom each message of the bot in the channel was allowed to ping."""
    posted = [call.json for call in calls(stage, "POST", f"/channels/{stage.channel.id}/messages")]
    return [body["allowed_mentions"].get("users", []) for body in posted]


async def test_who_wants_it_is_pinged_when_a_vote_closes(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_quorum=2) as stage:
        ann, bob, eve = (stage.member(name) for name in ("ann", "bob", "eve"))
        assert "You are not pinged" in stage.shown((await ann.slash(stage.channel, "notify")).response)
        for who in (ann, bob, eve):
            assert "You are pinged in a reply" in stage.shown((await who.slash(stage.channel, "notify", on=True)).response)
        duel = await asked(stage, ann)
        await bob.click(duel, label="Tie")
        await eve.click(duel, label="Tie")
        news = stage.last()
        assert stage.shown(news).startswith(f"{ann.mention}, {bob.mention}, the vote on “hello” has closed.")
        assert news.reference.message_id == duel.id
        assert sorted(pings(stage)[-1]) == sorted([ann.id, bob.id]), "not whose vote closed it: she sees it"
        assert "You are not pinged" in stage.shown((await ann.slash(stage.channel, "notify", on=False)).response)
        duel = await asked(stage, ann, "again")
        await eve.click(duel, label="Tie")
        await bob.click(duel, label="Tie")
        assert stage.shown(stage.last()).startswith(f"{eve.mention}, {ann.mention}, the vote on “again” has closed.")
        assert pings(stage)[-1] == [eve.id], "ann is named, and hears no sound"


async def test_voters_are_pinged_also_where_the_asker_closes_it_and_a_forgotten_one_never(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_deadline_hours=1.0) as stage:
        ann, bob = stage.member("ann"), stage.member("bob")
        await bob.slash(stage.channel, "notify", on=True)
        duel = await asked(stage, ann)
        await bob.click(duel, label="Tie")
        await ann.click(duel, label="Close the vote")
        assert stage.shown(stage.last()).startswith(f"{bob.mention}, the vote on “hello” has closed.")
        duel = await asked(stage, ann, "late")
        await bob.click(duel, label="Tie")
        await bob.click((await bob.slash(stage.channel, "forget")).response, label="Delete")
        stage.clock.ahead = timedelta(hours=2)
        await stage.env.advance_time(11)
        assert stage.shown(stage.last()).startswith(f"{ann.mention}, the vote on “late” has closed.") and pings(stage)[-1] == []


# --- moderators


async def test_a_moderator_closes_a_vote_and_its_asker_is_told(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann, bob, mod = stage.member("ann"), stage.member("bob"), moderator(stage)
        duel = await asked(stage, ann)
        await bob.click(duel, label="Tie")
        refused = await bob.click(duel, label="Close the vote")
        assert "Only the one who asked, or a moderator, can close this vote." in stage.shown(refused.followups[0])
        await mod.click(duel, label="Close the vote")
        assert "1 vote: tie." in stage.shown(duel) and "closed by hand" in stage.shown(duel)
        assert stage.shown(stage.last()).startswith(f"{ann.mention}, the vote on “hello” has closed.")


async def test_a_moderator_removes_a_duel_with_its_texts_and_so_does_its_asker(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_quorum=1) as stage:
        ann, bob, mod = stage.member("ann"), stage.member("bob"), moderator(stage)
        message = await ann.send(stage.channel, f"{stage.mention} spam")
        duel = stage.last()
        refused = await bob.context_menu(stage.channel, "Remove this duel", duel)
        assert "Only the one who asked, or a moderator" in stage.shown(refused.response)
        done = await mod.context_menu(stage.channel, "Remove this duel", duel)
        assert done.ephemeral and "Removed:" in stage.shown(done.response)
        assert [each.id for each in stage.channel.history()] == [message.id], "the bot's own message is gone, people's are theirs"
        closed = await voted(stage, ann, "private matter", "Tie")
        await ann.context_menu(stage.channel, "Remove this duel", closed)
        assert [(each.request, each.state, each.ballots) for each in await stage.app.looking.history()] == [
            ("", "closed", 1),
            ("", "void", 0),
        ]
        async with stage.app.core.store.reading() as look:
            assert {row["text"] for row in await look.rows("SELECT text FROM answers")} == {""}
        none = await mod.context_menu(stage.channel, "Remove this duel", message)
        assert "Removed" in stage.shown(none.response), "the message that asked leads to its duel, too; twice is no error"
        talk = await bob.send(stage.channel, "just talk")
        assert "shows no duel" in stage.shown((await mod.context_menu(stage.channel, "Remove this duel", talk)).response)


async def test_what_is_being_answered_is_stopped_and_removed_and_what_cannot_be_deleted_loses_its_texts(tmp_path: Path) -> None:
    async with staged(tmp_path, lambda _: Script(("Once ", "|", "upon"))) as stage:
        ann, mod = stage.member("ann"), moderator(stage)
        duel = await asked(stage, ann)
        stage.env.inject_error("DELETE", "/channels/*/messages/*", status=403, code=50013)
        await mod.context_menu(stage.channel, "Remove this duel", duel)
        [summary] = await stage.app.looking.history()
        assert (summary.state, summary.request) == ("void", "")
        await stage.env.advance_time(11)
        assert "Once" not in stage.shown(duel) and "*(deleted)*" in stage.shown(duel)
