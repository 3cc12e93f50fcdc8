"""A stage for what only sockets show: a loopback Discord, the unmodified bot in its own process, people, and the store's file."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.ballots import Choice
from bot.words import CHOICES
from tests.loopback import TOKEN, BotProcess, Loopback, Person, bot_process
from tests.loopback.world import Channel, Guild, Message
from tests.patience import patient

GENEROUS = {
    "DUEL_DISCORD_QUORUM": "2",
    "DUEL_DISCORD_BLINDING_SHARE": "0",
    "DUEL_DISCORD_PERSON_IN_FLIGHT": "64",
    "DUEL_DISCORD_PERSON_PER_MINUTE": "1000",
    "DUEL_DISCORD_SERVER_IN_FLIGHT": "64",
    "DUEL_DISCORD_SERVER_PER_MINUTE": "1000",
}
"""Limits that no test here is about."""
CHANNELS = 20


@dataclass(slots=True)
class Stage:
    """A server with its channels, one elsewhere, Ada who owns it, Bob, Cora who owns the other; `bot` is the process that runs now."""

    discord: Loopback
    folder: Path
    team: Guild
    channels: list[Channel]
    elsewhere: Channel  # in a server of its own
    ada: Person
    bob: Person
    cora: Person
    bot: BotProcess = field(init=False)

    def channel(self) -> Channel:
        """One that no test has used."""
        return self.channels.pop()

    async def until(self, question: Callable[[], Any], what: str) -> Any:
        return await self.discord.world.changes.until(question, lambda: f"{what}; the bot said:\n{self.bot.output}")

    def stored(self, sql: str) -> list[tuple[Any, ...]]:
        """Read from the store as another process would."""
        with closing(sqlite3.connect(f"file:{self.folder / 'duels.sqlite3'}?mode=ro", uri=True)) as file:
            return list(file.execute(sql))

    async def until_stored(self, sql: str, value: Any) -> None:
        """Wait until the store, as another process reads it, holds this one value there."""
        async with asyncio.timeout(patient(20)):
            while self.stored(sql) != [(value,)]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    @asynccontextmanager
    async def running(self, *, wait: bool = True, anew: bool = False, **settings: str) -> AsyncGenerator[BotProcess, None]:
        """The bot, connected; with `wait` off, merely started."""
        async with bot_process(self.discord, self.folder, settings=GENEROUS | settings, wait=wait, anew=anew) as self.bot:
            yield self.bot


@asynccontextmanager
async def built(folder: Path) -> AsyncGenerator[Stage, None]:
    """Everything but the bot."""
    async with Loopback.open() as discord:
        ada, bob, cora = (Person(discord, name) for name in ("Ada", "Bob", "Cora"))
        team, other = discord.world.guild("Team", ada.user), discord.world.guild("Other", cora.user)
        bob.join(team)
        channels = [discord.world.channel(team, f"channel-{number}") for number in range(CHANNELS)]
        yield Stage(discord, folder, team, channels, discord.world.channel(other, "elsewhere"), ada, bob, cora)


@asynccontextmanager
async def staged(folder: Path) -> AsyncGenerator[Stage, None]:
    """Everything, with the bot connected, started as people start it."""
    async with built(folder) as stage, stage.running(anew=True):
        yield stage


def votable(note: Message) -> bool:
    return CHOICES[Choice.LEFT] in note.labels


def closed(note: Message) -> bool:
    return "A was " in note.text


def streaming(note: Message) -> bool:
    return "Stop" in note.labels and len(note.revisions) > 1


def assert_clean(stage: Stage) -> None:
    """Discord had nothing to complain of, nobody was pinged, nothing went wrong unseen."""
    assert_sound(stage)
    assert [note.text for note in stage.discord.world.messages.values() if note.pinged] == []


def assert_sound(stage: Stage) -> None:
    """As `assert_clean`, where people may be pinged."""
    assert stage.discord.complaints() == []
    assert [str(call) for call in stage.discord.throttled] == []
    assert "Traceback" not in stage.bot.output, stage.bot.output
    assert TOKEN not in stage.bot.output
