"""What only sockets show: the unmodified bot, in its own process, on a loopback Discord."""

import asyncio
import json
import signal
from collections.abc import AsyncGenerator
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from bot.ballots import Choice
from bot.fronts.discord.layout import MOST_CHARACTERS
from bot.words import CHOICES
from tests.bot.socket_stage import Stage, assert_clean, built, closed, staged, streaming, votable
from tests.loopback import Person
from tests.loopback.actors import Attached
from tests.loopback.gateway import PRIVILEGED
from tests.loopback.world import Message
from tests.patience import patient

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.process]
LEFT, RIGHT = CHOICES[Choice.LEFT], CHOICES[Choice.RIGHT]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Stage, None]:
    """One bot for all tests that leave it running; each takes channels of its own."""
    async with staged(tmp_path_factory.mktemp("bot")) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def stage(shared: Stage) -> AsyncGenerator[Stage, None]:
    """And after each test: Discord had nothing to complain of, nobody was pinged, nothing went wrong unseen."""
    yield shared
    assert_clean(shared)
    assert shared.bot.running, shared.bot.output


async def test_the_bot_starts_beside_the_page_with_its_commands_and_without_privileged_intents(stage: Stage) -> None:
    await stage.until(lambda: stage.discord.world.commands, "commands")
    names = {command["name"] for command in stage.discord.world.commands.values()}
    assert {"compare", "Compare answers"} <= names
    assert not stage.discord.gateway.identified[0].intents & PRIVILEGED
    await stage.bot.says(stage.bot.page)
    assert "WARNING" not in stage.bot.output
    async with aiohttp.ClientSession() as session, session.get(stage.bot.page) as page:
        assert page.status == 200


async def a_mention_is_streamed_voted_on_and_revealed(stage: Stage) -> None:
    channel = stage.channel()
    posted = await stage.ada.mention(channel, "slow 40: prompt or fine-tune?")
    note = await stage.ada.answer_to(posted, votable)
    grown = [len(revision.text) for revision in note.revisions]
    assert len(grown) >= 3
    assert all(earlier <= later + 200 for earlier, later in pairwise(grown[:-1])), "the line below the answers may change, the answers grow"
    receipt = await (await stage.ada.click(note, LEFT)).answered()
    assert receipt.ephemeral
    assert LEFT in receipt.text
    await stage.ada.sees(channel, lambda found: found is note and "1 has voted" in found.text)
    assert not closed(note)
    await (await stage.bob.click(note, LEFT)).acknowledged()
    await stage.ada.sees(channel, lambda found: found is note and closed(found))
    assert "2 votes" in note.text
    assert LEFT not in note.labels


async def a_command_is_acknowledged_before_anything_else_happens(stage: Stage) -> None:
    channel = stage.channel()
    interaction = await stage.ada.slash(channel, "compare", request="Which one?")
    await interaction.acknowledged()
    first = next(call for call in stage.discord.calls if interaction.token in call.path or str(channel.id) in call.path)
    assert first.path.endswith("/callback")
    await interaction.answered(votable, "two answers")


async def a_direct_message_is_answered_and_one_ballot_closes_it(stage: Stage) -> None:
    posted = await stage.ada.dm("And in private?")
    note = await stage.ada.sees(posted.channel, votable)
    await stage.ada.click(note, RIGHT)
    await stage.ada.sees(posted.channel, closed)


async def edits_keep_the_pace_of_the_channel_and_the_last_one_lands(stage: Stage) -> None:
    channel = stage.channel()
    people = [Person(stage.discord, name).join(stage.team) for name in ("Cyd", "Dan", "Eve")]
    posted = [await person.mention(channel, "slow 90") for person in people]
    notes = [await stage.ada.answer_to(each, votable) for each in posted]
    for note in notes:
        assert "t89" in note.text
        assert "p89" in note.text
        words = [revision.text.count(" t") for revision in note.revisions]
        assert words == sorted(words), "an older state never replaces a newer one"
    calls = [call for call in stage.discord.calls if call.method in ("POST", "PATCH") and f"/channels/{channel.id}/messages" in call.path]
    moments = [call.at for call in calls if call.method == "PATCH"]
    assert all(later - earlier > 4.9 for earlier, later in zip(moments, moments[5:], strict=False)), "at most 5 edits within 5 s"
    partial = [call.at for call in calls if call.method == "PATCH" and LEFT not in str(call.body)]
    assert all(later - earlier > 1.0 for earlier, later in pairwise(partial)), "and no bursts of what is still being written"


