"""The loopback Discord keeps its word, shown with a small discord.py client."""

import asyncio
import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import discord
import pytest
from discord import ui

from tests.loopback.actors import Attached, Person
from tests.loopback.client import Card, Handler, SmallBot, small_bot
from tests.loopback.server import Loopback
from tests.loopback.world import Channel


@dataclass(slots=True)
class Stage:
    discord: Loopback
    bot: SmallBot
    ada: Person
    general: Channel


@asynccontextmanager
async def stage(handlers: dict[str, Handler] | None = None, **options: Any) -> AsyncGenerator[Stage, None]:
    """A server with one channel, one person and the small bot."""
    async with Loopback.open(**options) as loopback:
        ada = Person(loopback, "Ada")
        team = loopback.world.guild("Team", ada.user)
        general = loopback.world.channel(team, "general")
        async with small_bot(loopback, handlers or {}) as bot:
            yield Stage(loopback, bot, ada, general)


async def defer_then_edit(interaction: discord.Interaction, text: str, file: discord.Attachment | None) -> None:
    await interaction.response.defer()
    await interaction.edit_original_response(view=Card(f"You asked: {text}"))


async def test_a_command_is_deferred_and_then_edited_into_components() -> None:
    async with stage({"ask": defer_then_edit}) as at:
        interaction = await at.ada.slash(at.general, "ask", text="why?")
        await interaction.acknowledged()
        note = await interaction.answered()
        assert interaction.ack_kind == 5
        assert note.text == "You asked: why?"
        assert note.labels == ["Press"]
        assert at.discord.complaints() == []


async def test_a_button_is_pressed_and_its_message_changes() -> None:
    async def press(interaction: discord.Interaction) -> None:
        await interaction.response.edit_message(view=Card("Pressed", "Again"))

    async def ask(interaction: discord.Interaction, text: str, file: object) -> None:
        await interaction.response.send_message(view=Card(text))

    async with stage({"ask": ask, "press": press}) as at:
        note = await (await at.ada.slash(at.general, "ask", text="first")).answered()
        await (await at.ada.click(note, "Press")).acknowledged()
        assert note.labels == ["Again"]
        assert [revision.text for revision in note.revisions] == ["first", "Pressed"]


async def test_menus_and_autocomplete_and_files_arrive() -> None:
    async def ask(interaction: discord.Interaction, text: str, file: discord.Attachment | None) -> None:
        assert file is not None
        content = (await file.read()).decode()
        await interaction.response.send_message(content, file=discord.File(io.BytesIO(b"back"), "back.md"))

    async with stage({"ask": ask}) as at:
        posted = await at.ada.post(at.general, "take me")
        taken = await (await at.ada.menu(at.general, "Take this", posted)).answered()
        assert (taken.text, taken.ephemeral) == ("taken: take me", True)
        assert await at.ada.autocomplete(at.general, "ask", "text", "say") == ["say one", "say two"]
        note = await (await at.ada.slash(at.general, "ask", text="x", file=Attached("in.txt", b"from a file"))).answered()
        assert note.text == "from a file"
        assert [stored.name for stored in note.files] == ["back.md"]


async def test_a_429_is_waited_out_and_a_502_tried_again() -> None:
    async def answer(message: discord.Message) -> None:
        await message.reply("once", nonce="7")

    async with stage({"message": answer}) as at:
        limited = at.discord.faults.want("POST", "/messages$", 429, retry_after_s=0.1, skip=1)
        lost = at.discord.faults.want("POST", "/messages$", 502, when="after")
        posted = await at.ada.mention(at.general, "hello")
        await at.discord.world.changes.until(lambda: len(at.discord.calls_to("POST", "/messages")) == 3, "three tries")
        assert (limited.met, lost.met) == (1, 1)
        assert len(at.discord.world.answers_to(posted)) == 1, "the nonce keeps the second one away"


