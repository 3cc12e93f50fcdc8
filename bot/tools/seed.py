"""A made-up team: duels, answers and ballots with known odds, for measuring, for pictures and for tests. Nothing of it is evidence."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from bot.store import Store
from bot.store.contestants import ContestantRows
from bot.store.duels import DuelRows
from bot.store.exchange import Tables
from bot.store.records import stamp
from bot.verdict import Who, ordered
from engine.contestants import Arm
from engine.named import Named
from engine.recipes import load_recipe

SINCE = datetime(2026, 1, 5, 8, tzinfo=UTC)
TAGS = ("billing", "code", "support", "")
SAYING = ("We have {n} labelled tickets and the wording changes every week.", "What would {n} examples be good for?")
BATCH = 2000


@dataclass(frozen=True, slots=True)
class Team:
    """Who they are. theta: how often voters prefer the fine-tune when they prefer one; per tag added: how much more there."""

    duels: int
    voters: int = 8
    per_duel: int = 5
    theta: float = 0.5
    tie: float = 0.15
    both_bad: float = 0.06
    tags: tuple[str, ...] = TAGS
    by_tag: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    prompt_usd: float = 0.00004
    tuned_usd: float = 0.00003
    prompt_s: float = 1.1
    tuned_s: float = 0.8
    minutes: float = 40.0  # between duels
    since: datetime = SINCE
    contestants: tuple[str, str] = ("", "")  # ids to use for (prompted, tuned); empty: made up


def people(team: Team) -> tuple[Who, Who]:
    """The two who meet."""
    ids = [given or f"{name}-made-up"[:12] for given, name in zip(team.contestants, ("prompted", "tuned"), strict=True)]
    return ordered([Who(ids[0], Arm.PROMPTED, Named("house", "1")), Who(ids[1], Arm.TUNED, Named("plain", "1"), Named("demo", "1"))])


async def plant(store: Store, team: Team, rng: np.random.Generator) -> None:
    """Write the team into a store."""
    async with store.writing() as change:
        dump = Tables(change)
        there = await ContestantRows(change).all()
        for who in people(team):
            if who.id not in there:
                await dump.insert("contestants", [_contestant(who, team)])
        first = await DuelRows(change).next_closing() - 1
        for start in range(0, team.duels, BATCH):
            rows = list(_duels(team, rng, range(first + start, first + min(start + BATCH, team.duels))))
            for table in ("conversations", "duels", "answers", "ballots", "tags"):
                await dump.insert(table, [row for name, row in rows if name == table])
            await dump.sum_up()


def _contestant(who: Who, team: Team) -> dict[str, Any]:
    recipe, adapter = load_recipe(who.recipe.name), who.adapter
    return {
        "id": who.id,
        "arm": who.arm,
        "recipe_name": who.recipe.name,
        "recipe_version": who.recipe.version,
        "recipe_digest": recipe.digest,
        "recipe": json.dumps(asdict(recipe), ensure_ascii=False),
        "adapter_name": adapter and adapter.name,
        "adapter_version": adapter and adapter.version,
        "adapter_digest": adapter and "0" * 16,
        "adapter_folder": adapter and "made-up",
        "base_name": "demo",
        "base_revision": "0" * 16,
        "base_context_tokens": 2048,
        "base_parameters": 9_000_000,
        "first_met_at": stamp(team.since),
    }


def _duels(team: Team, rng: np.random.Generator, numbers: range) -> Iterator[tuple[str, dict[str, Any]]]:
    """Tables and rows."""
    who = people(team)
    for number in numbers:
        at = team.since + timedelta(minutes=team.minutes * number)
        tag = int(rng.integers(len(team.tags)))
        duel = f"{number + 1:032x}"
        closed_at = stamp(at + timedelta(minutes=9))
        text = SAYING[number % len(SAYING)].format(n=int(rng.integers(50, 5000)))
        yield "conversations", {"id": f"c{duel}", "started_at": stamp(at)}
        yield (
            "duels",
            {
                "id": duel,
                "conversation": f"c{duel}",
                "turn": 1,
                "asker": f"person {number % team.voters + 1}",
                "request": text,
                "asked_at": stamp(at),
                "left_entrant": int(rng.integers(2)),
                "quorum": team.per_duel,
                "state": "closed",
                "note": "",
                "answered_at": stamp(at + timedelta(seconds=2)),
                "closed_at": closed_at,
                "closing": number + 1,
                "closed_by": "quorum",
                "identical": 0,
                "carried": 0,
                "carried_by": "vote",
            },
        )
        for entrant, (usd, total_s, tokens) in enumerate(((team.prompt_usd, team.prompt_s, 410), (team.tuned_usd, team.tuned_s, 60))):
            yield "answers", _answer(duel, entrant, who[entrant].id, rng, usd=usd, total_s=total_s, tokens=tokens)
        chance = float(np.clip(team.theta + team.by_tag[tag] + rng.normal(0, 0.12), 0.02, 0.98))
        for voter in sorted(rng.choice(team.voters, size=min(team.voters, team.per_duel), replace=False)):
            ballot = {"duel": duel, "voter": f"person {voter + 1}", **_said(chance, team, rng), "cast_at": closed_at}
            yield "ballots", ballot
        if team.tags[tag]:
            yield "tags", {"duel": duel, "tag": team.tags[tag], "by_rule": 1}


def _answer(
    duel: str, entrant: int, contestant: str, rng: np.random.Generator, *, usd: float, total_s: float, tokens: int
) -> dict[str, Any]:
    slow = float(rng.lognormal(0, 0.35))
    return {
        "duel": duel,
        "entrant": entrant,
        "contestant": contestant,
        "text": "word " * int(rng.integers(30, 90)),
        "finish": "end",
        "failure_kind": None,
        "failure_words": None,
        "prompt_tokens": tokens + int(rng.integers(40)),
        "cached_prompt_tokens": 0,
        "new_tokens": int(rng.integers(30, 90)),
        "queued_s": 0.0,
        "first_token_s": total_s * slow * 0.12,
        "total_s": total_s * slow,
        "busy_s": total_s * slow * 0.6,
        "device": "cpu",
        "ran": "together",
        "usd": usd * slow,
        "basis": "device_hour",
        "price_source": "made up",
        "price_date": "2026-01-01",
    }


def _said(chance: float, team: Team, rng: np.random.Generator) -> dict[str, Any]:
    drawn = rng.random()
    verdict = "tie" if drawn < team.tie else "both_bad" if drawn < team.tie + team.both_bad else "better"
    entrant = int(rng.random() < chance) if verdict == "better" else None
    return {"verdict": verdict, "entrant": entrant}