async def a_message_whose_answer_was_lost_is_sent_once_and_brought_up_to_date(stage: Stage) -> None:
    channel = stage.channel()
    lost = stage.discord.faults.want("POST", f"/channels/{channel.id}/messages$", 503, when="after")
    posted = await stage.ada.mention(channel, "a short one")
    await stage.ada.answer_to(posted, votable)
    assert lost.met == 1
    assert len(stage.discord.world.of_bot(channel)) == 1


async def a_429_and_a_502_leave_a_whole_duel(stage: Stage) -> None:
    channel, faults = stage.channel(), stage.discord.faults
    wanted = [
        faults.want("PATCH", f"/channels/{channel.id}/messages/", 429, retry_after_s=0.3),
        faults.want("PATCH", f"/channels/{channel.id}/messages/", 502, when="after"),
    ]
    posted = await stage.ada.mention(channel, "slow 30")
    note = await stage.ada.answer_to(posted, votable)
    assert "t29" in note.text
    assert [fault.met for fault in wanted] == [1, 1]


async def a_deleted_message_stops_both_answers(stage: Stage) -> None:
    posted = await stage.ada.mention(stage.channel(), "slow 900 and then deleted")
    note = await stage.ada.answer_to(posted, streaming)
    await stage.ada.delete(note)
    async with asyncio.timeout(patient(20)):
        while stage.stored("SELECT state FROM duels WHERE request LIKE '%then deleted'") != [("void",)]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def it_works_where_only_a_person_has_installed_it(stage: Stage) -> None:
    elsewhere = stage.discord.world.channel(stage.discord.world.guild("Elsewhere", stage.bob.user), "far", bot_may=False)
    interaction = await stage.bob.slash(elsewhere, "compare", user_installed=True, request="slow 20")
    note = await interaction.answered(votable, "two answers")
    await stage.bob.click(note, LEFT)
    await interaction.answered(lambda found: "1 has voted" in found.text, "the count")
    await stage.ada.click(note, LEFT)
    await interaction.answered(closed, "the reveal")


async def long_answers_and_hostile_words_stay_within_the_limits(stage: Stage) -> None:
    channel = stage.channel()
    posted = await stage.ada.mention(channel, f"long @everyone <@{stage.bob.user.id}> https://example.org ``` attachment://x")
    note = await stage.ada.answer_to(posted, votable)
    assert MOST_CHARACTERS - 2000 < len(note.text) <= MOST_CHARACTERS + 50
    full = await (await stage.ada.click(note, "Full answers")).answered()
    assert full.ephemeral
    assert "number 119" in full.text or all(b"number 119" in stored.data for stored in full.files)


COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("help", {}),
    ("new", {}),
    ("verdict", {}),
    ("results", {"period": "week"}),
    ("history", {"search": "prompt"}),
    ("recipe list", {}),
    ("recipe show", {"name": "house"}),
    ("recipe use", {"name": "house"}),
    ("adapter list", {}),
    ("adapter info", {"name": "demo"}),
    ("settings", {"quorum": 5, "deadline_hours": 1.5}),
    ("settings", {"reset": True}),
    ("consent", {"agree": True}),
    ("settings", {"consent": True}),
    ("consent", {}),
    ("consent", {"agree": True}),
    ("consent", {"agree": False}),
    ("export", {"period": "year"}),
    ("forget", {}),
]


async def every_command_is_answered_within_the_limits(stage: Stage) -> None:
    place, cora = stage.elsewhere, stage.cora
    duel = await (await cora.slash(place, "compare", request="Prompt or fine-tune?", tag="first")).answered(votable)
    await (await cora.click(duel, LEFT)).answered()
    for name, options in COMMANDS:
        interaction = await cora.slash(place, name, **options)
        said = await interaction.answered(what=f"an answer to /{name}")
        assert (said.text or said.files) and "An error in Duelbot" not in said.text, f"/{name}: {said.text}"
    assert isinstance(await cora.autocomplete(place, "recipe show", "name", "ho"), list)
    assert isinstance(await cora.autocomplete(place, "history", "tag", ""), list)


