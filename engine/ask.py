"""Requests without votes: rows answered by every arm, several at once."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.contestants import Arm, Contestant, check_fair
from engine.duel import Answer, Failure, answer_each, prompt_of, seed_of
from engine.errors import BadRequest
from engine.lineup import Lineup
from engine.placeholders import given_on
from engine.request import Request, Turn
from engine.rows import Row


@dataclass(frozen=True, slots=True)
class Answered:
    """A row with the outcome of every arm."""

    row: Row
    outcomes: Mapping[Arm, Answer | Failure]


def entrants_of(lineup: Lineup, arms: Sequence[Arm]) -> dict[Arm, Contestant]:
    """Make the contestants of these arms, or of the duel's two. Raises BadAdapter, BadRecipe and UnfairDuel."""
    entrants = {arm: lineup.kit.contestant(arm) for arm in arms or lineup.arms}
    check_fair(tuple(entrants.values()))
    return entrants


def checked(row: Row) -> Request:
    """Build the row's request. Raises BadRequest, for a turn of its history as well."""
    history: list[Turn] = []
    for number, turn in enumerate(row.history, 1):
        try:
            history.append(Turn(turn.role, Request.of(turn.text).text))
        except BadRequest as error:
            raise BadRequest(f"Turn {number} of the history: {error.words}") from error
    return Request.of(row.text, tuple(history), given_on(datetime.now(UTC)))


async def answer_row(row: Row, lineup: Lineup, entrants: Mapping[Arm, Contestant], limit_s: float) -> Answered:
    """Answer one row by all arms at once, each within limit_s seconds; a row that cannot be asked is a failure of every arm."""
    try:
        request = checked(row)
    except BadRequest as error:
        return Answered(row, dict.fromkeys(entrants, Failure("bad_request", error.words)))
    prompts = {arm: prompt_of(contestant, request, seed_of(str(row.id), arm)) for arm, contestant in entrants.items()}
    return Answered(row, await answer_each(prompts, lineup.backend, lineup.price, limit_s=limit_s))


async def answer_rows(
    rows: Sequence[Row],
    lineup: Lineup,
    entrants: Mapping[Arm, Contestant],
    tell: Callable[[Answered], None],
    *,
    limit_s: float,
    at_once: int,
) -> None:
    """Answer every row and tell it in the order of `rows`, with at most `at_once` of them in the engine at a time.

    A slow row holds back only the telling of later ones. A cancelled caller is told those that are ready before the
    cancellation goes on; no row runs on after the end, whatever it was.
    """
    places = asyncio.Semaphore(at_once)

    async def one(row: Row) -> Answered:
        async with places:
            return await answer_row(row, lineup, entrants, limit_s)

    tasks = [asyncio.create_task(one(row)) for row in rows]
    told = 0
    try:
        for task in tasks:
            tell(await task)
            told += 1
    except asyncio.CancelledError:
        for task in tasks[told:]:
            if task.done() and not task.cancelled() and task.exception() is None:
                tell(task.result())
        raise
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
