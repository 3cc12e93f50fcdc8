"""What people put in on Discord: ids, files, forwarded messages, the bot's role, too much at once, and texts that nobody expects."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import discord
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from simcord.backend.errors import OptionError

from bot.fronts.discord import messages
from bot.fronts.discord.commands.menus import form
from bot.fronts.discord.files import NoText, decoded, text_of
from bot.fronts.discord.names import without_ids
from bot.fronts.discord.repeats import Refusals
from engine.backends.scripted import Script
from engine.errors import BadRequest
from tests.bot.fronts.discord_stage import Stage, calls, staged, walk_components

pytestmark = pytest.mark.usefixtures("drawn_once")

LEFT_OUT = "Left out, for I read UTF-8 text only (at most 20,000 characters)"
PICTURE = ("shot.png", b"\x89PNG\xff\x00\x1a")
BOB = 222222222222222222


def prefilled(opened: Any) -> dict[str, str]:
    return {part["custom_id"]: part["value"] for part in walk_components(opened.modal["components"]) if part.get("value")}


def told_last(stage: Stage) -> list[str]:
    return [part.content for part in stage.backend.prompts[-1].messages if part.role == "user"]


# --- ids


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("Ask <@1> and <@!1> and <@2>.", "Ask @Ann and @Ann and @someone."),
        ("<@2> or <@3>? Not <@2>!", "@someone or @someone-2? Not @someone!"),
        ("<@&5> in <#7>, <@&6> in <#8>", "@team in #general, @some-role in #some-channel"),
        ("<:cat:99> <a:dance_1:98> </compare:97> </recipe show:96>", ":cat: :dance_1: /compare /recipe show"),
        ("https://discord.com/users/1 http://ptb.discordapp.com/users/2", "@Ann @someone"),
        ("<<@9>>", "<@someone>"),
        ("a < b, <@>, <@x>, 1 <2> 3, <t:1700000000:R>", "a < b, <@>, <@x>, 1 <2> 3, <t:1700000000:R>"),
        (f"<@{'9' * 5000}>", f"<@{'9' * 5000}>"),
    ],
)
def test_ids_become_names(typed: str, said: str) -> None:
    names = {("person", 1): "Ann", ("role", 5): "team", ("channel", 7): "general"}
    assert without_ids(typed, lambda kind, number: names.get((kind, number))) == said


@given(st.text(st.sampled_from("<@!&#>:a12/ "), max_size=80), st.text(st.sampled_from("<@!&#>12 "), max_size=40))
@example("<<@1>>", "2")
@example("<<<@1>>>", "<@2>")
def test_no_mark_is_left_whatever_people_are_called(typed: str, name: str) -> None:
    said = without_ids(typed, lambda kind, number: name)
    assert not re.search(r"<(@[!&]?|#)[0-9]+>", said)


async def test_nobodys_id_reaches_the_store_or_a_model_on_any_path(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_content_intent=True, discord_person_per_minute=100) as stage:
        ann, bob = stage.member("ann"), stage.member("bob")
        marks = f"<@{bob.id}> <@!{bob.id}> <@&123456789012345678> <#{stage.channel.id}> <:cat:876543210987654321> <@{BOB}>"
        said = "@bob @bob @some-role #general :cat: @someone"
        unknown = "@someone @someone @some-role #general :cat: @someone-2"
        await ann.send(stage.channel, f"{stage.mention} {marks}")
        assert told_last(stage) == [said]
        await ann.user.send_dm(f"{marks}")
        assert told_last(stage) == [said.replace("#general", "#some-channel")]
        earlier = await bob.send(stage.channel, f"before {marks}")
        await ann.send(stage.channel, f"{stage.mention} after", reply_to=earlier)
        assert told_last(stage) == [f"before {said}\n\nafter"]
        await ann.context_menu(stage.channel, "Compare answers", earlier)
        assert told_last(stage) == [f"before {said}"]
        opened = await ann.context_menu(stage.channel, "Compare with this context", earlier)
        await ann.submit_modal(opened, {"request": marks, **prefilled(opened)})
        assert told_last(stage) == [f"before {said}\n\n{unknown}"]
        await ann.slash(stage.channel, "compare", request=marks, tag=f"<@{bob.id}>", file=("notes.txt", marks.encode()))
        assert told_last(stage) == [f"{unknown}\n\n{unknown}"]
        await ann.slash(stage.channel, "compare", file=("all.jsonl", json.dumps({"request": marks}).encode()))
        assert told_last(stage) == [unknown]
        people = (ann.id, bob.id, BOB, 123456789012345678, 876543210987654321)
        texts = texts_of(stage)
        assert not [each for each in people if str(each) in texts]
        assert stage.mention not in texts


def texts_of(stage: Stage) -> str:
    """All that people wrote, as the store has it."""
    with closing(sqlite3.connect(stage.app.core.store.path)) as store, store:
        columns = ("SELECT request FROM duels", "SELECT tag FROM tags", "SELECT turns FROM prologues", "SELECT text FROM answers")
        return "\n".join(row[0] for sql in columns for row in store.execute(sql))


async def test_the_bots_name_stays_where_a_sentence_is_about_it(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        me = stage.mention
        await stage.member("ann").send(stage.channel, f"{me} {me} Is {me} better than a form? {me}")
        assert told_last(stage) == ["Is @TestBot better than a form?"]


# --- the bot's role, and forwarded messages


@pytest.mark.parametrize("intent", [True, False])
async def test_the_bots_own_role_is_heard_like_its_name(tmp_path: Path, intent: bool) -> None:
    async with staged(tmp_path, discord_content_intent=intent) as stage:
        ann, role, other = stage.member("ann"), stage.guild.create_role("TestBot"), stage.guild.create_role("others")
        with patch.object(discord.Guild, "self_role", property(lambda guild: guild.get_role(role.id))):
            await ann.send(stage.channel, f"<@&{other.id}> hello")
            assert len(stage.texts()) == 1
            await ann.send(stage.channel, f"<@&{role.id}> Prompt or fine-tune?")
            if intent:
                assert told_last(stage) == ["Prompt or fine-tune?"]
            else:
                assert stage.shown(stage.last()).startswith(messages.ROLE_ONLY), "Discord shows no text then, so nothing else would be true"


async def test_a_forwarded_messages_text_and_file_are_read(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann, bob = stage.member("ann"), stage.member("bob")
        told = await bob.send(stage.channel, f"We have <@{bob.id}> and 40 tickets.", attachments=[("more.log", b"and a log")])
        await ann.user.send_dm("first")
        await ann.forward(told, ann.user.dm_channel)
        assert told_last(stage)[-1] == "We have @someone and 40 tickets.\n\nand a log"
        forwarded = await bob.forward(told, stage.channel)
        await ann.context_menu(stage.channel, "Compare answers", forwarded)
        assert told_last(stage) == ["We have @someone and 40 tickets.\n\nand a log"]
        opened = await ann.context_menu(stage.channel, "Compare with this context", forwarded)
        assert prefilled(opened) == {"before": "We have @someone and 40 tickets."}


async def test_a_form_holds_what_a_field_can_hold_and_says_when_that_is_not_all() -> None:
    whole, cut = (walk_components(form(text).to_dict()["components"]) for text in ("a" * 4000, "a😀" * 2000))
    [(whole_label, whole_text), (cut_label, cut_text)] = (
        next((part["label"], part["component"]["value"]) for part in parts if part.get("component", {}).get("custom_id") == "before")
        for parts in (whole, cut)
    )
    assert (whole_label, whole_text) == ("The message", "a" * 4000)
    assert (cut_label, len(cut_text.encode("utf-16-le")) // 2) == ("The message, its beginning", 4000)


# --- files


@pytest.mark.parametrize("data", [b"const a = 1", b"\xef\xbb\xbfconst a = 1\r\n", "const ä = '😀'".encode()])
def test_text_is_known_by_its_bytes(data: bytes) -> None:
    assert decoded(data, "x") == data.decode("utf-8-sig").strip()


@pytest.mark.parametrize("data", [PICTURE[1], b"PK\x03\x04\x00", b"text\x00text", "Grüße".encode("latin-1")])
def test_what_is_no_text_is_known_by_its_bytes(data: bytes) -> None:
    with pytest.raises(NoText, match="I read text files only, in UTF-8; x is none"):
        decoded(data, "x")


def test_utf_16_is_refused_with_the_way_out() -> None:
    with pytest.raises(BadRequest, match="UTF-16\\. Save it as UTF-8") as refused:
        decoded("hello".encode("utf-16"), "notes.txt")
    assert not isinstance(refused.value, NoText), "it would be a text, so it is not passed over"


@pytest.mark.parametrize(
    ("name", "kind", "refused"),
    [
        ("clip.mp4", "video/mp4", NoText),
        ("report.pdf", "application/pdf", NoText),
        ("app.ts", "video/mp2t", BadRequest),
        ("server.log", None, BadRequest),
        ("data.json", "application/json; charset=utf-8", BadRequest),
    ],
)
async def test_a_file_that_is_too_large_to_look_into_is_not_fetched(name: str, kind: str | None, refused: type[Exception]) -> None:
    file: Any = SimpleNamespace(filename=name, content_type=kind, size=80_001)
    with pytest.raises(refused) as told:
        await text_of(file)
    assert type(told.value) is refused
    assert refused is NoText or "at most 20,000 characters" in str(told.value)


@pytest.mark.parametrize("name", ["app.ts", "conf.yaml", "a.js", "server.log", "Makefile", "picture.png"])
async def test_text_files_of_any_name_are_read(tmp_path: Path, name: str) -> None:
    async with staged(tmp_path) as stage:
        await stage.member("ann").send(stage.channel, f"{stage.mention} What is wrong?", attachments=[(name, b"\xef\xbb\xbfa = 1\n")])
        assert told_last(stage) == ["What is wrong?\n\na = 1"]


async def test_words_beside_a_picture_are_answered_and_everybody_reads_that_it_is_left_out(tmp_path: Path) -> None:
    left_out = f"-# {LEFT_OUT}: shot.png."
    async with staged(tmp_path, discord_quorum=1) as stage:
        ann = stage.member("ann")
        await ann.send(stage.channel, f"{stage.mention} Prompt or fine-tune?", attachments=[PICTURE, ("a.log", b"log")])
        assert told_last(stage) == ["Prompt or fine-tune?\n\nlog"]
        duel = stage.last()
        assert left_out in stage.shown(duel)
        await ann.click(duel, label="Tie")
        assert "A was" in stage.shown(duel)
        assert left_out in stage.shown(duel)
        by_command = await ann.slash(stage.channel, "compare", request="Prompt or fine-tune?", file=PICTURE)
        assert left_out in stage.shown(by_command.response)
        beside = await stage.member("bob").send(stage.channel, "Is it a cat?", attachments=[PICTURE])
        by_menu = await ann.context_menu(stage.channel, "Compare answers", beside)
        assert left_out in stage.shown(by_menu.response)
        await ann.click((await ann.slash(stage.channel, "forget")).response, label="Delete")
        assert "shot.png" not in stage.shown(duel)


async def test_a_picture_alone_is_no_request_and_is_named(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        await ann.send(stage.channel, stage.mention, attachments=[PICTURE, ("b_c.pdf", b"%PDF\xff")])
        assert stage.shown(stage.last()).startswith(
            "Left out, for I read UTF-8 text only (at most 20,000 characters): shot.png, b\\_c.pdf."
        )
        alone = await ann.send(stage.channel, "", attachments=[PICTURE])
        assert "shot.png. I read what a message itself says" in stage.told(await ann.context_menu(stage.channel, "Compare answers", alone))
        assert await stage.app.looking.history() == []


# --- too much at once


async def test_twenty_five_mentions_of_one_person_get_one_refusal_that_counts(tmp_path: Path) -> None:
    async with staged(tmp_path, lambda _: Script(("|", "words"))) as stage:
        ann, bob = stage.member("ann"), stage.member("bob")
        for number in range(25):
            await ann.send(stage.channel, f"{stage.mention} number {number}")
        mine = [text for text in stage.texts() if "Answering" not in text and "ahead" not in text and "number" not in text]
        assert len(mine) == 1
        taken = len(await stage.app.looking.history())
        assert taken < 25
        assert f"{25 - taken - 1} more messages of yours were not taken; the latest: You have" in mine[0]
        posts = calls(stage, "POST", f"/channels/{stage.channel.id}/messages")
        assert len(posts) == taken + 1
        await bob.send(stage.channel, stage.mention)
        assert stage.shown(stage.last()).startswith("Write your request in the same message."), "others are told for themselves"


def test_after_a_minute_there_is_an_answer_again() -> None:
    clock = [0.0]
    refusals = Refusals(lambda: clock[0])
    first, new = refusals.refused("ann", "1", "no")
    assert new
    assert first.words().startswith("no\n-# For a minute")
    clock[0] = 59.0
    again, new = refusals.refused("ann", "2", "too long")
    assert (again, new) == (first, False)
    assert first.words() == "no\n-# Since then 1 more message of yours was not taken; the latest: too long"
    clock[0] = 60.0
    assert refusals.refused("ann", "1", "no")[1]


async def test_refused_commands_leave_nothing_in_the_channel_and_are_all_answered(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_person_per_minute=1) as stage:
        ann = stage.member("ann")
        await ann.slash(stage.channel, "compare", request="the one that is taken")
        for _ in range(5):
            assert "1 is the limit" in stage.told(await ann.slash(stage.channel, "compare", request="one more"))
        assert len(stage.texts()) == 1


# --- texts that nobody expects


HOSTILE = (
    *("", " ", "x" * 4000, "\x00\x1b[31m\u202e", "\ud800", "`" * 300),
    *("<@1> <@2>", "😀", "<:a:1>", "@everyone", "%s {0} {}", "../../etc/passwd"),
)
TEXTS = {
    "compare": ("request", "tag", "recipe"),
    "results": ("tag",),
    "history": ("search", "tag", "reopen"),
    "verdict": ("tag",),
    "recipe show": ("name",),
    "recipe use": ("name",),
    "adapter info": ("name",),
    "adapter use": ("name",),
}


@pytest.mark.parametrize(("command", "option"), [(command, option) for command, options in TEXTS.items() for option in options])
async def test_every_text_of_every_command_may_be_hostile(tmp_path: Path, command: str, option: str) -> None:
    async with staged(tmp_path, discord_person_per_minute=100) as stage:
        boss = stage.member("boss", roles=[stage.guild.create_role("admins", permissions=discord.Permissions(manage_guild=True))])
        for typed in HOSTILE:
            given = {"request": "hello"} if command == "compare" else {}
            try:
                result = await boss.slash(stage.channel, command, **given | {option: typed})
            except OptionError:  # Discord's own limits, which its clients check
                continue
            said = [stage.shown(each) for each in (result.response, *result.followups) if each]
            assert said, (command, option, typed)
            assert not [each for each in said if "An error in Duelbot" in each], (command, option, typed)
