"""Examples proposed for a recipe: winners of closed votes, or rows to learn from, that together are like what the team asks.

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
from engine.errors import BadRequest
from engine.near import LIMIT, grams, jaccard
from engine.recipes import Example, Recipe
from engine.rows import Row, read_rows

LOOKED_AT = 200  # closed duels, the latest
MOST = 6  # examples that are proposed
LEAST_GAIN = 0.5  # requests' worth of likeness that a further example must bring; one like no other brings 1, itself
LEAST_LATE = 20  # late requests of a team, below which rows are chosen to be like their own file
TO_LEARN = ("", "train", "example")  # roles of rows that may be examples
LONGEST = 2000  # characters of request and answer together: a longer example costs every prompt more than it is worth


@dataclass(frozen=True, slots=True)
class ProposedExample:
    """A request with the answer that won its vote."""

    example: Example
    arm: Arm  # who gave it
    votes: int  # for it
    ballots: int  # in all
    like: int  # of the late requests, those to which it is the nearest example


@dataclass(frozen=True, slots=True)
class ProposedRow:
    """A row to learn from, as an example."""

    example: Example
    line: int  # of its file
    like: int  # of the requests that are asked, those to which it is the nearest example


@dataclass(frozen=True, slots=True)
class ProposedRows:
    """What is proposed from a file of rows."""

    rows: tuple[ProposedRow, ...]
    looked_at: int  # rows that may be examples: those to learn from
    asked: int  # requests that they should be like
    own: bool  # whether these are the team's late requests; else the file's


class Proposing:
    """Proposes examples from votes and from rows."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def examples(self, recipe: Recipe, team: str | None, channel: str = "") -> tuple[ProposedExample, ...]:
        """Propose examples for a recipe from a team's latest votes, the one to begin with first. channel: of this one alone."""
        return await asyncio.to_thread(proposed, await self._late(team, channel), recipe.examples)

    async def from_rows(self, text: str, recipe: Recipe, team: str | None) -> ProposedRows:
        """Propose examples from the text of a file of rows: like what the team asks, or like the file where it has asked little.

        Raises BadRequest for what holds no rows, or none to learn from.
        """
        rows = read_rows([text.encode(errors="replace")], "The file").rows
        late = [duel.request for duel in await self._late(team)]
        return await asyncio.to_thread(proposed_rows, rows, late, recipe.examples)

    async def _late(self, team: str | None, channel: str = "") -> list[DuelRecord]:
        async with self._core.store.reading() as look:
            return [await DuelRows(look).duel(each) for each in await RematchRows(look).past(team, LOOKED_AT, channel)]


def proposed(duels: Sequence[DuelRecord], there: Sequence[Example], most: int = MOST) -> tuple[ProposedExample, ...]:
    """Choose among the winners of these duels. there: examples that the recipe has, whose near-duplicates are no news. Pure."""
    won = [(duel, example) for duel in duels if (example := winner(duel))]
    found = _covering([duel.request for duel in duels], [example.user for _, example in won], there, most)
    return tuple(_proposal(*won[at], like) for at, like in found)


def proposed_rows(rows: Sequence[Row], late: Sequence[str], there: Sequence[Example], most: int = MOST) -> ProposedRows:
    """Choose among rows to learn from: never one that is measured or chosen on. Raises BadRequest where there is none. Pure."""
    fit = [row for row in rows if row.role in TO_LEARN and not row.history and row.references]
    fit = [row for row in fit if row.references[0].strip() and len(row.text) + len(row.references[0]) <= LONGEST][:LOOKED_AT]
    if not fit:
        raise BadRequest(
            "No row of this file can be an example: that takes a request with an answer, of the role train or example or of none."
        )
    own = len(late) >= LEAST_LATE
    asked = late if own else [row.text for row in fit]
    found = _covering(asked, [row.text for row in fit], there, most)
    chosen = tuple(ProposedRow(Example(fit[at].text, fit[at].references[0].strip()), fit[at].line, like) for at, like in found)
    return ProposedRows(chosen, len(fit), len(asked), own)


def _covering(asked: Sequence[str], fit: Sequence[str], there: Sequence[Example], most: int) -> list[tuple[int, int]]:
    """Choose requests that together are like what is asked, and none like an example that is there.

    Returns their places, and of how many of the asked each is the nearest.
    """
    wanted, own = [grams(text) for text in asked], [grams(text) for text in fit]
    known = [grams(example.user) for example in there]
    nearest = [max((jaccard(each, one) for one in known), default=0.0) for each in wanted]
    likes = {at: [jaccard(each, one) for one in wanted] for at, each in enumerate(own) if not _near_any(each, known)}
    chosen: list[int] = []
    while len(chosen) < most:
        left = [at for at in likes if at not in chosen and not _near_any(own[at], [own[each] for each in chosen])]
        best = max(left, key=lambda at: (_gain(likes[at], nearest), -at), default=None)
        if best is None or _gain(likes[best], nearest) < LEAST_GAIN:
            break
        nearest = [max(pair) for pair in zip(nearest, likes[best], strict=True)]
        chosen.append(best)
    owners = [max(chosen, key=lambda at: likes[at][number]) for number in range(len(asked))] if chosen else []
    return [(at, owners.count(at)) for at in chosen]


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
