"""Every command on Discord: what it says, and to whom."""

import json
import sqlite3
from pathlib import Path
from typing import Any
from unittest.mock import patch

import discord
import pytest

from bot.ballots import Choice
from bot.fronts.discord import commands, words
from bot.fronts.discord.bot import DuelBot
from bot.fronts.discord.evidence import verdict_words
from bot.settings import Settings
from bot.verdict import judge
from tests.bot.evidence.make import closed
from tests.bot.fronts.discord_stage import Stage, staged, walk_components
from tests.bot.verdict.make import facts, ledger_of
from tests.bot.verdict.odd import TAGS

pytestmark = pytest.mark.usefixtures("drawn_once")


async def voted(stage: Stage, who: Any, request: str, label: str, **options: Any) -> Any:
    result = await who.slash(stage.channel, "compare", request=request, **options)
    await who.click(result.response, label=label)
    return result.response


def texts_in(stage: Stage, response: Any) -> dict[str, str]:
    """The files of an answer by name, as text."""
    stored = stage.env.backend.get_message(response.channel_id, response.id)
    return {each["filename"]: (stage.env.backend.cdn.get(each["url"]) or b"").decode("utf-8-sig") for each in stored.attachments}


async def test_help_answers_to_the_asker_alone(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        said = await stage.member("ann").slash(stage.channel, "help")
        assert said.ephemeral
        assert "Duelbot settles" in stage.shown(said.response)


async def test_new_belongs_into_direct_messages(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        said = await stage.member("ann").slash(stage.channel, "new")
        assert "/new is for direct messages" in stage.shown(said.response)


async def test_compare_reads_a_text_file(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        said = await stage.member("ann").slash(stage.channel, "compare", request="Sum this up:", file=("notes.txt", b"one\r\ntwo"))
        assert "> Sum this up:\n> \n> one\n> two" in stage.shown(said.response)


async def test_compare_says_what_it_cannot_do(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        for given, words in (
            (
                {"file": ("picture.png", b"\x89PNG")},
                "text only (at most 20,000 characters): picture.png. Write a request",
            ),
            ({"file": ("notes.txt", b"\xff\xfe\x00")}, "is not UTF-8 text"),
            ({}, "Write a request, or attach a text file with one."),
            ({"request": "hi", "recipe": "nobody's"}, "There is no recipe nobody's."),
        ):
            refused = await ann.slash(stage.channel, "compare", **given)
            assert words in stage.told(refused)
        assert await stage.app.history() == []


async def test_compare_with_another_recipe_is_another_contestant(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        shown = await voted(stage, ann, "Hello", "A is better", visible="me", recipe="plain")
        assert "**A was the prompt** (recipe plain 1)" in stage.shown(shown)


async def test_a_file_of_requests_is_answered_one_by_one_with_one_progress_message(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_person_per_minute=1) as stage:
        ann = stage.member("ann")
        lines = [json.dumps("one"), "", json.dumps({"request": "two"}), json.dumps("three")]
        result = await ann.slash(stage.channel, "compare", file=("all.jsonl", "\n".join(lines).encode()))
        assert "**3 of 3 requests answered**\nDone." in stage.shown(result.response)
        duels = [text for text in stage.texts() if "[Tie]" in text]
        assert ["> one" in duels[0], "> two" in duels[1], "> three" in duels[2]] == [True] * 3


async def test_a_file_of_requests_names_the_line_that_is_wrong(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        for lines, words in (
            ('"fine"\n{"question": "?"}', "Line 2 of the file holds no request"),
            ('"fine"\n{oh', "Line 2 of the file is not JSON."),
            ('"  "', "Line 1 of the file: The request is empty."),
            ("\n", "The file holds no request."),
            ('{"request": "a", "history": [{"role": "user", "text": "b"}]}', "Line 1 of the file has turns before its request"),
            ('"x"\n' * 51, "The file holds 51 requests; at most 50 are taken at once."),
        ):
            refused = await ann.slash(stage.channel, "compare", file=("all.jsonl", lines.encode()))
            assert words in stage.told(refused)


async def test_tags_are_offered_from_memory_also_after_a_restart(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        await ann.slash(stage.channel, "compare", request="one", tag="mail")
        assert [each["value"] for each in await ann.autocomplete(stage.channel, "results", "tag", "MA")] == ["mail"]
        await stage.env.restart_bot(DuelBot(stage.app, Settings(), shard_count=1))
        assert [each["value"] for each in await ann.autocomplete(stage.channel, "compare", "tag", "")] == ["mail"]
        assert await ann.user.autocomplete("compare", "tag", "") == [], "another team's tags are not told"


async def test_any_message_can_be_compared_from_its_menu(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        message = await stage.member("bob").send(stage.channel, "Is tea better than coffee?")
        result = await ann.context_menu(stage.channel, "Compare answers", message)
        assert "> Is tea better than coffee?" in stage.shown(result.response)


async def test_a_message_can_be_the_context_of_a_request_that_is_typed(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        message = await stage.member("bob").send(stage.channel, "We have 40 tickets.")
        shown = await ann.context_menu(stage.channel, "Compare with this context", message)
        result = await ann.submit_modal(shown, {"request": "Prompt or fine-tune?", **prefilled(shown)})
        assert "> Prompt or fine-tune?" in stage.shown(result.response)
        told = [part.content for part in stage.backend.prompts[-1].messages if part.role == "user"]
        assert told == ["We have 40 tickets.\n\nPrompt or fine-tune?"]


async def test_verdict_and_results_count_what_was_voted_here(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_quorum=1) as stage:
        ann = stage.member("ann")
        assert "No request was asked here yet." in stage.shown((await ann.slash(stage.channel, "results")).response)
        await voted(stage, ann, "one", "A is better", tag="mail")
        await voted(stage, ann, "two", "A is better", tag="mail")
        await voted(stage, ann, "three", "Both bad")
        said = stage.shown((await ann.slash(stage.channel, "results")).response)
        assert "3 duels; 3 ballots of 1 person" in said
        assert "- the prompt better: 2\n- both bad: 1" in said
        for command, charts in (("results", ["latency", "cost", "board"]), ("verdict", ["share", "card"])):
            response = (await ann.slash(stage.channel, command)).response
            assert [file["filename"] if isinstance(file, dict) else file.filename for file in response.attachments] == [
                f"{chart}.png" for chart in charts
            ]
            items = [item for each in walk_components(response.components) for item in each.get("items", [])]
            assert all(item["description"] for item in items) and len(items) == len(charts)
        tagged = stage.shown((await ann.slash(stage.channel, "results", tag="mail", period="week")).response)
        assert "### Results (the last week, tag mail)\n2 duels" in tagged


def prefilled(opened: Any) -> dict[str, str]:
    """What a form's fields hold already, which Discord's clients send back; simcord does not."""
    return {part["custom_id"]: part["value"] for part in walk_components(opened.modal["components"]) if part.get("value")}


async def test_a_form_that_outlived_its_process_is_carried_out_as_if_nothing_had_happened(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        message = await stage.member("bob").send(stage.channel, "We have 40 tickets.")
        opened = await ann.context_menu(stage.channel, "Compare with this context", message)
        await stage.env.restart_bot(DuelBot(stage.app, Settings(), shard_count=1))
        result = await ann.submit_modal(opened, {"request": "Prompt or fine-tune?", **prefilled(opened)})
        assert "[Tie]" in stage.shown(result.response)
        assert told_last(stage) == ["We have 40 tickets.\n\nPrompt or fine-tune?"]


async def test_what_was_typed_into_a_form_is_given_back_when_it_is_refused(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_person_per_day=1) as stage:
        ann = stage.member("ann")
        await ann.slash(stage.channel, "compare", request="the only one")
        message = await stage.member("bob").send(stage.channel, "We have 40 tickets.")
        for typed in ("Prompt\n```or``` fine-tune?", "long " * 790):
            opened = await ann.context_menu(stage.channel, "Compare with this context", message)
            result = await ann.submit_modal(opened, {"request": typed, **prefilled(opened)})
            assert result.response is None and all(said.ephemeral for said in result.followups)
            said = "\n".join(stage.shown(each) for each in result.followups)
            assert "1 is the limit" in said
            assert typed in said or texts_in(stage, result.followups[-1]) == {"typed.md": typed}


async def test_a_form_of_an_earlier_version_gives_its_text_back(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        message = await stage.member("bob").send(stage.channel, "We have 40 tickets.")
        with patch.object(commands, "CONTEXT", "context:0123456789abcdef"):
            opened = await ann.context_menu(stage.channel, "Compare with this context", message)
        said = stage.told(await ann.submit_modal(opened, {"request": "Prompt or fine-tune?"}))
        assert said.startswith(words.OLD_FORM)
        assert "Prompt or fine-tune?" in said


def told_last(stage: Stage) -> list[str]:
    """What both sides were told last, of people's words."""
    return [part.content for part in stage.backend.prompts[-1].messages if part.role == "user"]


async def test_the_verdict_comes_with_pictures_that_are_also_words(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_quorum=1) as stage:
        ann = stage.member("ann")
        nothing = await ann.slash(stage.channel, "verdict")
        assert "no duel decided yet" in stage.shown(nothing.response)
        for number in range(3):
            await voted(stage, ann, f"request {number}", "A is better", tag="mail")
        said = await ann.slash(stage.channel, "verdict", here=True, tag="mail", period="month")
        assert not said.ephemeral
        assert stage.shown(said.response).startswith("### Verdict (tag mail, this team, since ")
        assert "3 requests (3 duels) decided: " in stage.shown(said.response) and "3 ballots of 1 person." in stage.shown(said.response)
        stored = stage.env.backend.get_message(said.response.channel_id, said.response.id)
        pictures = [stage.env.backend.cdn.get(each["url"]) or b"" for each in stored.attachments]
        assert pictures
        assert all(picture.startswith(b"\x89PNG") for picture in pictures)
        [gallery] = [each for each in stored.components if each["type"] == 12]
        assert "share of votes over 3 requests" in gallery["items"][0]["description"]


async def test_a_tag_named_like_a_figure_or_like_markdown_changes_no_answer(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_quorum=1) as stage:
        ann = stage.member("ann")
        for number, tag in enumerate(TAGS):
            await voted(stage, stage.member(f"person {number}"), f"request {number}", "A is better", tag=tag)
        for command in ("verdict", "results"):
            response = (await ann.slash(stage.channel, command)).response
            assert f"{len(TAGS)} " in stage.shown(response) and len(response.attachments) >= 2
        for tag in ("from", "**bold** [a](http://e.x) `c`"):
            assert "1 request (1 duel) decided" in stage.shown((await ann.slash(stage.channel, "verdict", tag=tag)).response)
        words = verdict_words(judge(ledger_of([closed(at, {"a": Choice.LEFT}, tag="**b** [a](x)") for at in range(1, 41)]), facts()))
        assert "**" not in words and "[a](" not in words


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
        [summary] = await stage.app.history()
        said = await bob.slash("history", reopen=summary.id)
        assert "none of the requests that you asked" in stage.shown(said.response)


async def test_recipes_are_listed_shown_and_used_by_admins(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann, boss = stage.member("ann"), admin(stage)
        listed = stage.shown((await ann.slash(stage.channel, "recipe list")).response)
        assert "- house · **used here**" in listed
        assert "You are the house." in stage.shown((await ann.slash(stage.channel, "recipe show", name="house")).response)
        assert "permission Manage Server" in stage.shown((await ann.slash(stage.channel, "recipe use", name="plain")).response)
        assert "From now on" in stage.shown((await boss.slash(stage.channel, "recipe use", name="plain")).response)
        assert "- plain · **used here**" in stage.shown((await ann.slash(stage.channel, "recipe list")).response)
        assert {"name": "plain", "value": "plain"} in await ann.autocomplete(stage.channel, "compare", "recipe", "pl")


async def test_the_adapter_is_described_and_another_one_refused(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        assert "### Adapter demo 1" in stage.shown((await ann.slash(stage.channel, "adapter list")).response)
        assert "### Adapter demo 1" in stage.shown((await ann.slash(stage.channel, "adapter info", name="demo")).response)
        assert "is not loaded" in stage.shown((await ann.slash(stage.channel, "adapter info", name="other")).response)
        assert [each["value"] for each in await ann.autocomplete(stage.channel, "adapter info", "name", "")] == ["demo"]


def admin(stage: Stage) -> Any:
    return stage.member("boss", roles=[stage.guild.create_role("admins", permissions=discord.Permissions(manage_guild=True))])


async def test_settings_are_for_admins_and_change_how_votes_close(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann, boss = stage.member("ann"), admin(stage)
        assert "settings" not in ann.available_commands(stage.channel)
        assert "export" not in ann.available_commands(stage.channel)
        said = await boss.slash(stage.channel, "settings", quorum=1, deadline_hours=2.5)
        assert "closes at **1** vote, or after **2.5** hours" in stage.shown(said.response)
        shown = await voted(stage, ann, "hello", "Tie")
        assert "1 vote: Tie 1." in stage.shown(shown)
        assert "closes at **3** votes" in stage.shown((await boss.slash(stage.channel, "settings", reset=True)).response)


async def test_roles_say_who_may_ask_and_who_may_vote(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        boss, ann = admin(stage), stage.member("ann")
        experts = stage.guild.create_role("experts")
        eve = stage.member("eve", roles=[experts])
        await boss.slash(stage.channel, "settings", vote_role=experts, ask_role=experts, quorum=1)
        refused = await ann.slash(stage.channel, "compare", request="hello")
        assert "only members with a certain role may ask" in stage.told(refused)
        shown = await eve.slash(stage.channel, "compare", request="hello")
        late = await ann.click(shown.response, label="Tie")
        assert "only members with a certain role may vote" in stage.shown(late.response)
        assert "only members" not in stage.shown((await eve.click(shown.response, label="Tie")).response)


async def test_the_export_numbers_voters_and_keeps_open_votes_and_private_duels_out(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_quorum=2) as stage:
        ann, bob, boss = stage.member("ann"), stage.member("bob"), admin(stage)
        shown = await voted(stage, ann, "=SUM(A1) one", "A is better")
        await bob.click(shown, label="Both bad")
        await voted(stage, ann, "still open", "B is better")
        await voted(stage, ann, "mine alone", "B is better", visible="me")
        result = await boss.slash(stage.channel, "export")
        assert result.ephemeral
        files = texts_in(stage, result.response)
        assert set(files) == {"duels.csv", "duels.jsonl", "ballots.csv", "ballots.jsonl"}
        ballots = [json.loads(line) for line in files["ballots.jsonl"].splitlines()]
        assert [(row["voter"], row["choice"], row["better_arm"]) for row in ballots] == [(1, "left", "prompted"), (2, "both_bad", None)]
        duels = [json.loads(line) for line in files["duels.jsonl"].splitlines()]
        assert [duel["request"] for duel in duels] == ["=SUM(A1) one", "still open"]
        assert [duel["left_arm"] for duel in duels] == ["prompted", None], "an open vote stays blind"
        assert ",'=SUM(A1) one," in files["duels.csv"], "no cell begins like a formula"
        assert str(ann.id) not in "".join(files.values())


async def test_forget_deletes_the_person_and_keeps_closed_ballots_without_them(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_quorum=2) as stage:
        ann, bob = stage.member("ann"), stage.member("bob")
        closed = await voted(stage, ann, "my first words", "A is better")
        await bob.click(closed, label="Tie")
        await voted(stage, bob, "his words", "Tie")
        third = await stage.member("eve").slash(stage.channel, "compare", request="her words")
        await ann.click(third.response, label="Tie")
        asked = await ann.slash(stage.channel, "forget")
        assert "This deletes your requests" in stage.shown(asked.response)
        await ann.click(asked.response, label="Delete")
        assert "gone from my store" in stage.shown(asked.response)
        assert "my first words" not in stage.shown(closed)
        assert "prompted says hi" not in stage.shown(closed)
        assert "2 votes: A is better 1, Tie 1." in stage.shown(closed), "the tally stays"
        assert "Nobody has voted yet." in stage.shown(third.response), "a ballot on an open vote goes with its person"
        assert "his words" in " ".join(summary.request for summary in await stage.app.history())
        assert str(ann.id).encode() not in rows_of(stage)


async def test_nothing_that_was_forgotten_stays_in_the_stores_file(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        await ann.slash(stage.channel, "compare", request="a secret word")
        async with stage.app._store.reading() as look:
            assert [tuple(row) for row in await look._rows("PRAGMA secure_delete")] == [(1,)]
        await ann.click((await ann.slash(stage.channel, "forget")).response, label="Delete")
    files = bytes_in(tmp_path)
    assert b"prompted" in files
    assert b"secret word" not in files


async def test_forget_reaches_what_others_branched_off_from(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann, bob = stage.member("ann"), stage.member("bob")
        await bob.send(stage.channel, f"{stage.mention} his first words")
        await ann.send(stage.channel, f"{stage.mention} my secret words", reply_to=stage.last())
        hers = stage.last()
        await bob.send(stage.channel, f"{stage.mention} and then", reply_to=hers)
        await bob.send(stage.channel, f"{stage.mention} his branch", reply_to=hers)
        assert b"my secret words" in rows_of(stage)
        await ann.click((await ann.slash(stage.channel, "forget")).response, label="Delete")
        assert b"my secret words" not in rows_of(stage)
        await bob.send(stage.channel, f"{stage.mention} going on", reply_to=stage.last())
        said = [part.content for part in stage.backend.prompts[-1].messages if part.role == "user"]
        assert said == ["his first words", "his branch", "going on"]


def bytes_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())


def rows_of(stage: Stage) -> bytes:
    """Everything that the store's tables say."""
    with sqlite3.connect(stage.app._store.path) as connection:
        return "\n".join(connection.iterdump()).encode()


async def test_a_bug_in_a_command_becomes_words(tmp_path: Path, monkeypatch: Any) -> None:
    async with staged(tmp_path) as stage:
        monkeypatch.setattr(stage.bot.teams, "results", None)
        said = await stage.member("ann").slash(stage.channel, "results")
        assert "An error in Duelbot" in stage.shown(said.response)
