"""/decide: from a file of examples to a decision, for admins; its message follows the steps and ends with the report."""

import discord
from discord import app_commands

from bot.app.decisions import BroughtDecision, name_of
from bot.app.training import MOST_BYTES
from bot.fronts.discord.files import fetched
from bot.fronts.discord.interactions import guarded, person, team_of, think
from bot.fronts.discord.parts import parts_of
from engine.errors import BadRequest


@app_commands.command(description="Prompt or fine-tune? A decision from a file of examples (admins).")
@app_commands.describe(
    rows="Requests with the answers that you want: JSON lines, a JSON array or CSV.",
    minutes="Minutes for everything (15).",
    metric="What right means: exact, json, f1 or line:NAME. Left out: guessed from the answers.",
)
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
async def decide(
    interaction: discord.Interaction,
    *,
    rows: discord.Attachment,
    minutes: app_commands.Range[int, 2, 600] = 15,
    metric: app_commands.Range[str, 1, 60] = "",
) -> None:
    """Decide, and show how far it is in this command's answer."""
    await guarded(interaction, _decide(interaction, rows, minutes, metric))


async def _decide(interaction: discord.Interaction, rows: discord.Attachment, minutes: int, metric: str) -> None:
    await think(interaction, private=False)
    if not interaction.permissions.manage_guild:
        raise BadRequest("A decision is asked for by a server's admins (permission Manage Server).")
    parts = parts_of(interaction)
    brought = await parts.app.training.bring(rows.filename, await fetched(rows, MOST_BYTES))
    if brought.wrong:
        faults = "; ".join(f"{each.kind}: {each.rows} rows ({each.where})" for each in brought.faults if each.wrong)
        raise BadRequest(f"A decision on these rows would be wrong. {faults}. Mend them and send the file again.")
    wish = BroughtDecision(brought.token, name_of(brought.name), minutes, metric)
    job = await parts.app.decisions.decide(wish, person(interaction.user), team=team_of(interaction), channel=str(interaction.channel_id))
    await parts.trainings.start(job, interaction)
