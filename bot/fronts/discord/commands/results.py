"""/results: how the votes went here, in counts and pictures."""

import discord
from discord import app_commands

from bot.charts import Chart
from bot.fronts.discord import fit
from bot.fronts.discord.interactions import answer, guarded, person, team_of, think
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.names import tag_in
from bot.fronts.discord.offers import tag_names
from bot.fronts.discord.parts import parts_of
from bot.fronts.discord.periods import PERIOD_CHOICES, last_words, since_of
from bot.fronts.discord.pictures import with_pictures
from bot.fronts.discord.sending import put_original
from bot.tags import MAX_TAG
from bot.verdict import Verdict
from bot.verdict.words import told_apart
from bot.views import Results
from bot.words import STATES, counted


@app_commands.command(description="How the votes went here.")
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
@app_commands.describe(period="From the beginning of its first day; all by default.", tag="Only requests with this tag.")
@app_commands.autocomplete(tag=tag_names)
@app_commands.choices(period=PERIOD_CHOICES)
async def results(interaction: discord.Interaction, period: str | None = None, tag: str | None = None) -> None:
    """Count how votes went, with pictures."""
    await guarded(interaction, _results(interaction, period, tag_in(interaction, tag or "")))


async def _results(interaction: discord.Interaction, period: str | None, tag: str) -> None:
    await think(interaction, private=True)
    app, asker = parts_of(interaction).app, person(interaction.user)
    found = await app.looking.results(team=team_of(interaction), asker=asker, since=since_of(period), tag=tag)
    narrowed = ", ".join(filter(None, (last_words(period), f"tag {fit.inline(tag, MAX_TAG)}" if tag else "")))
    said = results_words(found, narrowed)
    team = team_of(interaction)
    proved = await app.judging.verdict(team=team, tag=tag or None, since=since_of(period)) if team and found.duels else None
    if isinstance(proved, Verdict) and proved.duels:
        await put_original(interaction, *await with_pictures(app, said, proved, (Chart.LATENCY, Chart.COST, Chart.BOARD)))
    else:
        await answer(interaction, words_sheet(said))


def results_words(found: Results, narrowed: str) -> str:
    """Count closed duels by who was better, and the rest of what was asked. Pure."""
    where = f" ({narrowed})" if narrowed else ""
    duels = sum(found.duels.values())
    if not duels:
        return f"### Results{where}\nNo request was asked here yet. Mention me with one, or use /compare."
    told = told_apart(who for _, who in found.duels if who)
    counts = [(count, _kind(kind, told[who.id] if who else "")) for (kind, who), count in found.duels.items()]
    lines = [f"- {what}: {count:,}" for count, what in sorted(counts, key=lambda each: (-each[0], each[1]))]
    asked = f"{counted(duels, 'duel')}; {counted(found.ballots, 'ballot')} of {counted(found.voters, 'person', 'people')}"
    return "\n".join((f"### Results{where}", asked, *lines, "-# Counts only; /verdict says what they prove."))


def _kind(kind: str, winner: str) -> str:
    if winner:
        return f"{fit.inline(winner, 120)} better"
    others = {"identical": "the same answer twice, not voted on", "unvoted": "closed without a vote", "both_bad": "both bad", "tie": "tie"}
    return others.get(kind) or STATES[kind]
