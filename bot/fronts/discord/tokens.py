"""The tokens by which answers to interactions can be edited, for a quarter of an hour each. Kept in memory only."""

import asyncio
from dataclasses import dataclass

import discord

TOKEN_S = 14 * 60.0  # seconds that edits go by an interaction's token; Discord takes it for 15 minutes


@dataclass(slots=True)
class Token:
    """The way to edit an interaction's answer."""

    interaction: discord.Interaction
    ends_at: float  # seconds on the loop's clock


class Tokens:
    """Tokens by duel."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    def put(self, duel: str, interaction: discord.Interaction) -> None:
        """Keep the token of an interaction whose answer shows this duel."""
        self._tokens[duel] = Token(interaction, asyncio.get_running_loop().time() + TOKEN_S)

    def of(self, duel: str) -> discord.Interaction | None:
        """Return the interaction whose token still edits this duel's message. Drops one that has ended."""
        token = self._tokens.get(duel)
        if token and token.ends_at <= asyncio.get_running_loop().time():
            del self._tokens[duel]
            return None
        return token.interaction if token else None

    def drop(self, duel: str) -> None:
        """Keep the duel's token no longer."""
        self._tokens.pop(duel, None)

    def drop_ended(self) -> None:
        """Drop every token that has ended."""
        for duel in list(self._tokens):
            self.of(duel)

    def ending(self, within_s: float) -> list[str]:
        """Return the duels whose tokens end within so many seconds."""
        soon = asyncio.get_running_loop().time() + within_s
        return [duel for duel, token in self._tokens.items() if token.ends_at <= soon]
