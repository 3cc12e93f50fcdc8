"""/verdict: what the votes prove so far, with its pictures."""

import io
from datetime import datetime

import discord
from discord import app_commands, ui

from bot.charts import Chart, Picture
from bot.fronts.discord import text
from bot.fronts.discord.guard import answer, desk_of, guarded, think
from bot.fronts.discord.layout import MOST_CHARACTERS, Sheet, words_sheet
from bot.fronts.discord.lists import PERIODS, since_of, tag_names, team_of
from bot.fronts.discord.wire import put_original
from bot.verdict import Unknown, Verdict
from bot.verdict.words import robust_words

MOST_ALT = 1024
"""Characters of a picture's description."""


@app_commands.command(description="Prompt or fine-tune? What the votes prove so far, with its picture.")
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
@app_commands.describe(
    here="Only the duels of this server; all by default.",
    tag="Only requests with this tag.",
    period="Only votes that closed in the last day, week, month or year.",
)
@app_commands.autocomplete(tag=tag_names)
@app_commands.choices(period=[app_commands.Choice(name=f"last {period}", value=period) for period in PERIODS])
async def verdict(interaction: discord.Interaction, here: bool = False, tag: str = "", period: str | None = None) -> None:
    await guarded(interaction, _verdict(interaction, team_of(interaction) if here else None, tag, since_of(period)))


async def _verdict(interaction: discord.Interaction, team: str | None, tag: str, since: datetime | None) -> None:
    await think(interaction, private=False)
    app = desk_of(interaction).app
    day = since.replace(hour=0, minute=0, second=0, microsecond=0) if since else None  # one scope for all who ask today
    found = await app.verdict(team=team, tag=tag or None, since=day)
    if isinstance(found, Unknown):
        await answer(interaction, words_sheet(f"### Verdict\n{text.clean(found.words)}"))
        return
    charts = [chart for chart, there in ((Chart.SHARE, found.trail), (Chart.CARD, found.aspects)) if there]
    pictures = {chart: await app.picture(chart, found, "dark", "png") for chart in charts}
    files = [discord.File(io.BytesIO(picture.data), filename=f"{chart}.png") for chart, picture in pictures.items()]
    sheet = verdict_sheet(verdict_words(found), pictures)
    await put_original(interaction, sheet, files)


def verdict_sheet(said: str, pictures: dict[Chart, Picture]) -> Sheet:
    """The words, and below them the pictures with theirs."""
    shown = ui.TextDisplay[Sheet](text.cut(said, MOST_CHARACTERS))
    if not pictures:
        return Sheet(shown)
    alts = {chart: text.cut(text.clean(picture.alt), MOST_ALT) for chart, picture in pictures.items()}
    return Sheet(
        shown, ui.MediaGallery(*(discord.MediaGalleryItem(f"attachment://{chart}.png", description=alts[chart]) for chart in alts))
    )


def verdict_words(found: Verdict) -> str:
    """What to do, how sure that is, and what would change it. Pure."""
    scope = f" ({text.inline(found.scope.words, 200)})" if found.scope.words else ""
    lines = [f"### Verdict{scope}", text.clean(found.words)]
    if found.duels:
        lines += [robust_words(found.decision, found.robust, found.voters)]
        lines += [f"-# {found.duels:,} duels, {found.ballots:,} ballots of {found.voters:,} {'person' if found.voters == 1 else 'people'}."]
    lines += [f"- {text.clean(change)}" for change in found.change]
    return "\n".join(lines)
