"""The loopback Discord's threads, edits, roles, pings and the content intent, shown with a small discord.py client."""

from typing import Any

import discord
import pytest
from discord import ui

from tests.loopback.actors import Person
from tests.loopback.client import small_bot
from tests.loopback.server import Loopback
from tests.loopback.test_loopback import stage
from tests.loopback.world import TEXT, THREAD


def threads_of(channel: int, message: int) -> discord.http.Route:
    route = "/channels/{channel_id}/messages/{message_id}/threads"
    return discord.http.Route("POST", route, channel_id=channel, message_id=message)


async def test_the_bot_opens_one_thread_on_a_message_and_none_within_it() -> None:
    opened: list[discord.Thread] = []
    codes: list[int] = []

    async def answer(message: discord.Message) -> None:
        if message.type is discord.MessageType.thread_starter_message:
            return
        if isinstance(message.channel, discord.Thread):
            assert message.channel.owner_id == at.discord.world.bot.id
            route = threads_of(message.channel.id, message.id)
        else:
            opened.append(await message.create_thread(name="talk", auto_archive_duration=60))
            await opened[0].send("in it")
            route = threads_of(message.channel.id, message.id)
        try:
            await at.bot.http.request(route, json={"name": "again"})
        except discord.HTTPException as error:
            codes.append(error.code)
        at.discord.world.changes.tell()

    async with stage({"message": answer}) as at:
        posted = await at.ada.mention(at.general, "hello")
        thread = await at.discord.world.changes.until(lambda: at.discord.world.channels.get(posted.id), "a thread")
        assert (thread.kind, thread.owner, thread.parent) == (THREAD, at.discord.world.bot, at.general)
        await at.ada.sees(thread, lambda note: note.text == "in it")
        await at.ada.mention(thread, "and here")
        await at.discord.world.changes.until(lambda: len(codes) == 2, "two refusals")
        assert sorted(codes) == [50024, 160004]
        [call] = [call for call in at.discord.calls_to("POST", "/threads") if call.status == 201]
        assert call.body["name"] == "talk" and (opened[0].id, opened[0].auto_archive_duration) == (posted.id, 60)
        starter = next(heard for heard in at.bot.heard if heard.type is discord.MessageType.thread_starter_message)
        assert (starter.id, starter.channel.id, starter.content) == (posted.id, posted.id, "")
        assert at.discord.complaints() == []


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"name": "n" * 101}, "thread name: 101 characters"),
        ({"name": " "}, "thread name"),
        ({"name": "n", "auto_archive_duration": 7}, "auto_archive_duration 7"),
        ({"name": "n", "rate_limit_per_user": 21_601}, "rate_limit_per_user 21601"),
        ({"name": "n", "type": 12}, "a thread on a message takes no type"),
    ],
)
async def test_a_thread_that_is_wrong_is_refused_and_recorded(body: dict[str, Any], wrong: str) -> None:
    async with stage() as at:
        posted = await at.ada.mention(at.general, "hello")
        with pytest.raises(discord.HTTPException) as refused:
            await at.bot.http.request(threads_of(at.general.id, posted.id), json=body)
        assert refused.value.code == 50035
        assert any(wrong in words for words in at.discord.complaints()), at.discord.complaints()
        assert [channel.kind for channel in at.discord.world.channels.values()] == [TEXT]


async def test_an_edited_message_is_told_and_only_its_author_edits_it() -> None:
    edits: list[discord.RawMessageUpdateEvent] = []

    async with stage() as at:

        async def on_raw_message_edit(payload: discord.RawMessageUpdateEvent) -> None:
            edits.append(payload)
            at.discord.world.changes.tell()

        at.bot.event(on_raw_message_edit)
        posted = await at.ada.mention(at.general, "tee")
        await at.ada.edit(posted, f"<@{at.discord.world.bot.id}> tea")
        await at.discord.world.changes.until(lambda: edits, "an edit")
        assert edits[0].message.content.endswith("tea") and edits[0].message.edited_at is not None
        await at.ada.edit(posted, "not for the bot")
        await at.discord.world.changes.until(lambda: len(edits) == 2, "an edit")
        assert edits[1].message.content == ""
        with pytest.raises(AssertionError, match="Bob did not write"):
            await Person(at.discord, "Bob").edit(posted, "mine")


@pytest.mark.parametrize("asks", [True, False])
async def test_words_for_others_are_told_to_who_asked_for_the_content_intent(asks: bool) -> None:
    async with Loopback.open() as loopback:
        loopback.world.content_intent_in_portal = True
        ada, intents = Person(loopback, "Ada"), discord.Intents.default()
        intents.message_content = asks
        general = loopback.world.channel(loopback.world.guild("Team", ada.user), "general")
        async with small_bot(loopback, {}, intents=intents) as bot:
            await ada.post(general, "a secret")
            await loopback.world.changes.until(lambda: bot.heard, "a message")
            assert bot.heard[0].content == ("a secret" if asks else "")


async def test_roles_give_permissions_and_pings_go_to_who_is_named() -> None:
    seen: list[tuple[str, bool, bool]] = []

    async def ask(interaction: discord.Interaction, text: str, file: object) -> None:
        assert isinstance(interaction.user, discord.Member) and isinstance(interaction.channel, discord.TextChannel)
        here = interaction.channel.permissions_for(interaction.user).manage_messages
        seen.append((interaction.user.name, interaction.permissions.manage_messages, here))
        one = discord.AllowedMentions(everyone=False, roles=False, users=[interaction.user], replied_user=False)
        await interaction.response.send_message(f"<@{interaction.user.id}> <@{ada.user.id}>", allowed_mentions=one)

    async with Loopback.open() as loopback:
        ada, mod, bob = (Person(loopback, name) for name in ("Ada", "Mod", "Bob"))
        team = loopback.world.guild("Team", ada.user)
        mod.join(team, loopback.world.role(team, "moderators", discord.Permissions(manage_messages=True).value))
        bob.join(team, loopback.world.role(team, "nobodies"))
        general = loopback.world.channel(team, "general")
        async with small_bot(loopback, {"ask": ask}):
            await loopback.world.changes.until(lambda: loopback.world.commands, "commands")
            for who in (mod, bob):
                note = await (await who.slash(general, "ask", text="x")).answered()
                assert note.pinged == [who.user.name], "and nobody else whose name is in it"
        assert seen == [("mod", True, True), ("bob", False, False)]
        assert loopback.complaints() == []


async def test_a_form_takes_what_discords_own_client_sends() -> None:
    class Short(ui.Modal, title="Short"):
        word = ui.Label[Any](text="Word", component=ui.TextInput(custom_id="word", max_length=5))

    async def ask(interaction: discord.Interaction, text: str, file: object) -> None:
        await interaction.response.send_modal(Short())

    async with stage({"ask": ask}) as at:
        opened = await (await at.ada.slash(at.general, "ask", text="x")).acknowledged()
        for typed in ("", "too long"):
            with pytest.raises(AssertionError, match="word takes no text"):
                await at.ada.submit(opened, word=typed)