async def test_edits_over_the_limit_are_refused_and_the_headers_prevent_that() -> None:
    async def answer(message: discord.Message) -> None:
        note = await message.reply("0")
        for number in range(1, 8):
            await note.edit(content=str(number))

    async with stage({"message": answer}, windows=0.2) as at:
        posted = await at.ada.mention(at.general, "count")
        note = await at.ada.answer_to(posted, lambda note: note.text == "7")
        moments = [call.at for call in at.discord.calls_to("PATCH", "/messages/{message_id}")]
        assert all(later - earlier > 0.9 for earlier, later in zip(moments, moments[5:], strict=False))
        assert at.discord.throttled == []
        assert len(note.revisions) == 8


async def test_more_than_fifty_requests_in_a_second_are_refused_for_a_while() -> None:
    async with stage() as at:
        channels = [at.discord.world.channel(at.general.guild, f"c{number}") for number in range(60) if at.general.guild]
        send = at.bot.http.send_message
        async with asyncio.TaskGroup() as group:
            for channel in channels:
                group.create_task(send(channel.id, params=discord.http.handle_message_parameters("hi")))
        assert len(at.discord.world.of_bot()) == 60
        first = [call.at for call in at.discord.calls_to("POST", "/messages")[:60]]
        assert at.discord.throttled or first[-1] - first[0] > 1, "a machine may be too slow to ask too much"


async def test_a_dropped_connection_resumes_and_replays_what_was_missed() -> None:
    async with stage() as at:
        await at.ada.mention(at.general, "before")
        await heard(at, "before")
        at.discord.gateway.refuses = True
        await at.discord.gateway.drop()
        await at.discord.world.changes.until(lambda: not at.discord.gateway.connected, "the loss")
        await at.ada.mention(at.general, "meanwhile")
        at.discord.gateway.replays_seen = 1
        at.discord.gateway.refuses = False
        await at.discord.world.changes.until(lambda: any(s.resumed for s in at.discord.gateway.sessions.values()), "a resume")
        await heard(at, "meanwhile")
        assert [message.content.split()[-1] for message in at.bot.heard] == ["before", "before", "meanwhile"]
        assert len(at.discord.gateway.identified) == 1


async def heard(at: Stage, word: str) -> None:
    """Waits until the small bot has got a message with this word."""
    await at.discord.world.changes.until(lambda: any(word in message.content for message in at.bot.heard), f"a message with {word!r}")


async def test_an_invalid_session_identifies_again() -> None:
    async with stage() as at:
        await at.discord.gateway.invalidate()
        await at.discord.world.changes.until(lambda: len(at.discord.gateway.identified) == 2, "a second IDENTIFY")
        await at.ada.mention(at.general, "still there?")
        await heard(at, "still")


async def test_events_go_to_the_shard_of_their_server() -> None:
    async with stage(shards=2) as at:
        await at.ada.mention(at.general, "to my shard")
        await heard(at, "shard")
        told = {s.shard for s in at.discord.gateway.identified if any(frame["t"] == "MESSAGE_CREATE" for frame in s.kept)}
        assert at.general.guild is not None
        assert told == {(at.general.guild.id >> 22) % 2}


async def test_words_that_are_not_meant_for_the_bot_stay_hidden_from_it() -> None:
    async with stage() as at:
        await at.ada.post(at.general, "a secret")
        await at.ada.mention(at.general, "not a secret")
        await heard(at, "not a secret")
        assert at.bot.heard[0].content == ""


