"""What a team does together over real sockets: where and how often the bot answers, threads, what follows a duel, moderators."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.ballots import Choice
from bot.words import CHOICES
from tests.bot.scripted import own_adapter
from tests.bot.socket_stage import Stage, assert_clean, assert_sound, built, closed, streaming, votable
from tests.loopback import Person
from tests.loopback.gateway import CONTENT
from tests.loopback.world import Channel, Guild, Message

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.process]
LEFT, TIE = CHOICES[Choice.LEFT], CHOICES[Choice.TIE]
MANAGE_MESSAGES = 1 << 13  # a permission of Discord's


@dataclass(frozen=True, slots=True)
class Crew:
    """A server of one scene's own, for what is settled holds for a server: two channels, an admin, three members, one who moderates."""

    guild: Guild
    place: Channel
    other: Channel
    boss: Person
    ann: Person
    bob: Person
    eve: Person
    mod: Person
    newcomers: int  # id of a role that nobody has yet


def crew(stage: Stage, name: str) -> Crew:
    world = stage.discord.world
    boss, ann, bob, eve, mod = (Person(stage.discord, f"{each} of {name}") for each in ("Boss", "Ann", "Bob", "Eve", "Mod"))
    guild = world.guild(name, boss.user)
    for member in (ann, bob, eve):
        member.join(guild)
    mod.join(guild, world.role(guild, "moderators", MANAGE_MESSAGES))
    place, other = (world.channel(guild, channel) for channel in ("place", "other"))
    return Crew(guild, place, other, boss, ann, bob, eve, mod, world.role(guild, "newcomers"))


async def told(who: Person, channel: Channel, command: str, /, **options: Any) -> Message:
    """What a command is answered with, to its sender alone."""
    note = await (await who.slash(channel, command, **options)).answered(what=f"an answer to /{command}")
    assert note.ephemeral, f"/{command}: {note.text}"
    return note


async def settled(crew: Crew, **options: Any) -> str:
    return (await told(crew.boss, crew.place, "settings", **options)).text


async def asked(who: Person, where: Channel, request: str, **options: Any) -> Message:
    """A duel that can be voted on, asked by command: that costs the channel no message."""
    return await (await who.slash(where, "compare", request=request, **options)).answered(votable, "two answers")


async def ended(who: Person, note: Message, *, wait_for: Callable[[Message], bool] = closed) -> Message:
    """A duel once its vote has closed."""
    return await who.sees(note.channel, lambda found: found is note and wait_for(found), "the reveal")


def duels_of(stage: Stage, crew: Crew) -> list[str]:
    """Requests of the duels in a server, in the order in which they were asked."""
    return [
        row[0]
        for row in stage.stored(f"SELECT request FROM duels JOIN posts ON duel = duels.id WHERE team = '{crew.guild.id}' ORDER BY asked_at")
    ]


def in_public(stage: Stage, channel: Channel) -> list[Message]:
    return [note for note in stage.discord.world.of_bot(channel) if not note.ephemeral]


# --- where the bot answers, and what asks


async def requests_are_taken_in_the_channels_that_an_admin_names(stage: Stage, crew: Crew) -> None:
    assert "I take requests: in every channel that I can see" in await settled(crew)
    assert f"I take requests: <#{crew.place.id}>" in await settled(crew, add_channel=crew.place)
    await crew.ann.mention(crew.other, "hello")
    said = await crew.ann.sees(stage.discord.world.dm(crew.ann.user), lambda note: "I answer in certain channels only" in note.text)
    assert f"<#{crew.place.id}>" in said.text
    assert in_public(stage, crew.other) == [], "not a word in a channel that is closed to it"
    refused = await crew.ann.slash(crew.other, "compare", request="hello")
    assert (await refused.answered(lambda note: "in certain channels only" in note.text)).ephemeral
    thread = await crew.ann.start_thread(crew.place, "talk")
    await crew.ann.answer_to(await crew.ann.mention(thread, "in a thread of it"), votable)
    assert "I take requests: in every channel" in await settled(crew, remove_channel=crew.place)
    await crew.ann.answer_to(await crew.ann.mention(crew.other, "now here, too"), votable)
    assert duels_of(stage, crew) == ["in a thread of it", "now here, too"]


