"""/open: what a person can still vote on."""

from collections.abc import Sequence

import discord
from discord import app_commands

from bot.fronts.discord import fit
from bot.fronts.discord.commands.history import may_see
from bot.fronts.discord.interactions import answer, guarded, person, roles, team_of, think
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.parts import parts_of
from bot.fronts.discord.words import link, moment
from bot.views import DuelSummary, Post
from bot.words import counted

LISTED = 10  # duels that are shown at most
LOOKED_AT = 200  # open duels that are checked against the reader's permissions, those that close first


@app_commands.command(name="open", description="What you can still vote on here.")
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def open_(interaction: discord.Interaction) -> None:
    """List what waits for a vote of whoever asks."""
    await guarded(interaction, _open(interaction))


async def _open(interaction: discord.Interaction) -> None:
    await think(interaction, private=True)
    voting = parts_of(interaction).app.voting
    found = await voting.awaiting(person(interaction.user), team_of(interaction), roles(interaction), limit=LOOKED_AT)
    reached = [(summary, post) for summary, post in found if post.message and post.shown != "gone" and may_see(interaction, post)]
    await answer(interaction, words_sheet(open_words(reached)))


def open_words(found: Sequence[tuple[DuelSummary, Post]]) -> str:
    """Write a line per duel, with a link to its message; what closes first comes first. Pure."""
    if not found:
        return "### Waiting for your vote\nNothing: you have voted on all that is open here, or nothing is."
    lines = [_line(summary, post) for summary, post in found[:LISTED]]
    if len(found) > LISTED:
        lines.append(f"… and {len(found) - LISTED:,} more that close later.")
    return "\n".join((f"### {counted(len(found), 'duel')} waiting for your vote", *lines))


def _line(summary: DuelSummary, post: Post) -> str:
    request = fit.inline(summary.request, 80) or "(deleted)"
    voted = f" · {summary.ballots:,} of {post.quorum:,} have voted" if post.quorum and not post.alone else ""
    closes = f" · closes {moment(post.closes_at)}" if post.closes_at else ""
    return f"- {request if post.private else f'[{request}]({link(post)})'}\n  -# <#{post.channel}>{voted}{closes}"
