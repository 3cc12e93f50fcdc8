"""The duel share on Discord: seen, proposed and changed by /settings; singles as messages; drift is told where the team asked last."""

from contextlib import aclosing
from pathlib import Path

from bot.app.halves import Halves
from bot.routes import ITSELF, Route
from bot.settings import Settings
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


async def test_a_team_votes_on_its_program_s_duels_where_it_asked_last(tmp_path: Path) -> None:
    async with staged(tmp_path, api_idle_s=3600.0) as stage:
        app, ann = stage.app, stage.member("ann")
        await ann.slash(stage.channel, "compare", request="hello")
        key, _ = await app.programs.keys.make("boss", "triage", team=str(stage.guild.id))
        turn = await app.programs.ask(key, "From a program?")
        async with aclosing(app.programs.pieces(turn)) as pieces:
            assert [piece async for piece in pieces]
        before = len(stage.texts())
        await stage.bot.parts.upkeep.heal()
        await stage.env.settle()
        assert len(stage.texts()) == before  # half a duel is shown nowhere
        assert await Halves(app.core, app.teams, app.choices, Settings.of()).complete_one()
        await stage.bot.parts.upkeep.heal()
        await stage.env.settle()
        shown = stage.shown(stage.last())
        assert "> From a program?" in shown and "Somebody asked" in shown and "[A is better]" in shown
        await ann.click(stage.last(), label="Tie")
        assert "1 has voted" in stage.shown(stage.last())