async def direct_messages_are_switched_off_and_on_by_who_owns_the_bot(stage: Stage, crew: Crew) -> None:
    owner, office, alone = stage.ada, stage.channel(), stage.discord.world.dm(crew.ann.user)
    assert "by whoever owns this bot at Discord" in await settled(crew, direct_messages=False)
    assert "Direct messages: not answered" in (await told(owner, office, "settings", direct_messages=False)).text
    await crew.ann.dm("hello")
    await crew.ann.sees(alone, lambda note: "Direct messages to me are switched off." in note.text)
    refused = await crew.ann.slash(alone, "compare", request="hello")
    await refused.answered(lambda note: "Direct messages to me are switched off." in note.text)
    assert "Direct messages: answered" in (await told(owner, office, "settings", direct_messages=True)).text
    await crew.ann.dm("hello again")
    await crew.ann.sees(alone, votable)
    duels = stage.stored(f"SELECT request FROM duels JOIN posts ON duel = duels.id WHERE channel = '{alone.id}'")
    assert duels == [("hello again",)]


async def a_reply_that_only_talks_costs_no_duel(stage: Stage, crew: Crew) -> None:
    duel = await crew.ann.answer_to(await crew.ann.mention(crew.place, "echo one"), votable)
    talk = await crew.bob.post(crew.place, "echo, I think A is nicer", reply_to=duel)
    named = await crew.bob.answer_to(await crew.bob.post(crew.place, "Duelbot, echo in French?", reply_to=duel), votable)
    assert twice(named, "user: echo one", "user: echo in French?")
    assert "A reply to my messages asks: always" in await settled(crew, replies="all")
    plain = await crew.bob.answer_to(await crew.bob.post(crew.place, "echo in Danish?", reply_to=duel), votable)
    assert twice(plain, "user: echo one", "user: echo in Danish?")
    assert stage.discord.world.answers_to(talk) == []
    assert duels_of(stage, crew) == ["echo one", "echo in French?", "echo in Danish?"]


def twice(note: Message, *words: str) -> bool:
    """Whether both sides were told all of this."""
    return all(note.text.count(each) == 2 for each in words)


async def a_mention_opens_a_thread_in_which_plain_messages_go_on(stage: Stage, crew: Crew) -> None:
    world = stage.discord.world
    assert "A mention in a channel is answered in a thread of its own" in await settled(crew, threads=True)
    posted = await crew.ann.mention(crew.place, "echo one")
    thread = await stage.until(lambda: world.channels.get(posted.id), "a thread on the message")
    assert (thread.name, thread.owner, thread.parent) == ("echo one", world.bot, crew.place)
    first = await crew.ann.sees(thread, votable)
    said = await crew.bob.post(thread, "echo two")
    await crew.bob.sees(thread, lambda note: votable(note) and twice(note, "user: echo one", "user: echo two"))
    await crew.ann.post(thread, "I like it", reply_to=said)
    await crew.ann.post(thread, f"<@{crew.bob.user.id}> what do you think?")
    await crew.bob.post(crew.place, "plain words outside of the thread")
    await crew.ann.post(thread, "echo three", reply_to=first)
    branch = await crew.ann.sees(thread, lambda note: votable(note) and twice(note, "user: echo three"))
    assert twice(branch, "user: echo one") and "echo two" not in branch.text, "a reply to an earlier answer branches off"
    assert duels_of(stage, crew) == ["echo one", "echo two", "echo three"], "what people say to one another asks nothing"
    assert in_public(stage, crew.place) == []


async def where_no_thread_may_be_opened_it_answers_in_the_channel(stage: Stage, crew: Crew) -> None:
    await settled(crew, threads=True)
    refused = stage.discord.faults.want("POST", f"/channels/{crew.place.id}/messages/[0-9]+/threads$", 403)
    await crew.ann.answer_to(await crew.ann.mention(crew.place, "hello"), votable)
    assert refused.met == 1


async def limits_hold_for_roles(stage: Stage, crew: Crew) -> None:
    crew.eve.join(crew.guild, crew.newcomers)
    said = await told(crew.boss, crew.place, "limits", role=crew.newcomers, per_day=1)
    assert f"- <@&{crew.newcomers}>: **1** in 24 hours" in said.text
    await asked(crew.eve, crew.place, "one")
    await crew.eve.answer_to(await crew.eve.mention(crew.place, "two"), lambda note: "1 is the limit" in note.text)
    refused = await crew.eve.slash(crew.place, "compare", request="three")
    assert (await refused.answered(lambda note: "You have asked 1 request within 24 hours" in note.text)).ephemeral
    for number in range(2):
        await asked(crew.bob, crew.place, f"nobody else is limited: {number}")
    assert "/limits holds for 1 role" in await settled(crew)
    assert f"<@&{crew.newcomers}>" not in (await told(crew.boss, crew.place, "limits", role=crew.newcomers, remove=True)).text
    await asked(crew.eve, crew.place, "three")