async def test_a_second_answer_and_a_late_answer_are_violations() -> None:
    refused: list[int] = []

    async def ask(interaction: discord.Interaction, text: str, file: object) -> None:
        if text == "late":
            at.discord.world.skip(4)
        await interaction.response.send_message("one")
        await interaction.client.http.request(
            discord.http.Route("POST", f"/interactions/{interaction.id}/{interaction.token}/callback"), json={"type": 5}
        )

    async def noted(*arguments: Any) -> None:
        try:
            await ask(*arguments)
        except discord.HTTPException as error:
            refused.append(error.code)
            at.discord.world.changes.tell()

    async with stage({"ask": noted}) as at:
        await at.ada.slash(at.general, "ask", text="twice")
        await at.discord.world.changes.until(lambda: len(refused) == 1, "a refusal")
        await at.ada.slash(at.general, "ask", text="late")
        await at.discord.world.changes.until(lambda: len(refused) == 2, "a refusal")
        assert refused == [40060, 10062]
        assert len(at.discord.complaints()) == 2


async def test_tokens_expire_and_old_messages_are_edited_slowly() -> None:
    codes: list[int] = []

    async def ask(interaction: discord.Interaction, text: str, file: object) -> None:
        await interaction.response.send_message("now")
        at.discord.world.skip(3700)
        try:
            await interaction.edit_original_response(content="later")
        except discord.HTTPException as error:
            codes.append(error.code)
        assert isinstance(interaction.channel, discord.TextChannel)
        note = interaction.channel.get_partial_message(at.discord.world.of_bot(at.general)[0].id)
        for number in range(4):
            await note.edit(content=f"edit {number}")

    async with stage({"ask": ask}, windows=0.2) as at:
        interaction = await at.ada.slash(at.general, "ask", text="old")
        await at.ada.sees(at.general, lambda note: note.text == "edit 3")
        assert codes == [50027]
        moments = [call.at for call in at.discord.calls_to("PATCH", "/channels/{channel_id}/messages/{message_id}")]
        assert moments[3] - moments[0] > 1.1, "3 per window"
        assert interaction.reply is not None


async def test_a_modal_is_opened_and_submitted() -> None:
    class Why(ui.Modal, title="Why?"):
        reason = ui.Label[Any](text="Reason", component=ui.TextInput(style=discord.TextStyle.paragraph))

        async def on_submit(self, interaction: discord.Interaction) -> None:
            assert isinstance(self.reason.component, ui.TextInput)
            await interaction.response.send_message(f"because {self.reason.component.value}", ephemeral=True)

    async def ask(interaction: discord.Interaction, text: str, file: object) -> None:
        await interaction.response.send_modal(Why())

    async with stage({"ask": ask}) as at:
        opened = await (await at.ada.slash(at.general, "ask", text="x")).acknowledged()
        note = await (await at.ada.submit(opened, Reason="it is cheaper")).answered()
        assert note.text == "because it is cheaper"
        assert at.discord.complaints() == []


async def test_where_only_a_person_has_installed_the_bot_it_answers_by_token_alone() -> None:
    codes: list[int] = []

    async def ask(interaction: discord.Interaction, text: str, file: object) -> None:
        await interaction.response.send_message("here")
        note = await interaction.original_response()
        for number in range(6):
            try:
                await interaction.followup.send(str(number))
            except discord.HTTPException as error:
                codes.append(error.code)
        try:
            await interaction.client.get_partial_messageable(at.general.id).get_partial_message(note.id).edit(content="by the channel")
        except discord.HTTPException as error:
            codes.append(error.code)
        at.discord.world.changes.tell()

    async with stage({"ask": ask}, windows=0.1) as at:
        at.general.bot_may = False
        interaction = await at.ada.slash(at.general, "ask", text="x", user_installed=True)
        await at.discord.world.changes.until(lambda: len(codes) == 2, "two refusals")
        assert codes == [40094, 50001]
        assert len(interaction.replies) == 6


async def test_deleted_and_ephemeral_messages_are_unknown_to_channel_routes() -> None:
    codes: list[int] = []

    async def answer(message: discord.Message) -> None:
        note = await message.reply("soon gone")
        await at.ada.delete(at.discord.world.messages[note.id])
        try:
            await note.edit(content="still?")
        except discord.HTTPException as error:
            codes.append(error.code)
        at.discord.world.changes.tell()

    async with stage({"message": answer}) as at:
        await at.ada.mention(await at.ada.start_thread(at.general, "a thread"), "hello")
        await at.discord.world.changes.until(lambda: codes, "a refusal")
        assert codes == [10008]
        assert isinstance(at.bot.heard[0].channel, discord.Thread)


