"""/verdict: what the votes prove so far, with its pictures."""

from collections.abc import Sequence
from datetime import datetime

import discord
from discord import app_commands

from bot.app.routing import RouteProposal
from bot.charts import Chart
from bot.fronts.discord import fit
from bot.fronts.discord.interactions import answer, guarded, team_of, think
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.names import tag_in
from bot.fronts.discord.offers import tag_names
from bot.fronts.discord.parts import parts_of
from bot.fronts.discord.periods import PERIOD_CHOICES, since_of
from bot.fronts.discord.pictures import with_pictures
from bot.fronts.discord.sending import put_original
from bot.verdict import Unknown, Verdict
from bot.verdict.words import robust_words
from bot.views import OUTSIDE
from bot.words import counted


@app_commands.command(description="Prompt or fine-tune? What the votes prove so far, with its picture.")
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
@app_commands.describe(
    here="Only the duels of this server; all by default.",
    tag="Only requests with this tag.",
    period="Only votes that closed since the beginning of its first day.",
)
@app_commands.autocomplete(tag=tag_names)
@app_commands.choices(period=PERIOD_CHOICES)
async def verdict(interaction: discord.Interaction, here: bool = False, tag: str = "", period: str | None = None) -> None:
    """Say which technique to use, with pictures."""
    await guarded(interaction, _verdict(interaction, team_of(interaction) if here else None, tag_in(interaction, tag), since_of(period)))


async def _verdict(interaction: discord.Interaction, team: str | None, tag: str, since: datetime | None) -> None:
    await think(interaction, private=False)
    app = parts_of(interaction).app
    found = await app.judging.verdict(team=team, tag=tag or None, since=since)
    if isinstance(found, Unknown):
        await answer(interaction, words_sheet(f"### Verdict\n{fit.clean(found.words)}"))
        return
    proposed = (await app.routing.standing(team or OUTSIDE)).proposals
    charts = [chart for chart, there in ((Chart.SHARE, found.trail), (Chart.CARD, found.aspects)) if there]
    await put_original(interaction, *await with_pictures(app, verdict_words(found, proposed), found, charts))


def verdict_words(found: Verdict, proposed: Sequence[RouteProposal] = ()) -> str:
    """Say what to do, how sure that is, and what would change it; tags and names in it form nothing. Pure."""
    scope = f" ({fit.inline(found.scope.words, 200)})" if found.scope.words else ""
    lines = [f"### Verdict{scope}", fit.inline(found.words, 1500)]
    if found.duels:
        lines += [fit.inline(robust_words(found.decision, found.robust, found.voters), 300)]
        lines += [f"-# {counted(found.ballots, 'ballot')} of {counted(found.voters, 'person', 'people')}."]
    lines += [f"- {fit.inline(change, 300)}" for change in found.change]
    lines += [f"-# {fit.inline(each.words, 300)} `/settings` does it." for each in proposed if not each.tag]
    return "\n".join(lines)
