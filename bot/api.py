"""The bot for programs. The names in __all__ are public: docs/api.md says what is promised about them; all others may change."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.app.app import utc_now
from bot.app.evidence import Evidence
from bot.app.routing import RouteStanding, routing_over
from bot.errors import StoreError
from bot.evaluation.rows import EvaluationSet, read_rows, without_seen
from bot.evaluation.run import answers_of, evaluate, report
from bot.evidence.decision import State
from bot.settings import Settings
from bot.store import Store
from bot.store.evaluations import Evaluated
from bot.store.exchange import reading_copy
from bot.store.tags import TagRows
from bot.verdict import Unknown, Verdict, Who
from bot.verdict.periods import ALL_TIME
from bot.verdict.periods import since as began
from bot.verdict.words import names
from engine.api import Arm, open_engine
from engine.ask import entrants_of
from engine.contestants import Contestant
from engine.errors import BadRequest

__all__ = [
    "Evaluation",
    "RouteStanding",
    "Settings",
    "State",
    "StoreError",
    "Unknown",
    "Verdict",
    "evaluate_file",
    "read_route",
    "read_verdict",
]
Note = Callable[[str], None]


def unsaid(note: str) -> None:
    """Tell nobody."""


async def read_verdict(
    settings: Settings | None = None,
    *,
    pair: int = 1,
    team: str | None = None,
    tag: str | None = None,
    days: int | None = None,
    note: Note = unsaid,
) -> Verdict | Unknown:
    """Read the verdict from the store, without a model, also beside a running Duelbot. Nothing is written.

    pair: 1 for the two contestants that met last, 2 for those before. team, tag, days: only duels of this team, with this tag, closed since
    midnight (UTC) so many days ago. note: is told which pairs there are. Without settings, the environment and a file .env are read.
    Raises StoreError, and BadRequest for a pair or a tag that the store does not know.
    """
    settings = settings or Settings.read()
    logging.getLogger("bot.app.ledgers").setLevel(logging.ERROR)  # the store is only read, so no ledger is kept in it
    async with reading_copy(settings.store.file) as store:
        evidence = Evidence(store, settings, utc_now)
        pairs = await evidence.pairs()
        if not pairs:
            return Unknown("Nothing is known yet: no vote has closed in this store.")
        if not 1 <= pair <= len(pairs):
            raise BadRequest(f"There is no pair {pair:,}; {len(pairs):,} have met in this store.")
        _note_pairs(pairs, pair, note)
        async with store.reading() as look:
            tags = await TagRows(look).used()
        if tag and tag not in tags:
            raise BadRequest(f"No duel has the tag {tag!r}. In use: {', '.join(tags) or 'none'}.")
        since = began(days or ALL_TIME, utc_now())
        first, second, _ = pairs[pair - 1]
        scope = evidence.scope((first, second), team=team, tag=tag, since=since)
        return await evidence.verdict(scope, (first, second))


async def read_route(settings: Settings | None = None, *, team: str = "") -> RouteStanding:
    """Read what share of a team's requests become duels, who answers the others, and what the verdict proposes. Nothing is written.

    It works as read_verdict does. team: the number that Discord gives a server; "": page and terminal. Raises StoreError.
    """
    settings = settings or Settings.read()
    logging.getLogger("bot.app.ledgers").setLevel(logging.ERROR)  # the store is only read, so no ledger is kept in it
    async with reading_copy(settings.store.file) as store:
        return await routing_over(store, settings).standing(team)


def _note_pairs(pairs: Sequence[tuple[Who, Who, int]], chosen: int, note: Note) -> None:
    for number, (first, second, duels) in enumerate(pairs, 1):
        if len(pairs) > 1:
            shown = "shown" if number == chosen else f"--pair {number}"
            note(f"{shown}: {' against '.join(names((first, second)))} ({first.id}, {second.id}), {duels:,} closed duels")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Rows with references, who answered them, and how that was scored."""

    rows: EvaluationSet
    entrants: dict[Arm, Contestant]
    report: dict[str, Any]  # as duelbot evaluate --json writes it: rows, sides by arm, differences
    answers: tuple[Evaluated, ...]


async def evaluate_file(
    file: Path | str,
    settings: Settings | None = None,
    *,
    arms: Sequence[Arm] = (),
    note: Note = unsaid,
    done: Callable[[int, int], None] = lambda done, rows: None,
) -> Evaluation:
    """Answer every row of a file by every arm, score it against its reference, and keep both in the store.

    Broken off, the same call goes on where it stopped, and asks again what failed. It needs the store for itself. arms: who answers;
    without them the two of a duel. note: is told what people should know, so of rows that are left out because a side was made with
    them. done: is told how many rows are done, of how many.
    Raises BadRequest for a file that cannot be read, StoreError, and what open_engine raises.
    """
    settings, file = settings or Settings.read(), Path(file)
    try:
        rows = await asyncio.to_thread(lambda: read_rows([file.read_bytes()], str(file)))
    except (OSError, ValueError) as error:
        raise BadRequest(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    if rows.unused:
        note(f"Not used in {file}: {', '.join(rows.unused)}.")
    if rows.left_out:
        note(f"Of {file}, the {len(rows.rows):,} rows of the role test are asked; {rows.left_out:,} of other roles are left out.")
    store = await Store.open(settings.store.file)
    try:
        note("Loading the model …")
        async with open_engine(settings.engine, note) as lineup:
            for each in lineup.notes:
                note(each)
            entrants = entrants_of(lineup, arms)
            rows, left_out = await asyncio.to_thread(without_seen, rows, entrants.values())
            if left_out:
                note(left_out)
            at_once = max(1, settings.engine.max_rows // len(entrants))
            await evaluate(store, lineup, entrants, rows, done, limit_s=settings.engine.answer_limit_s, at_once=at_once)
        return Evaluation(rows, entrants, await report(store, entrants, rows), tuple(await answers_of(store, entrants, rows)))
    finally:
        await store.aclose()