async def menus_and_files_begin_duels(stage: Stage) -> None:
    place = stage.channel()
    posted = await stage.bob.post(place, "How do I sort 400 mails a day?")
    await (await stage.ada.menu(place, "Compare answers", posted)).answered(votable, "two answers")
    opened = await (await stage.ada.menu(place, "Compare with this context", posted)).acknowledged()
    await (await stage.ada.submit(opened, request="And what does it cost?")).answered(votable, "two answers")
    lines = "\n".join(json.dumps({"request": f"request {number}"}) for number in range(3))
    await stage.ada.slash(place, "compare", file=Attached("some.jsonl", lines.encode()))
    await stage.until(lambda: len([note for note in stage.discord.world.of_bot(place) if votable(note)]) == 5, "three more duels")


TOGETHER = (
    a_mention_is_streamed_voted_on_and_revealed,
    a_command_is_acknowledged_before_anything_else_happens,
    a_direct_message_is_answered_and_one_ballot_closes_it,
    edits_keep_the_pace_of_the_channel_and_the_last_one_lands,
    a_message_whose_answer_was_lost_is_sent_once_and_brought_up_to_date,
    a_429_and_a_502_leave_a_whole_duel,
    a_deleted_message_stops_both_answers,
    it_works_where_only_a_person_has_installed_it,
    long_answers_and_hostile_words_stay_within_the_limits,
    every_command_is_answered_within_the_limits,
    menus_and_files_begin_duels,
)
"""What one bot does for many people at the same time."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def together(shared: Stage) -> dict[str, asyncio.Task[None]]:
    tasks = {each.__name__: asyncio.create_task(each(shared)) for each in TOGETHER}
    await asyncio.wait(tasks.values())
    return tasks


@pytest.mark.parametrize("scene", [each.__name__ for each in TOGETHER])
async def test_while_others_are_served(stage: Stage, together: dict[str, asyncio.Task[None]], scene: str) -> None:
    together[scene].result()


async def test_a_dropped_connection_is_resumed_and_replayed_events_count_once(stage: Stage) -> None:
    channel, gateway = stage.channel(), stage.discord.gateway
    posted = await stage.ada.mention(channel, "slow 40 with a lost connection")
    note = await stage.ada.answer_to(posted, streaming)
    await drop_and_resume(stage)
    await stage.ada.answer_to(posted, votable)
    await (await stage.ada.click(note, LEFT)).answered()
    await stage.ada.autocomplete(channel, "compare", "recipe", "ho")
    await drop_and_resume(stage)
    await stage.ada.sees(channel, lambda found: found is note and "1 has voted" in found.text)
    later = await stage.ada.mention(channel, "after the replay")
    await stage.ada.answer_to(later, votable)
    assert len(stage.discord.world.answers_to(posted)) == 1
    assert len(gateway.identified) == 1
    assert stage.stored("SELECT count(*) FROM duels WHERE request LIKE '%lost connection'") == [(1,)]
    assert stage.stored("SELECT count(*) FROM ballots JOIN duels ON duel = duels.id WHERE request LIKE '%lost connection'") == [(1,)]


async def drop_and_resume(stage: Stage, replayed: int = 25) -> None:
    """Lose the connection; on its return the last events come again."""
    [session] = stage.discord.gateway.connected
    resumed, stage.discord.gateway.replays_seen = session.resumed, replayed
    await stage.discord.gateway.drop()
    await stage.until(lambda: session.resumed > resumed and session.socket, "a resume")
    stage.discord.gateway.replays_seen = 0


async def test_an_expired_token_is_followed_by_the_channel_route(stage: Stage) -> None:
    interaction = await stage.ada.slash(stage.channel(), "compare", request="slow 40")
    note = await interaction.answered(streaming, "a stream")
    stage.discord.world.skip(16 * 60)
    await stage.ada.sees(note.channel, lambda found: found is note and votable(found))
    assert any(
        str(note.id) in call.path and call.status == 200
        for call in stage.discord.calls_to("PATCH", "/channels/{channel_id}/messages/{message_id}")
    )


async def test_thirty_two_duels_at_once_are_acknowledged_within_a_second(stage: Stage) -> None:
    people = [Person(stage.discord, f"P{number}").join(stage.team) for number in range(32)]
    places = [stage.channel() for _ in range(4)]
    stage.discord.stalled_s = 0.0
    asked = [await person.slash(places[number % 4], "compare", request="slow 40") for number, person in enumerate(people)]
    notes: list[Message] = [await each.answered(votable, "two answers") for each in asked]
    assert len({note.id for note in notes}) == 32
    fair_s = patient(1.0) + stage.discord.stalled_s  # on a machine so busy that we ourselves had to wait, the bot may, too
    assert max(each.ack_s or 99.0 for each in asked) < fair_s
    [session] = stage.discord.gateway.connected
    assert session.longest_gap_s < stage.discord.gateway.heartbeat_s + fair_s


async def test_many_mentions_at_once_get_one_refusal(tmp_path: Path) -> None:
    async with built(tmp_path) as stage, stage.running(DUEL_DISCORD_PERSON_PER_MINUTE="2"):
        place = stage.channel()
        for number in range(25):
            await stage.ada.mention(place, f"number {number}")
        await stage.ada.sees(place, lambda found: "22 more messages of yours were not taken" in found.text, "the count")
        assert len(stage.discord.world.of_bot(place)) == 3
        refused = await stage.ada.slash(place, "compare", request="and a command")
        told = await refused.answered(lambda found: "2 is the limit" in found.text)
        assert told.ephemeral
        await stage.until(lambda: refused.original is None or refused.original.deleted, "nothing left in the channel")
        assert_clean(stage)


async def test_sigterm_in_mid_stream_ends_with_a_last_edit_and_refuses_in_words(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        notes = [
            await stage.ada.answer_to(await person.mention(stage.channel(), "slow 900"), streaming) for person in (stage.ada, stage.bob)
        ]
        stage.discord.faults.latency_s = 0.2  # so that leaving takes long enough for others to come too late
        stage.bot.process.send_signal(signal.SIGTERM)
        await stage.until(
            lambda: [call for call in stage.discord.calls_to("PATCH", "{message_id}") if "was stopped" in str(call.body)], "an end"
        )
        late = await stage.bob.slash(stage.channel(), "compare", request="too late")
        assert await stage.bot.ended() < 10
        assert stage.bot.process.returncode == 0
        assert [note.text for note in late.replies if "takes no new requests" in note.text]
        for note in notes:
            assert "Stop" not in note.labels
            assert "was stopped" in note.text
        assert stage.stored("SELECT DISTINCT state FROM duels") == [("void",)]
        assert_clean(stage)


async def test_what_the_gateway_tells_and_nobody_can_read_ends_nothing(tmp_path: Path) -> None:
    async with built(tmp_path) as stage:
        gateway, place, unread = stage.discord.gateway, stage.channel(), "An event {} from Discord cannot be read and is left out"
        async with stage.running() as bot:
            for event in ("MESSAGE_CREATE", "INTERACTION_CREATE", "GUILD_CREATE", "MESSAGE_DELETE", "THREAD_UPDATE"):
                gateway.tell(event, {"id": "not a number"}, place)
                await bot.says(unread.format(event))
            await stage.ada.answer_to(await stage.ada.mention(place, "after events that lack everything"), votable)
            assert len(gateway.identified) == 1, "the connection stays"
            [socket] = gateway.sockets
            await socket.send([])  # type: ignore[arg-type]
            await bot.says("The connection to Discord broke off. Trying again in 5 s.")
            await stage.until(lambda: len(gateway.identified) == 2, "a connection")
            await stage.ada.answer_to(await stage.ada.mention(place, "after a frame that is no event"), votable)
            assert bot.running


async def test_an_intent_that_the_portal_refuses_is_one_sentence(tmp_path: Path) -> None:
    async with built(tmp_path) as stage, stage.running(wait=False, DUEL_DISCORD_CONTENT_INTENT="true") as bot:
        await bot.says("Message Content Intent")
        assert "Traceback" not in bot.output


async def test_a_token_that_discord_refuses_is_one_sentence_without_the_token(tmp_path: Path) -> None:
    async with built(tmp_path) as stage, stage.running(wait=False, DISCORD_TOKEN="not.the.token") as bot:
        await bot.says("Discord refuses DISCORD_TOKEN")
        await bot.ended()
        assert bot.process.returncode == 2
        assert "Traceback" not in bot.output and "not.the.token" not in bot.output