# --- who meets


async def a_recipe_is_edited_in_its_form_and_a_channel_has_one_of_its_own(stage: Stage, crew: Crew) -> None:
    await settled(crew, quorum=1)
    assert "permission Manage Server" in (await told(crew.ann, crew.place, "recipe edit")).text
    opened = await (await crew.boss.slash(crew.place, "recipe edit")).acknowledged()
    typed = {"system": "Brief.", "template": "{request}", "reason": "shorter", "use": "yes"}
    said = await (await crew.boss.submit(opened, **typed)).answered()
    assert said.ephemeral and "house 2 is kept. It answers here from now on" in said.text
    used = await told(crew.boss, crew.other, "recipe use", name="plain", where="this channel")
    assert "the recipe plain 1 in this channel and its threads" in used.text
    assert f"- In <#{crew.other.id}>: recipe plain@1" in await settled(crew)
    here, there = [await asked(crew.ann, where, "echo hello") for where in (crew.place, crew.other)]
    assert here.text.count("system: Brief.") == 1 and "system:" not in there.text
    for note, name in ((here, "recipe house 2"), (there, "recipe plain 1")):
        await crew.bob.click(note, TIE)
        assert name in (await ended(crew.ann, note)).text
    await told(crew.boss, crew.other, "recipe use", where="this channel")
    assert (await asked(crew.ann, crew.other, "echo hello")).text.count("system: Brief.") == 1, "the server's again"


async def a_channel_has_an_adapter_of_its_own(stage: Stage, crew: Crew) -> None:
    await settled(crew, quorum=1)
    assert "admins (permission Manage Server)" in (await told(crew.ann, crew.place, "adapter use", name="support")).text
    used = await told(crew.boss, crew.place, "adapter use", name="support", where="this channel")
    assert "the adapter support@1 in this channel and its threads" in used.text
    assert "- support@1 · **used here**" in (await told(crew.ann, crew.place, "adapter list")).text
    assert "- demo@1 · **used here**" in (await told(crew.ann, crew.other, "adapter list")).text
    thread = await crew.ann.start_thread(crew.place, "talk")
    for where, name in ((crew.place, "adapter support 1"), (thread, "adapter support 1"), (crew.other, "adapter demo 1")):
        note = await asked(crew.ann, where, "hello")
        await crew.bob.click(note, TIE)
        assert name in (await ended(crew.ann, note)).text


async def answers_that_name_themselves_are_flagged_and_leave_the_evidence(stage: Stage, crew: Crew) -> None:
    await settled(crew, quorum=1)
    for request in ("confess", "hello"):
        note = await asked(crew.ann, crew.place, request)
        assert "says which side it is" not in note.text, "nothing before the close"
        await crew.bob.click(note, LEFT)
        await ended(crew.ann, note)
        flagged = "One answer says which side it is (“as the fine-tuned model”), so this does not count for the verdict." in note.text
        assert flagged == (request == "confess"), note.text
    found = await (await crew.ann.slash(crew.place, "verdict")).answered(lambda note: "says which side it is" in note.text)
    assert "In 1 duel an answer says which side it is; that is not counted." in found.text


# --- after a request


async def any_duel_can_be_asked_again_open_or_closed(stage: Stage, crew: Crew) -> None:
    await settled(crew, quorum=1)
    first = await crew.ann.answer_to(await crew.ann.mention(crew.place, "echo one"), votable)
    second = await crew.ann.answer_to(await crew.ann.mention(crew.place, "echo two", reply_to=first), votable)
    again = await (await crew.bob.click(second, "Ask again")).answered(votable, "two answers")
    assert again.text.startswith(f"-# <@{crew.bob.user.id}> asked\n> echo two"), "while its vote is open"
    assert twice(again, "user: echo one", "user: echo two"), "with what was said before it"
    await crew.bob.click(second, TIE)
    await ended(crew.ann, second, wait_for=lambda found: closed(found) and "Ask again" in found.labels)
    later = await (await crew.ann.click(second, "Ask again")).answered(votable, "two answers")
    assert twice(later, "user: echo one", "user: echo two")
    people = [f"discord:{who.user.id}" for who in (crew.ann, crew.ann, crew.bob, crew.ann)]
    rows = stage.stored(f"SELECT asker FROM duels JOIN posts ON duel = duels.id WHERE team = '{crew.guild.id}' ORDER BY asked_at")
    assert [asker for (asker,) in rows] == people


