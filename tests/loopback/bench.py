"""How fast the bot is when many ask at once: python -m tests.loopback.bench

Many duels are asked at the same time, by commands or by mentions, spread over some channels; the unmodified bot answers them on a
loopback Discord. What is printed for each round:

ack       the slowest acknowledgement of a command, from the event to the bot's first answer
shown     the longest time from storing a duel's answers to the message that shows them with its buttons; then the median
best      what Discord's limit of 5 edits in 5 s and channel allows at best for the slowest, if all of a channel's duels were stored at once
beat      the longest gap between two heartbeats, beyond Discord's interval
CPU       seconds that the bot's process used from the first request to the last answer
stall     how late this very process, which plays Discord, got its turn: what is above is at fault by that much
429       requests that Discord refused for their pace
"""

import argparse
import asyncio
import math
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from statistics import median

from bot.ballots import Choice
from tests.loopback import BotProcess, Loopback, Person, bot_process
from tests.loopback.world import Message

ENOUGH = "1000"
SETTINGS = {
    "DUEL_DISCORD_IN_FLIGHT": ENOUGH,
    "DUEL_DISCORD_PERSON_IN_FLIGHT": ENOUGH,
    "DUEL_DISCORD_PERSON_PER_MINUTE": ENOUGH,
    "DUEL_DISCORD_SERVER_IN_FLIGHT": ENOUGH,
    "DUEL_DISCORD_SERVER_PER_MINUTE": ENOUGH,
}
LATE_S = 90.0
WINDOW_S, IN_WINDOW = 5.0, 5


@dataclass(frozen=True, slots=True)
class Round:
    """What to ask."""

    duels: int
    channels: int
    by_command: bool
    request: str = "slow 40"
    latency_s: float = 0.0  # of each of Discord's answers

    @property
    def best_s(self) -> float:
        """Commands are edited by a token of their own, so nothing holds them."""
        in_channel = math.ceil(self.duels / self.channels)
        return 0.0 if self.by_command else WINDOW_S * ((in_channel - 1) // IN_WINDOW)


@dataclass(frozen=True, slots=True)
class Figures:
    ack_s: float
    shown_s: float
    median_s: float
    beat_s: float
    cpu_s: float
    stall_s: float
    refused: int
    complaints: int


async def measure(asked: Round) -> Figures:
    """One round, on a bot of its own."""
    with tempfile.TemporaryDirectory(prefix="duelbot-bench-") as folder:
        async with Loopback.open() as discord:
            owner = Person(discord, "Ada")
            team = discord.world.guild("Team", owner.user)
            channels = [discord.world.channel(team, f"channel-{number}") for number in range(asked.channels)]
            people = [Person(discord, f"P{number}").join(team) for number in range(asked.duels)]
            async with bot_process(discord, Path(folder), settings=SETTINGS) as bot:
                await asyncio.sleep(3)  # until it is ready
                discord.faults.latency_s = asked.latency_s
                return await _measure(asked, discord, channels, people, bot, Path(folder))


async def _measure(asked: Round, discord: Loopback, channels: list, people: list[Person], bot: BotProcess, folder: Path) -> Figures:
    began_cpu_s, discord.stalled_s = _cpu_s(bot), 0.0
    made = []
    for number, person in enumerate(people):
        place = channels[number % len(channels)]
        made += [await person.slash(place, "compare", request=asked.request)] if asked.by_command else []
        if not asked.by_command:
            await person.mention(place, asked.request)
    deadline = time.monotonic() + LATE_S
    while len(_shown(discord)) < asked.duels and time.monotonic() < deadline:
        await asyncio.sleep(0.25)
    cpu_s, behind_s = _cpu_s(bot) - began_cpu_s, time.time() - time.monotonic()
    shown, stored = _shown(discord), _stored(folder)
    assert len(shown) == len(stored) == asked.duels, f"{len(shown)} of {asked.duels} were shown:\n{bot.output}"
    late = sorted(moment + behind_s - stored[duel] for duel, moment in shown.items())
    [session] = discord.gateway.connected
    return Figures(
        max((each.ack_s or math.inf for each in made), default=0.0),
        late[-1],
        median(late),
        session.longest_gap_s - discord.gateway.heartbeat_s,
        cpu_s,
        discord.stalled_s,
        len(discord.throttled),
        len(discord.complaints()),
    )


def _shown(discord: Loopback) -> dict[str, float]:
    """Duels that can be voted on, and since when (s, monotonic)."""
    found = {}
    for note in discord.world.of_bot():
        for revision in note.revisions:
            if Choice.LEFT.words in revision.labels:
                found[_duel(note)] = revision.at
                break
    return found


def _duel(note: Message) -> str:
    return next(button.custom_id for button in note.buttons if button.custom_id.startswith("v:")).split(":")[1]


def _stored(folder: Path) -> dict[str, float]:
    with closing(sqlite3.connect(f"file:{folder / 'duels.sqlite3'}?mode=ro", uri=True)) as file:
        return {duel: datetime.fromisoformat(at).timestamp() for duel, at in file.execute("SELECT id, answered_at FROM duels")}


def _cpu_s(bot: BotProcess) -> float:
    """Of the bot's process so far, user and system (Linux: /proc)."""
    fields = Path(f"/proc/{bot.process.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


ROUNDS = (
    Round(32, 4, True),
    Round(32, 4, False),
    Round(32, 8, False),
    Round(32, 32, False),
    Round(100, 4, True),
    Round(100, 25, False),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=int, help="rounds with so many duels")
    parser.add_argument("--times", type=int, default=1, help="repeat each round")
    parser.add_argument("--request", default="slow 40", help='"slow N": N words, one each 50 ms; "long": more than a message holds')
    parser.add_argument("--latency", type=float, default=0.0, help="of each of Discord's answers, in seconds")
    chosen = parser.parse_args()
    print(
        f"{'duels':>5} {'asked by':<9} {'channels':>8} {'ack':>6} {'shown':>6} {'median':>6} {'best':>5} {'beat':>5} {'CPU':>5} {'stall':>5} {'429':>3}"
    )
    rounds = [replace(one, request=chosen.request, latency_s=chosen.latency) for one in ROUNDS if chosen.only in (None, one.duels)]
    for each in rounds:
        for _ in range(chosen.times):
            found = asyncio.run(measure(each))
            how = "commands" if each.by_command else "mentions"
            print(
                f"{each.duels:>5} {how:<9} {each.channels:>8} {found.ack_s:>6.2f} {found.shown_s:>6.2f} {found.median_s:>6.2f} "
                f"{each.best_s:>5.1f} {found.beat_s:>5.2f} {found.cpu_s:>5.2f} {found.stall_s:>5.2f} {found.refused:>3}"
                + (f"  {found.complaints} complaints" if found.complaints else ""),
                flush=True,
            )


if __name__ == "__main__":
    main()
