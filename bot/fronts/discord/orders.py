"""Requests that come by commands, forms and buttons, as orders."""

from datetime import timedelta
from typing import Any

import discord

from bot.app.orders import Order
from bot.fronts.discord.interactions import is_direct, is_guest, person, roles, team_of, within

GUESTS_VOTE = timedelta(minutes=13)  # where only the token works, the vote closes while it still does


def order_of(interaction: discord.Interaction, request: str, *, private: bool, **more: Any) -> Order:
    """Order a request where this interaction came from, for whoever sent it. private: shown to them alone. more: fields of Order."""
    guest, direct = is_guest(interaction), is_direct(interaction)
    return Order(
        text=request,
        asker=person(interaction.user),
        event=f"interaction:{interaction.id}",
        team=team_of(interaction),
        channel=str(interaction.channel_id),
        within=within(interaction),
        roles=roles(interaction),
        private=private,
        lasting=not (private or guest),
        solo=direct,
        closes_in=GUESTS_VOTE if guest else None,
        **more,
    )
