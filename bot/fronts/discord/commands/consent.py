"""/consent: whether a person's closed duels may train adapters, and be asked again of new recipes."""

import discord
from discord import app_commands

from bot.app.consents import Consent
from bot.fronts.discord.interactions import answer, guarded, person, team_of, think
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.parts import parts_of

ABOUT = (
    "Agreeing lets this server's Duelbot train adapters on your requests here, on the answers to them, and on your ballots, once the "
    "votes are closed, and lets a new recipe answer these requests again for the channel's votes. You can withdraw at any time: "
    "what is taken out from then on holds nothing of yours. What an adapter has learned "
    "before stays in it."
)


@app_commands.command(description="May your closed duels train adapters? See how it stands, agree, or withdraw.")
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
@app_commands.describe(agree="True: they may. False: no longer.")
async def consent(interaction: discord.Interaction, *, agree: bool | None = None) -> None:
    """Show how it stands, and change it where that is asked."""
    await guarded(interaction, _consent(interaction, agree))


async def _consent(interaction: discord.Interaction, agree: bool | None) -> None:
    await think(interaction, private=True)
    consents, who, team = parts_of(interaction).app.consents, person(interaction.user), team_of(interaction)
    if agree is None:
        found = await consents.of(who, team)
    else:
        found = await (consents.agree if agree else consents.withdraw)(who, team)
    await answer(interaction, words_sheet(consent_words(found)))


def consent_words(found: Consent) -> str:
    """Say how it stands. Pure."""
    if not found.offered:
        kept = " You agreed before; that counts for nothing while it is off." if found.agreed else ""
        return f"This server does not train adapters on people's duels. An admin can offer it with /settings.{kept}"
    stands = "have agreed.** /consent agree:False withdraws" if found.agreed else "have not agreed.** /consent agree:True agrees"
    return f"{ABOUT}\n**You {stands}."
