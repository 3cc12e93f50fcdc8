"""Examples proposed for a recipe: winners of closed votes, chosen so that together they are like what the team asks.

Likeness of two requests is the overlap of their 5-grams (engine.near). The choice is greedy on facility location: each next example is
the one that raises most the likeness of all late requests to their nearest example, so it is like many requests and like no example
that was chosen before (Nemhauser, Wolsey and Fisher 1978: within 1 - 1/e of the best choice).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.app.core import Core
from bot.ballots import outcome
from bot.store import DuelRecord
from bot.store.duels import DuelRows
from bot.store.rematches import RematchRows
from engine.contestants import Arm
from engine.near import LIMIT, grams, jaccard
from engine.recipes import Example, Recipe

LOOKED_AT = 200  # closed duels, the latest
MOST = 6  # examples that are proposed
LEAST_GAIN = 0.5  # requests' worth of likeness that a further example must bring; one like no other brings 1, itself
LONGEST = 2000  # characters of request and answer together: a longer example costs every prompt more than it is worth


@dataclass(frozen=True, slots=True)
class ProposedExample:
    """A request with the answer that won its vote."""

    example: Example
    arm: Arm  # who gave it
    votes: int  # for it
    ballots: int  # in all
    like: int  # of the late requests, those to which it is the nearest example


class Proposing:
    """Proposes examples from votes."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def examples(self, recipe: Recipe, team: str | None, channel: str = "") -> tuple[ProposedExample, ...]:
        """Propose examples for a recipe from a team's latest votes, the one to begin with first. channel: of this one alone."""
        async with self._core.store.reading() as look:
            duels = [await DuelRows(look).duel(each) for each in await RematchRows(look).past(team, LOOKED_AT, channel)]
        return await asyncio.to_thread(proposed, duels, recipe.examples)


def proposed(duels: Sequence[DuelRecord], there: Sequence[Example], most: int = MOST) -> tuple[ProposedExample, ...]:
    """Choose among the winners of these duels. there: examples that the recipe has, whose near-duplicates are no news. Pure."""
    asked = [grams(duel.request) for duel in duels]
    known = [grams(example.user) for example in there]
    nearest = [max((jaccard(own, each) for each in known), default=0.0) for own in asked]
    fit = [(duel, won, own) for duel, own in zip(duels, asked, strict=True) if (won := winner(duel)) and not _near_any(own, known)]
    likes = [[jaccard(own, each) for each in asked] for _, _, own in fit]
    chosen: list[int] = []
    while len(chosen) < most:
        left = [at for at in range(len(fit)) if at not in chosen and not _near_any(fit[at][2], [fit[each][2] for each in chosen])]
        if not left:
            break
        best = max(left, key=lambda at: (_gain(likes[at], nearest), -at))
        if _gain(likes[best], nearest) < LEAST_GAIN:
            break
        nearest = [max(pair) for pair in zip(nearest, likes[best], strict=True)]
        chosen.append(best)
    owners = [max(chosen, key=lambda at: likes[at][number]) for number in range(len(duels))] if chosen else []
    return tuple(_proposal(fit[at][0], fit[at][1], owners.count(at)) for at in chosen)


def _near_any(own: frozenset[str], others: Sequence[frozenset[str]]) -> bool:
    return any(jaccard(own, each) >= LIMIT for each in others)


def _gain(likes: Sequence[float], nearest: Sequence[float]) -> float:
    return sum(max(0.0, like - near) for like, near in zip(likes, nearest, strict=True))


def winner(duel: DuelRecord) -> Example | None:
    """Give the better answer with its request; None where there is none that could stand by itself. Pure."""
    better = outcome(duel.ballots)
    if duel.turn != 1 or duel.identical or duel.says_who or duel.closed_by == "hand" or better not in (0, 1):
        return None
    answer = duel.answers[better]
    whole = answer.finish == "end" and answer.text.strip() and len(duel.request) + len(answer.text) <= LONGEST
    return Example(duel.request, answer.text.strip()) if whole else None


def _proposal(duel: DuelRecord, example: Example, like: int) -> ProposedExample:
    better = outcome(duel.ballots)
    assert better in (0, 1)  # else it was no winner
    votes = sum(ballot.entrant == better for ballot in duel.ballots)
    return ProposedExample(example, duel.answers[better].who.arm, votes, len(duel.ballots), like)
