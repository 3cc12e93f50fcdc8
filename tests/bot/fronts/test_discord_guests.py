"""Where only a token works: votes, ends and restarts of those who are no members."""

from pathlib import Path
from unittest.mock import patch

from bot.fronts.discord import words
from engine.backends.scripted import Script
from tests.bot.fronts.discord_stage import calls, staged
from tests.bot.scripted import close


async def test_a_guest_votes_within_the_tokens_fifteen_minutes(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann, bob = stage.member("ann"), stage.member("bob")
        with (
            patch("discord.Interaction.is_user_integration", lambda _: True),
            patch("discord.Interaction.is_guild_integration", lambda _: False),
        ):
            result = await ann.slash(stage.channel, "compare", request="hello")
            assert words.FIFTEEN in stage.shown(result.response)
            receipt = await bob.click(result.response, label="Tie")
            assert "1 has voted." in stage.shown(result.response)
            assert "Your vote: **Tie**" in stage.shown(receipt.followups[0])
            await ann.click(result.response, label="Close the vote")
            assert "1 vote: tie." in stage.shown(result.response)
        assert not calls(stage, "PATCH", f"/channels/{stage.channel.id}/messages"), "nothing but the token is used"


async def test_a_guests_message_that_missed_its_end_gets_it_by_the_next_click(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        with (
            patch("discord.Interaction.is_user_integration", lambda _: True),
            patch("discord.Interaction.is_guild_integration", lambda _: False),
        ):
            result = await ann.slash(stage.channel, "compare", request="hello")
            stage.bot.parts.desk.tokens._tokens.clear()  # as after a restart
            [summary] = await stage.app.looking.history()
            await close(stage.app, summary.id, f"discord:{ann.id}")
            assert "[Tie]" in stage.shown(result.response)
            late = await stage.member("bob").click(result.response, label="Tie")
            assert "closed" in stage.shown(late.followups[0])
            assert "Nobody voted." in stage.shown(result.response)
            assert "[Tie]" not in stage.shown(result.response)


async def test_a_guests_answers_that_take_longer_than_the_token_are_broken_off_in_words(tmp_path: Path) -> None:
    async with staged(tmp_path, lambda _: Script(("Once ", "|", "upon"))) as stage:
        result = await stage.member("ann").slash(stage.channel, "compare", request="hello", visible="me")
        await stage.env.advance_time(11)
        assert "[Stop]" in stage.shown(result.response)
        [token] = stage.bot.parts.desk.tokens._tokens.values()
        token.ends_at -= 14 * 60 - 45
        await stage.env.advance_time(11)
        assert words.TOKEN_ENDS in stage.shown(result.response)
        assert "[Ask again]" in stage.shown(result.response)


async def test_after_the_tokens_time_a_members_bot_edits_in_the_channel(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_quorum=1) as stage:
        ann = stage.member("ann")
        result = await ann.slash(stage.channel, "compare", request="hello")
        for token in stage.bot.parts.desk.tokens._tokens.values():
            token.ends_at = 0.0
        await ann.click(result.response, label="Tie")
        assert "1 vote: tie." in stage.shown(result.response)
        assert calls(stage, "PATCH", f"/channels/{stage.channel.id}/messages")
