"""/compare: requests typed and in files, files of requests, tags, recipes."""

import json
from pathlib import Path

from bot.fronts.discord.bot import DuelBot
from bot.settings import Settings
from tests.bot.fronts.discord_stage import staged, voted


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
        assert await stage.app.looking.history() == []


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
