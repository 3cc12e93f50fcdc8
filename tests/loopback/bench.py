"""How fast the bot is when many ask and vote at once: python -m tests.loopback.bench

Many duels are asked at the same time, by commands or by mentions, spread over some channels; then everybody votes at the same time.
The unmodified bot answers on a loopback Discord. What is printed for each round, in seconds:

ack       the slowest acknowledgement of a command, from the event to the bot's first answer
shown     the longest time from the moment that a duel's answers were stored to the message that shows them; then the median
best      the least that Discord's limits allow for the slowest: 5 sends in 5 s and channel; commands have messages of their own
vote      the slowest acknowledgement of a vote
receipt   the slowest receipt of a vote
beat      the longest gap between two heartbeats, beyond Discord's interval
CPU       what the bot's process used from the first request to the last receipt
stall     how late this very process, which plays Discord, got its turn: all that is above is at fault by that much
429       requests that Discord refused for their pace
"""

import argparse
import asyncio
import math
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import TypeVar

from bot.ballots import Choice
from bot.words import CHOICES
from tests.loopback import BotProcess, Loopback, Person, bot_process
from tests.loopback.interactions import Interaction
from tests.loopback.world import Channel, Message

Found = TypeVar("Found", dict[str, float], list[Interaction])
ENOUGH = "1000"
SETTINGS = {
    "DUEL_DISCORD_BLINDING_SHARE": "0",
    "DUEL_DISCORD_IN_FLIGHT": ENOUGH,
    "DUEL_DISCORD_PERSON_IN_FLIGHT": ENOUGH,
    "DUEL_DISCORD_PERSON_PER_MINUTE": ENOUGH,
    "DUEL_DISCORD_SERVER_IN_FLIGHT": ENOUGH,
    "DUEL_DISCORD_SERVER_PER_MINUTE": ENOUGH,
}
LATE_S = 90.0
WINDOW_S, IN_WINDOW = 5.0, 5
READY_S = 3.0


