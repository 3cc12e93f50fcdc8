"""The duel share on Discord: seen, proposed and changed by /settings; singles as messages; drift is told where the team asked last."""

from pathlib import Path

from bot.routes import ITSELF, Route
from tests.bot.fronts.discord_stage import admin, staged


async def test_settings_show_change_and_change_back_the_share(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        boss = admin(stage)
        assert "- Every request becomes a duel." in stage.shown((await boss.slash(stage.channel, "settings")).response)
        said = stage.shown((await boss.slash(stage.channel, "settings", duel_share=10, winner="tuned")).response)
        assert "10% of requests become duels; the fine-tune" in said and "somebody on Discord: duel share 10%" in said
        assert "- Every request becomes a duel." in stage.shown((await boss.slash(stage.channel, "settings", share_back=True)).response)
        refused = await boss.slash(stage.channel, "settings", duel_share=10, winner="nobody")
        assert "does not meet now" in stage.shown(refused.response)
        changes = (await stage.app.routing.standing(str(stage.guild.id))).changes
        assert [each.person for each in changes] == [f"discord:{boss.id}"] * 2


async def test_a_single_is_one_answer_under_its_name_without_buttons(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.app.routing.change("ann", share=0.0, winner="tuned", team=str(stage.guild.id))
        ann = stage.member("ann")
        await ann.send(stage.channel, f"{stage.mention} hello")
        text = stage.shown(stage.last())
        assert "### Fine-tune\n" in text and "tuned says hello" in text and "This is no duel and no evidence." in text
        assert "[A is better]" not in text and "### B" not in text
        assert await stage.app.posting.stale() == []


async def test_drift_is_told_where_the_team_asked_last(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        team, ann = str(stage.guild.id), stage.member("ann")
        await ann.slash(stage.channel, "compare", request="hello")
        drifted = Route(
            team, "", 1.0, None, ITSELF, stage.clock.now(), "Later votes contradict earlier ones. All requests are duels again."
        )
        await stage.app.routing._keep(drifted, told=False)  # that it comes to this is tests/bot/test_app_routing.py's
        await stage.bot.parts.upkeep.heal()
        await stage.env.settle()
        assert stage.shown(stage.last()).startswith("### This has changed\nLater votes contradict earlier ones.")
        assert await stage.app.routing.untold() == []