async def an_edited_request_is_offered_and_asked_once(stage: Stage, crew: Crew) -> None:
    posted = await crew.ann.mention(crew.place, "echo: is tee good?")
    duel = await crew.ann.answer_to(posted, votable)
    assert "Ask the edited one" not in duel.labels
    mention = f"<@{stage.discord.world.bot.id}>"
    for words, offered in (("echo: is tea good?", True), ("echo: is tee good?", False), ("echo: is tea good?", True)):
        await crew.ann.edit(posted, f"{mention} {words}")
        await crew.ann.sees(crew.place, offering(duel, offered))
    again = await (await crew.ann.click(duel, "Ask the edited one")).answered(votable, "two answers")
    assert twice(again, "user: echo: is tea good?") and "tee" not in again.text
    await crew.ann.sees(crew.place, offering(duel, False))
    other = await crew.bob.post(crew.place, "nothing for the bot")
    await crew.bob.edit(other, f"{mention} but now it is")
    await asked(crew.bob, crew.place, "the last one")
    assert duels_of(stage, crew) == ["echo: is tee good?", "echo: is tea good?", "the last one"], "an edit by itself asks nothing"


def offering(duel: Message, offered: bool) -> Callable[[Message], bool]:
    """Whether a duel's message offers to ask the edited request."""
    return lambda note: note is duel and ("Ask the edited one" in note.labels) == offered


async def open_lists_what_one_can_still_vote_on(stage: Stage, crew: Crew) -> None:
    assert "Nothing: you have voted on all that is open here" in (await told(crew.ann, crew.place, "open")).text
    one, two = await asked(crew.ann, crew.place, "one"), await asked(crew.ann, crew.other, "two")
    alone = await asked(crew.ann, crew.place, "mine alone", visible="me")
    assert alone.ephemeral
    await (await crew.ann.click(one, TIE)).answered()
    seen = (await told(crew.bob, crew.place, "open")).text
    assert seen.startswith("### 2 duels waiting for your vote\n") and "mine alone" not in seen
    assert f"[one]({one.link})" in seen and f"[two]({two.link})" in seen
    assert "1 of 2 have voted" in seen and "0 of 2 have voted" in seen
    mine = (await told(crew.ann, crew.place, "open")).text
    assert "[two](" in mine and "mine alone" in mine and "[one](" not in mine, "voted already"
    await crew.bob.click(one, TIE)
    await ended(crew.bob, one)
    assert (await told(crew.bob, crew.other, "open")).text.startswith("### 1 duel waiting for your vote\n")


async def who_wants_it_is_pinged_when_a_vote_closes(stage: Stage, crew: Crew) -> None:
    ann, bob, eve = crew.ann, crew.bob, crew.eve
    assert "You are not pinged" in (await told(ann, crew.place, "notify")).text
    assert "You are pinged in a reply" in (await told(ann, crew.place, "notify", on=True)).text
    asker = await news(crew, await asked(ann, crew.place, "one"), bob, eve)
    assert asker.text.startswith(f"<@{ann.user.id}>, the vote on “one” has closed.")
    assert asker.pinged == [ann.user.name]
    voter = await news(crew, await asked(bob, crew.place, "two"), ann, eve)
    assert voter.text.startswith(f"<@{ann.user.id}>, <@{bob.user.id}>, the vote on “two” has closed.")
    assert voter.pinged == [ann.user.name], "bob is named, and hears no sound"
    assert "You are not pinged" in (await told(ann, crew.place, "notify", on=False)).text
    assert (await news(crew, await asked(ann, crew.place, "three"), bob, eve)).pinged == []


async def news(crew: Crew, duel: Message, *voters: Person) -> Message:
    """The reply that tells of a close, after these have voted."""
    for voter in voters:
        await (await voter.click(duel, TIE)).answered()
    return await crew.boss.sees(duel.channel, lambda found: found.reference == duel.id, "the news of the close")