@dataclass(frozen=True, slots=True)
class Round:
    """What to ask."""

    duels: int
    channels: int
    by_command: bool
    request: str = "slow 40"
    latency_s: float = 0.0  # of each of Discord's answers

    @property
    def first_sent_s(self) -> float:
        """When the last first message can be sent at the earliest, counted from the requests."""
        return 0.0 if self.by_command else WINDOW_S * ((math.ceil(self.duels / self.channels) - 1) // IN_WINDOW)


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds but for the last two."""

    ack: float
    shown: float
    middle: float
    best: float
    vote: float
    receipt: float
    beat: float
    cpu: float
    stall: float
    refused: int
    complaints: int


@dataclass(slots=True)
class Bench:
    """A loopback with its people, and the bot."""

    discord: Loopback
    channels: list[Channel]
    people: list[Person]
    bot: BotProcess
    folder: Path

    async def measure(self, asked: Round) -> Figures:
        cpu_s, self.discord.stalled_s, began = self._cpu_s(), 0.0, time.time()
        made = await self._ask(asked)
        shown = await self._until(asked.duels, self._shown)
        stored = self._stored()
        behind_s = time.time() - time.monotonic()
        late = sorted(moment + behind_s - stored[duel] for duel, moment in shown.items())
        votes = [await person.click(note, CHOICES[Choice.LEFT]) for person, note in zip(self.people, self._notes(), strict=True)]
        await self._until(asked.duels, lambda: [vote for vote in votes if vote.reply])
        [session] = self.discord.gateway.connected
        return Figures(
            _slowest(made),
            late[-1],
            median(late),
            max(0.0, began + asked.first_sent_s - max(stored.values())),
            _slowest(votes),
            max(vote.reply.revisions[-1].at - vote.sent for vote in votes if vote.reply),
            session.longest_gap_s - self.discord.gateway.heartbeat_s,
            self._cpu_s() - cpu_s,
            self.discord.stalled_s,
            len(self.discord.throttled),
            len(self.discord.complaints()),
        )

    async def _ask(self, asked: Round) -> list[Interaction]:
        places = [self.channels[number % len(self.channels)] for number in range(asked.duels)]
        if asked.by_command:
            return [await who.slash(place, "compare", request=asked.request) for who, place in zip(self.people, places, strict=True)]
        for who, place in zip(self.people, places, strict=True):
            await who.mention(place, asked.request)
        return []

    async def _until(self, many: int, look: Callable[[], Found]) -> Found:
        """Looks now and then: waiting on every change would keep the loopback busy."""
        for _ in range(int(LATE_S / 0.25)):
            if len(found := look()) == many:
                return found
            await asyncio.sleep(0.25)
        raise AssertionError(f"there were {len(look())} of {many} within {LATE_S:g} s; the bot said:\n{self.bot.output}")

    def _notes(self) -> list[Message]:
        return [note for note in self.discord.world.of_bot() if CHOICES[Choice.LEFT] in note.labels]

    def _shown(self) -> dict[str, float]:
        """Duels that can be voted on, and since when (s, monotonic)."""
        return {_duel(note): next(one.at for one in note.revisions if CHOICES[Choice.LEFT] in one.labels) for note in self._notes()}

    def _stored(self) -> dict[str, float]:
        """When the answers of each duel were complete; seconds since 1970."""
        with closing(sqlite3.connect(f"file:{self.folder / 'duels.sqlite3'}?mode=ro", uri=True)) as file:
            return {duel: datetime.fromisoformat(at).timestamp() for duel, at in file.execute("SELECT id, answered_at FROM duels")}

    def _cpu_s(self) -> float:
        """Of the bot's process so far, user and system (Linux)."""
        fields = Path(f"/proc/{self.bot.process.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100


def _duel(note: Message) -> str:
    return next(button.custom_id for button in note.buttons if button.custom_id.startswith("v:")).split(":")[1]


def _slowest(made: list[Interaction]) -> float:
    return max((each.ack_s or math.inf for each in made), default=0.0)


async def measure(asked: Round) -> Figures:
    """One round, on a bot of its own."""
    with tempfile.TemporaryDirectory(prefix="duelbot-bench-") as name:
        folder = Path(name)
        async with Loopback.open() as discord:
            owner = Person(discord, "Ada")
            team = discord.world.guild("Team", owner.user)
            channels = [discord.world.channel(team, f"channel-{number}") for number in range(asked.channels)]
            people = [Person(discord, f"P{number}").join(team) for number in range(asked.duels)]
            async with bot_process(discord, folder, settings=SETTINGS, anew=True) as bot:
                await asyncio.sleep(READY_S)
                discord.faults.latency_s = asked.latency_s
                return await Bench(discord, channels, people, bot, folder).measure(asked)


ROUNDS = (
    Round(32, 4, True),
    Round(32, 4, False),
    Round(32, 8, False),
    Round(32, 32, False),
    Round(100, 4, True),
    Round(100, 25, False),
)
HEAD = ("duels", "asked by", "channels", "ack", "shown", "median", "best", "vote", "receipt", "beat", "CPU", "stall", "429")


def line(asked: Round, found: Figures) -> str:
    how = "commands" if asked.by_command else "mentions"
    times = (found.ack, found.shown, found.middle, found.best, found.vote, found.receipt, found.beat, found.cpu, found.stall)
    cells = (str(asked.duels), how, str(asked.channels), *(f"{each:.2f}" for each in times), str(found.refused))
    return _row(cells) + (f"  {found.complaints} complaints" if found.complaints else "")


def _row(cells: tuple[str, ...]) -> str:
    return " ".join(f"{cell:>{max(6, len(head))}}" for cell, head in zip(cells, HEAD, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.loopback.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=int, help="rounds with so many duels")
    parser.add_argument("--times", type=int, default=1, help="repeat each round")
    parser.add_argument("--request", default="slow 40", help='"slow N": N words, one each 50 ms; "long": more than a message holds')
    parser.add_argument("--latency", type=float, default=0.0, help="of each of Discord's answers, in seconds")
    chosen = parser.parse_args()
    sys.stdout.write(_row(HEAD) + "\n")
    for asked in [replace(one, request=chosen.request, latency_s=chosen.latency) for one in ROUNDS if chosen.only in (None, one.duels)]:
        for _ in range(chosen.times):
            sys.stdout.write(line(asked, asyncio.run(measure(asked))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
