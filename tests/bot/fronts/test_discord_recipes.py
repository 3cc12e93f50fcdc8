"""The /recipe group for a server's recipes: versions, differences, the way back, trials, examples from votes, past requests again."""

from pathlib import Path
from typing import Any

from bot.app.differing import differences
from bot.fronts.discord.commands.recipe_versions import diff_words
from engine.backends.base import Prompt
from engine.backends.scripted import Script
from engine.recipes import Recipe
from tests.bot.fronts.discord_stage import Stage, admin, looks, staged, voted
from tests.bot.scripted import is_tuned


def by_version(prompt: Prompt) -> Script:
    """The brief version answers odd questions otherwise than the house's; the fine-tune has an answer of its own."""
    if is_tuned(prompt):
        return Script(("tuned",))
    asked, brief = prompt.messages[-1].content, "Brief" in prompt.messages[0].content
    return Script(("brief",) if brief and asked[-1] in "13579" else ("long",))


async def said(stage: Stage, who: Any, command: str, **options: Any) -> str:
    result = await who.slash(stage.channel, f"recipe {command}", **options)
    return "\n".join(stage.shown(each) for each in (result.response, *result.followups) if each)


async def edited(stage: Stage, boss: Any, *, use: str = "no", system: str = "Brief.") -> str:
    opened = await boss.slash(stage.channel, "recipe edit")
    typed = {"system": system, "template": "{request}", "reason": "shorter", "use": use}
    return stage.shown((await boss.submit_modal(opened, typed)).response)


async def test_versions_are_listed_compared_and_gone_back_from(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        boss, ann = admin(stage), stage.member("ann")
        await edited(stage, boss, use="yes")
        told = await said(stage, ann, "versions")
        assert "- **house@2** · shorter · by somebody on Discord" in told and "- **house@1** · It is what the settings name." in told
        assert "**In use here**" in told and "house@2: shorter" in told
        assert "**System text**\n~~You are the house~~**Brief**." in await said(stage, ann, "diff", old="house@1")
        assert "Both say the same." in await said(stage, ann, "diff", old="house@2", new="house@2")
        assert "permission Manage Server" in await said(stage, ann, "back", reason="worse")
        assert "house@1 answers in this server again." in await said(stage, boss, "back", reason="worse")
        assert "house@1: worse" in await said(stage, ann, "versions")
        assert str((await stage.app.teams.settings(str(stage.guild.id))).recipe) == "house@1"


def test_a_difference_is_written_so_that_discord_shows_its_marks() -> None:
    old, new = Recipe("r", "1", system="Be kind. Write one word."), Recipe("r", "2", system="Be brief. Write one *short* word.")
    assert diff_words(differences(old, new)) == "**System text**\nBe ~~kind~~**brief**. Write one **\\*short\\*** word."


async def test_a_version_is_tried_out_on_the_last_requests_beside_what_answers_now(tmp_path: Path) -> None:
    async with staged(tmp_path, by_version, discord_quorum=1) as stage:
        boss, ann = admin(stage), stage.member("ann")
        await edited(stage, boss)
        assert "No vote on a request that you can read has closed here yet." in await said(stage, boss, "try", name="house@2")
        await voted(stage, ann, "question 1", "Tie")
        told = await said(stage, boss, "try", name="house@2")
        assert "> question 1\n**house@1**\nlong\n**house@2**\nbrief" in told and "no evidence about this recipe" in told
        assert "> my own 3\n**house@1**\nlong\n**house@2**\nbrief" in await said(stage, boss, "try", name="house@2", request="my own 3")
        assert "permission Manage Server" in await said(stage, ann, "try", name="house@2")
        again = await voted(stage, ann, "question 1", "Tie")
        assert "does not count" not in stage.shown(again), "it is still a duel; the verdict leaves it out"


async def test_examples_are_proposed_from_votes_of_the_channel_and_added_by_number(tmp_path: Path) -> None:
    async with staged(tmp_path, by_version, discord_quorum=1) as stage:
        boss, ann, other = admin(stage), stage.member("ann"), stage.guild.create_text_channel("other")
        assert "has a winner yet" in await said(stage, boss, "examples")
        await voted(stage, ann, "Where is the parcel that I sent to Oslo?", "A is better")
        elsewhere = (await ann.slash(other, "compare", request="A matter of the other channel alone")).response
        await ann.click(elsewhere, label="A is better")
        told = await said(stage, boss, "examples")
        assert "> Where is the parcel that I sent to Oslo?\n> → long" in told and "matter of the other" not in told
        assert "Type numbers from 1 to 1" in await said(stage, boss, "examples", add="2", reason="like ours")
        assert "house@2 is kept with 1 more example." in await said(stage, boss, "examples", add="1", reason="like ours")
        assert "**Example 1**\n> Where is the parcel that I sent to Oslo?\n> long" in await said(stage, ann, "show", name="house@2")


async def test_past_requests_of_a_channel_are_answered_again_and_changed_ones_voted_on_there(tmp_path: Path) -> None:
    async with staged(tmp_path, by_version, discord_quorum=1) as stage:
        boss, ann, other = admin(stage), stage.member("ann"), stage.guild.create_text_channel("other")
        for number in range(1, 5):
            await voted(stage, ann, f"question {number}", "Tie")
        await ann.click((await ann.slash(other, "compare", request="elsewhere 1")).response, label="Tie")
        await edited(stage, boss)
        assert "permission Manage Server" in await said(stage, ann, "replay", name="house@2")
        refused = await boss.slash(stage.channel, "recipe replay", name="house@2")
        assert "4 requests of people who have not agreed (/consent) stay as they were." in stage.told(refused)
        await boss.slash(stage.channel, "settings", consent=True)
        await ann.slash(stage.channel, "consent", agree=True)
        result = await boss.slash(stage.channel, "recipe replay", name="house@2", most=25)
        await looks(stage)
        await stage.env.advance_time(11)
        shown = stage.shown(result.response)
        assert "4 of 4 past requests answered again: 2 the same, 2 changed." in shown and "[Stop]" not in shown
        votes = [message for message in stage.channel.history() if "[Tie]" in stage.shown(message)]
        assert len(votes) == 2 and all("elsewhere" not in stage.shown(each) for each in votes)
        assert {"long", "brief"} <= set(stage.shown(votes[0]).splitlines()), "both answers, of then and of now"
        assert await stage.app.rematching.waiting() == [], "the page does not ask for votes of a server's duels"
        await ann.click(votes[0], label="A is better")
        closed = stage.shown(votes[0])
        assert "recipe house 2" in closed and "One of the answers is of another day" in closed and "full answer" not in closed
        again = await boss.slash(stage.channel, "recipe replay", name="house@2")
        assert "There is no past request to answer again" in stage.told(again)
        await ann.click((await ann.slash(stage.channel, "forget")).response, label="Delete")
        await stage.env.advance_time(11)
        assert all("question" not in stage.shown(each) and "*(deleted)*" in stage.shown(each) for each in votes), "her words go here, too"
        assert await stage.app.looking.history(search="question") == []
