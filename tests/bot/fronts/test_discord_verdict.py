"""/verdict and /results: counts, words and pictures."""

from pathlib import Path

import pytest

from bot.ballots import Choice
from bot.fronts.discord.commands.verdict import verdict_words
from bot.verdict import judge
from tests.bot.evidence.make import closed
from tests.bot.fronts.discord_stage import staged, voted, walk_components
from tests.bot.verdict.make import facts, ledger_of
from tests.bot.verdict.odd import TAGS

pytestmark = pytest.mark.usefixtures("drawn_once")


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
        assert "### Results (the last 7 days, tag mail)\n2 duels" in tagged


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
