"""/history: earlier requests here, to find and to go on with."""

from collections.abc import Sequence

import discord
from discord import app_commands

from bot.fronts.discord import fit
from bot.fronts.discord.interactions import answer, guarded, is_direct, person, team_of, think
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.names import search_in, tag_in
from bot.fronts.discord.offers import earlier_requests, tag_names
from bot.fronts.discord.parts import parts_of
from bot.fronts.discord.words import link, moment
from bot.tags import MAX_TAG
from bot.views import DuelSummary, Post
from bot.words import STATES, counted
from engine.errors import BadRequest
from engine.printable import one_line

LISTED = 10  # duels that are shown at most
LOOKED_AT = 200  # newest duels that are checked against the reader's permissions; the first LISTED that they may see are shown


@app_commands.command(description="Earlier requests here: find one, and go on with it.")
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
@app_commands.describe(
    search="Words of the request.", tag="Only requests with this tag.", reopen="In a direct message: go on with this one."
)
@app_commands.autocomplete(tag=tag_names, reopen=earlier_requests)
async def history(interaction: discord.Interaction, search: str = "", tag: str = "", reopen: str | None = None) -> None:
    """List earlier requests, or go on with one."""
    await guarded(interaction, _history(interaction, search_in(interaction, search), tag_in(interaction, tag), reopen))


async def _history(interaction: discord.Interaction, search: str, tag: str, reopen: str | None) -> None:
    await think(interaction, private=True)
    app, asker = parts_of(interaction).app, person(interaction.user)
    if reopen is not None:
        if not is_direct(interaction):
            raise BadRequest("In a channel, reply to the bot's message to go on with it; reopening is for direct messages.")
        view = await app.asking.reopen(str(interaction.channel_id), one_line(reopen), asker)
        await answer(interaction, words_sheet(f"Your next message goes on with “{fit.inline(view.request, 80)}”."))
        return
    found = await app.looking.found(team=team_of(interaction), asker=asker, search=search, tag=tag, limit=LOOKED_AT)
    await answer(interaction, words_sheet(history_words([each for each in found if may_see(interaction, each[1])][:LISTED])))


def may_see(interaction: discord.Interaction, post: Post) -> bool:
    """Whether this person could read the duel's message: here, in their direct messages, or in another channel that is open to them."""
    if interaction.guild_id is None or post.private or post.channel == str(interaction.channel_id):
        return True  # private ones were looked up as one's own
    channel = interaction.guild.get_channel_or_thread(int(post.channel)) if interaction.guild else None
    if channel is None or not isinstance(interaction.user, discord.Member):
        return False
    if isinstance(channel, discord.Thread) and (channel.parent is None or channel.is_private()):
        return False
    allowed = channel.permissions_for(interaction.user)
    return allowed.view_channel and allowed.read_message_history


def history_words(found: Sequence[tuple[DuelSummary, Post]]) -> str:
    """Write a line per duel, with a link to its message. Pure."""
    if not found:
        return "### History\nNothing was found here."
    return "\n".join(("### History", *(_line(summary, post) for summary, post in found), "-# Reply to a message to go on with it."))


def _line(summary: DuelSummary, post: Post) -> str:
    request = fit.inline(summary.request, 80) or "(deleted)"
    linked = f"[{request}]({link(post)})" if post.message and not post.private and post.shown != "gone" else request
    tagged = f" · {fit.inline(post.tag, MAX_TAG)}" if post.tag else ""
    votes = f" · {counted(summary.ballots, 'vote')}" if summary.ballots else ""
    return f"- {linked}\n  -# {moment(summary.asked_at)} · {STATES[summary.state]}{votes}{tagged}"
