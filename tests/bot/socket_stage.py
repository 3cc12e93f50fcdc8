"""A stage for what only sockets show: a loopback Discord, the unmodified bot in its own process, people, and the store's file."""

import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.ballots import Choice
from tests.loopback import BotProcess, Loopback, Person, bot_process
from tests.loopback.world import Channel, Guild, Message

GENEROUS = {
    "DUEL_DISCORD_QUORUM": "2",
    "DUEL_DISCORD_BLINDING_SHARE": "0",
    "DUEL_DISCORD_PERSON_PER_MINUTE": "1000",
    "DUEL_DISCORD_SERVER_IN_FLIGHT": "64",
    "DUEL_DISCORD_SERVER_PER_MINUTE": "1000",
}
"""Limits that no test here is about."""
CHANNELS = 16


@dataclass(slots=True)
class Stage:
    """`bot` is the process that runs now."""

    discord: Loopback
    bot: BotProcess
    team: Guild
    channels: list[Channel]
    ada: Person
    bob: Person
    folder: Path

    def channel(self) -> Channel:
        """One that no test has used."""
        return self.channels.pop()

    async def until(self, question: Callable[[], Any], what: str) -> Any:
        return await self.discord.world.changes.until(question, lambda: f"{what}; the bot said:\n{self.bot.output}")

    def stored(self, sql: str) -> list[tuple[Any, ...]]:
        """Read from the store as another process would."""
        with closing(sqlite3.connect(f"file:{self.folder / 'duels.sqlite3'}?mode=ro", uri=True)) as file:
            return list(file.execute(sql))


@asynccontextmanager
async def built(folder: Path, **options: Any) -> AsyncGenerator[tuple[Loopback, Guild, list[Channel], Person, Person], None]:
    """The loopback with a server, its channels, Ada who owns it, and Bob."""
    async with Loopback.open(**options) as discord:
        ada, bob = Person(discord, "Ada"), Person(discord, "Bob")
        team = discord.world.guild("Team", ada.user)
        bob.join(team)
        channels = [discord.world.channel(team, f"channel-{number}") for number in range(CHANNELS)]
        yield discord, team, channels, ada, bob


@asynccontextmanager
async def staged(folder: Path, **settings: str) -> AsyncGenerator[Stage, None]:
    """Everything, with the bot connected."""
    async with built(folder) as (discord, team, channels, ada, bob), bot_process(discord, folder, settings=GENEROUS | settings) as bot:
        yield Stage(discord, bot, team, channels, ada, bob, folder)


def votable(note: Message) -> bool:
    return Choice.LEFT.words in note.labels


def closed(note: Message) -> bool:
    return "A was " in note.text


def streaming(note: Message) -> bool:
    return "Stop" in note.labels and len(note.revisions) > 1