async def test_who_is_pinged_is_known() -> None:
    async def answer(message: discord.Message) -> None:
        await message.reply("@everyone", allowed_mentions=discord.AllowedMentions.none())
        await message.reply("@everyone")

    async with stage({"message": answer}) as at:
        posted = await at.ada.mention(at.general, "hello")
        await at.discord.world.changes.until(lambda: len(at.discord.world.answers_to(posted)) == 2, "two replies")
        assert [note.pinged for note in at.discord.world.answers_to(posted)] == [[], ["@everyone", "Ada"]]


async def test_an_intent_that_the_portal_does_not_give_closes_the_connection() -> None:
    async with Loopback.open() as loopback:
        with pytest.raises(AssertionError, match="Shard ID 0 is requesting privileged intents"):
            async with small_bot(loopback, {}, intents=discord.Intents.all()):
                pass


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("4001 characters", {"flags": 1 << 15, "components": [{"type": 10, "content": "x" * 2000}, {"type": 10, "content": "y" * 2001}]}),
    ("41 components", {"flags": 1 << 15, "components": [{"type": 17, "components": [{"type": 10, "content": "x"}] * 40}]}),
    ("empty text display", {"flags": 1 << 15, "components": [{"type": 10, "content": ""}]}),
    ("content together", {"flags": 1 << 15, "content": "x", "components": [{"type": 10, "content": "x"}]}),
    ("without the components v2 flag", {"components": [{"type": 10, "content": "x"}]}),
    ("custom_id: 101", {"components": [{"type": 1, "components": [{"type": 2, "style": 1, "label": "x", "custom_id": "c" * 101}]}]}),
    ("is there 2 times", {"components": [{"type": 1, "components": [{"type": 2, "style": 1, "label": "x", "custom_id": "c"}] * 2}]}),
    ("button label: 81", {"components": [{"type": 1, "components": [{"type": 2, "style": 1, "label": "l" * 81, "custom_id": "c"}]}]}),
    ("1 to 5 buttons", {"components": [{"type": 1, "components": []}]}),
    (
        "26 select options",
        {"components": [{"type": 1, "components": [{"type": 3, "custom_id": "c", "options": [{"label": "a", "value": "b"}] * 26}]}]},
    ),
    ("names no file", {"flags": 1 << 15, "components": [{"type": 13, "file": {"url": "attachment://none.md"}}]}),
    ("at most 2000", {"content": "x" * 2001}),
    ("users named and all of them, too", {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}),
    ("2 users, at most 100 different ones", {"content": "x", "allowed_mentions": {"users": ["1", "1"]}}),
    ("parse ['people']", {"content": "x", "allowed_mentions": {"parse": ["people"]}}),
    ("flags 64", {"content": "x", "flags": 64}),
    ("Cannot send an empty message", {"content": "  "}),
]


async def test_every_hard_limit_is_refused_and_recorded() -> None:
    async with stage() as at:
        for expected, body in WRONG:
            at.discord.violations.clear()
            with pytest.raises(discord.HTTPException) as refused:
                await at.bot.http.request(
                    discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=at.general.id), json=body
                )
            assert refused.value.status == 400
            assert any(expected in words for words in at.discord.complaints()), (expected, at.discord.complaints())
            at.discord.buckets = type(at.discord.buckets)()
        assert at.discord.world.of_bot() == []


async def test_a_server_that_was_forgotten_stops_by_itself() -> None:
    async with Loopback.open(life_s=0.1) as loopback:
        for _ in range(500):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", loopback.port)
                writer.close()
            except ConnectionError:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it still listens")