async def a_moderator_closes_a_vote_and_removes_a_duel(stage: Stage, crew: Crew) -> None:
    duel = await asked(crew.ann, crew.place, "hello")
    await (await crew.bob.click(duel, TIE)).answered()
    refused = await (await crew.bob.click(duel, "Close the vote")).answered()
    assert refused.ephemeral and "Only the one who asked, or a moderator, can close this vote." in refused.text
    await crew.mod.click(duel, "Close the vote")
    assert "closed by hand" in (await ended(crew.ann, duel)).text
    await crew.ann.sees(crew.place, lambda found: found.text.startswith(f"<@{crew.ann.user.id}>, the vote on “hello” has closed."))
    posted = await crew.ann.mention(crew.place, "spam")
    spam = await crew.ann.answer_to(posted, votable)
    refused = await (await crew.bob.menu(crew.place, "Remove this duel", spam)).answered()
    assert refused.ephemeral and "Only the one who asked, or a moderator" in refused.text
    done = await (await crew.mod.menu(crew.place, "Remove this duel", spam)).answered()
    assert done.ephemeral and done.text.startswith("Removed:")
    assert spam.deleted and not posted.deleted, "the bot's own message is gone, people's are theirs"
    await (await crew.ann.menu(crew.place, "Remove this duel", duel)).answered(lambda note: note.text.startswith("Removed:"))
    assert duel.deleted
    written = await (await crew.ann.slash(crew.place, "compare", request="slow 900")).answered(streaming, "a stream")
    await (await crew.mod.menu(crew.place, "Remove this duel", written)).answered(lambda note: note.text.startswith("Removed:"))
    assert written.deleted
    columns = "state, request, (SELECT count(*) FROM ballots WHERE ballots.duel = duels.id)"
    kept = f"SELECT {columns} FROM duels JOIN posts ON posts.duel = duels.id WHERE team = '{crew.guild.id}'"
    assert stage.stored(f"{kept} ORDER BY asked_at") == [("closed", "", 1), ("void", "", 0), ("void", "", 0)]


TOGETHER = (
    requests_are_taken_in_the_channels_that_an_admin_names,
    direct_messages_are_switched_off_and_on_by_who_owns_the_bot,
    a_reply_that_only_talks_costs_no_duel,
    a_mention_opens_a_thread_in_which_plain_messages_go_on,
    where_no_thread_may_be_opened_it_answers_in_the_channel,
    limits_hold_for_roles,
    a_recipe_is_edited_in_its_form_and_a_channel_has_one_of_its_own,
    a_channel_has_an_adapter_of_its_own,
    answers_that_name_themselves_are_flagged_and_leave_the_evidence,
    any_duel_can_be_asked_again_open_or_closed,
    an_edited_request_is_offered_and_asked_once,
    open_lists_what_one_can_still_vote_on,
    who_wants_it_is_pinged_when_a_vote_closes,
    a_moderator_closes_a_vote_and_removes_a_duel,
)
"""Scenes of one bot at the same time, each in a server of its own."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[tuple[Stage, dict[str, asyncio.Task[None]]], None]:
    """One bot, which may read plain messages and has an adapter beside the one in use, after all scenes."""
    folder = tmp_path_factory.mktemp("bot")
    own_adapter(folder / "loras")
    async with built(folder) as stage:
        stage.discord.world.content_intent_in_portal = True
        crews = [crew(stage, each.__name__) for each in TOGETHER]
        async with stage.running(DUEL_DISCORD_CONTENT_INTENT="true", DUEL_ADAPTERS=str(folder / "loras")):
            await stage.until(lambda: stage.discord.world.commands, "commands")
            tasks = {each.__name__: asyncio.create_task(each(stage, of)) for each, of in zip(TOGETHER, crews, strict=True)}
            await asyncio.wait(tasks.values())
            yield stage, tasks


@pytest.mark.parametrize("scene", [each.__name__ for each in TOGETHER])
async def test_while_others_are_served(played: tuple[Stage, dict[str, asyncio.Task[None]]], scene: str) -> None:
    played[1][scene].result()


async def test_all_of_it_was_to_discords_liking_and_pinged_only_who_wanted_it(played: tuple[Stage, object]) -> None:
    stage, _ = played
    assert stage.discord.gateway.identified[0].intents & CONTENT
    assert_sound(stage)
    wanted = f"Ann of {who_wants_it_is_pinged_when_a_vote_closes.__name__}"
    assert [note.pinged for note in stage.discord.world.messages.values() if note.pinged] == [[wanted], [wanted]]
    assert stage.bot.running, stage.bot.output


async def test_without_the_content_intent_a_thread_goes_on_by_mentions(tmp_path: Path) -> None:
    async with built(tmp_path) as stage:
        place, world = stage.channel(), stage.discord.world
        async with stage.running():
            await told(stage.ada, place, "settings", threads=True)
            posted = await stage.ada.mention(place, "echo one")
            thread = await stage.until(lambda: world.channels.get(posted.id), "a thread on the message")
            await stage.ada.sees(thread, votable)
            await stage.bob.post(thread, "echo two")
            await stage.bob.mention(thread, "echo three")
            await stage.bob.sees(thread, lambda note: votable(note) and twice(note, "user: echo one", "user: echo three"))
            assert stage.stored("SELECT request FROM duels ORDER BY asked_at") == [("echo one",), ("echo three",)]
            assert_clean(stage)
