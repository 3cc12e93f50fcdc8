"""Pictures of a verdict under words, each with a description for those who cannot see it."""

import io
from collections.abc import Iterable

import discord
from discord import ui

from bot.app import App
from bot.charts import Chart, Picture
from bot.fronts.discord import fit
from bot.fronts.discord.layout import MOST_CHARACTERS, Sheet
from bot.verdict import Verdict

MOST_ALT = 1024  # characters of a picture's description


async def with_pictures(app: App, said: str, found: Verdict, charts: Iterable[Chart]) -> tuple[Sheet, list[discord.File]]:
    """Draw a message of these words and charts, and the files that go with it."""
    pictures = {chart: await app.judging.picture(chart, found, "dark", "png") for chart in charts}
    files = [discord.File(io.BytesIO(picture.data), filename=f"{chart}.png") for chart, picture in pictures.items()]
    return sheet_of(said, pictures), files


def sheet_of(said: str, pictures: dict[Chart, Picture]) -> Sheet:
    """Draw the words, and below them the pictures, each with its own words for those who cannot see it."""
    shown = ui.TextDisplay[Sheet](fit.cut(said, MOST_CHARACTERS))
    if not pictures:
        return Sheet(shown)
    alts = {chart: fit.cut(fit.clean(picture.alt), MOST_ALT) for chart, picture in pictures.items()}
    return Sheet(
        shown, ui.MediaGallery(*(discord.MediaGalleryItem(f"attachment://{chart}.png", description=alts[chart]) for chart in alts))
    )
