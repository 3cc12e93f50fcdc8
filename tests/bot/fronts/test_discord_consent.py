"""/consent: an admin offers it, a person agrees and withdraws, and duels of the server alone are learned from."""

from pathlib import Path

from bot.app.learnable import decided
from tests.bot.fronts.discord_stage import admin, staged, voted


async def test_an_admin_offers_it_and_a_person_agrees_withdraws_and_is_forgotten(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_quorum=1) as stage:
        ann, boss = stage.member("ann"), admin(stage)
        await voted(stage, ann, "my words", "A is better")

        async def said(**given: bool) -> str:
            return stage.shown((await ann.slash(stage.channel, "consent", **given)).response)

        assert "does not train adapters on people's duels" in await said()
        assert "an admin can offer it" in await said(agree=True)
        offered = await boss.slash(stage.channel, "settings", consent=True)
        assert "of those who agree with /consent" in stage.shown(offered.response)
        assert "have not agreed" in await said() and await decided(stage.app.core.store) == []
        assert "You have agreed" in await said(agree=True)
        assert [(duel.request, duel.better) for duel in await decided(stage.app.core.store)] == [("my words", 0)]
        await boss.slash(stage.channel, "settings", consent=False)
        assert await decided(stage.app.core.store) == [] and "You agreed before" in await said()
        await boss.slash(stage.channel, "settings", consent=True)
        assert "have not agreed" in await said(agree=False) and await decided(stage.app.core.store) == []
        await said(agree=True)
        await ann.click((await ann.slash(stage.channel, "forget")).response, label="Delete")
        assert "have not agreed" in await said()
