"""Requests without votes: rows of a file checked before anything runs, and answered several at once."""

import asyncio
import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.contestants import Arm, Contestant, check_fair
from engine.duel import Answer, Failure, answer_each, prompt_of, seed_of
from engine.errors import BadRequest
from engine.lineup import Lineup
from engine.request import Request, Turn


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file of requests, its form checked; whether its text can be asked is the request's own check."""

    id: str | int
    text: str
    history: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """A row with the outcome of every arm."""

    row: Row
    outcomes: Mapping[Arm, Answer | Failure]


def read_rows(lines: Iterable[bytes], name: str) -> tuple[list[Row], list[str]]:
    """Rows of a JSONL file, and the keys in it that nobody uses. Blank lines are skipped.

    Raises BadRequest with the number of the first line that is no row, or when there is none at all.
    """
    rows: list[Row] = []
    lines_of: dict[str, int] = {}
    unused: dict[str, None] = {}
    for number, line in enumerate(lines, 1):
        where = f"Line {number:,} of {name}"
        if not line.strip().removeprefix(b"\xef\xbb\xbf"):
            continue
        row, others = _row(_parsed(line, where), where)
        if (first := lines_of.setdefault(str(row.id), number)) != number:
            raise BadRequest(f"{where} has the id {row.id!r} of line {first:,}. Give every request an id of its own.")
        rows.append(row)
        unused |= dict.fromkeys(others)
    if not rows:
        raise BadRequest(f"{name} holds no requests. Write one a line: {_EXAMPLE}.")
    return rows, list(unused)


_EXAMPLE = '{"id": "1", "text": "What should we do?"}'


def _parsed(line: bytes, where: str) -> Any:
    try:
        return json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadRequest(f"{where} is not UTF-8 text.") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadRequest(f"{where} is not JSON. A row looks like {_EXAMPLE}.") from error
    except ValueError as error:  # a whole number of more digits than Python reads
        raise BadRequest(f"{where} holds a number that is too long.") from error


def _row(table: Any, where: str) -> tuple[Row, list[str]]:
    if not isinstance(table, dict):
        raise BadRequest(f"{where} is not an object. A row looks like {_EXAMPLE}.")
    if missing := [key for key in ("id", "text") if key not in table]:
        raise BadRequest(f"{where} lacks {' and '.join(missing)}. A row looks like {_EXAMPLE}.")
    name, text, history = table["id"], table["text"], table.get("history", [])
    if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
        raise BadRequest(f"{where}: id must be text or a whole number.")
    if not str(name).isascii() and "Cs" in map(unicodedata.category, str(name)):
        raise BadRequest(f"{where}: the id holds half of a surrogate pair, which is no character.")
    if not isinstance(text, str):
        raise BadRequest(f"{where}: text must be text.")
    if not (isinstance(history, list) and all(map(_is_turn, history))):
        raise BadRequest(f'{where}: history must be a list of {{"role": "user" or "assistant", "text": "..."}}.')
    turns = tuple(Turn(turn["role"], turn["text"]) for turn in history)
    return Row(name, text, turns), [key for key in table if key not in ("id", "text", "history")]


def _is_turn(turn: Any) -> bool:
    if not isinstance(turn, dict) or set(turn) != {"role", "text"}:
        return False
    return turn["role"] in ("user", "assistant") and isinstance(turn["text"], str)


def entrants_of(lineup: Lineup, arms: Sequence[Arm]) -> dict[Arm, Contestant]:
    """The contestants of these arms, or of the duel's two. Raises BadAdapter and UnfairDuel."""
    entrants = {arm: lineup.kit.contestant(arm) for arm in arms or lineup.arms}
    check_fair(tuple(entrants.values()))
    return entrants


def checked(row: Row) -> Request:
    """The row's request. Raises BadRequest, for a turn of its history as well."""
    history: list[Turn] = []
    for number, turn in enumerate(row.history, 1):
        try:
            history.append(Turn(turn.role, Request.of(turn.text).text))
        except BadRequest as error:
            raise BadRequest(f"Turn {number} of the history: {error.words}") from error
    return Request.of(row.text, tuple(history))


async def answer_row(row: Row, lineup: Lineup, entrants: Mapping[Arm, Contestant], limit_s: float) -> Answered:
    """One row by all arms at once; a row that cannot be asked is a failure of every arm."""
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
    """Every row told in the order of `rows`, with at most `at_once` of them in the engine at a time.

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
