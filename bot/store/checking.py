"""What a row must be before it is taken into a store: by its column, by its table, and together with the others. Values in, words out."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from bot.store.records import stamp

LONGEST = 60  # characters of a wrong value that are shown


@dataclass(frozen=True, slots=True)
class Column:
    """A column as its table defines it."""

    name: str
    kind: str  # TEXT, INTEGER, REAL
    optional: bool  # may be NULL
    key: int  # place in the primary key, from 1; 0: none


def fault_of(row: Mapping[str, Any], columns: Mapping[str, Column]) -> str | None:
    """Say what is wrong with a row by itself; None: nothing."""
    if odd := set(row) ^ set(columns):
        missing = sorted(odd & set(columns))
        return f"it lacks {', '.join(missing)}" if missing else f"there is no column {', '.join(sorted(odd))}"
    for name, value in row.items():
        if why := _wrong(value, columns[name]):
            return f"{name} is {_shown(value)}, {why}"
    return None


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _wrong(value: Any, column: Column) -> str | None:
    if value is None:
        return None if column.optional else "which may not be missing"
    match column.kind:
        case "INTEGER":
            return None if type(value) is int and 0 <= value < 1 << 63 else "which is no whole number from 0 up"
        case "REAL":
            good = type(value) in (int, float) and math.isfinite(value) and value >= 0
            return None if good else "which is no number from 0 up"
        case _:
            return _wrong_text(value, column)


def _wrong_text(value: Any, column: Column) -> str | None:
    if type(value) is not str or re.search("[\ud800-\udfff]", value):
        return "which is no text"
    if column.key and not value:
        return "which may not be empty"
    if column.name.endswith("_at") and not _is_stamp(value):
        return "which is no time such as 2026-11-22T12:30:00.000000+00:00"
    return None


def _is_stamp(text: str) -> bool:
    try:
        return stamp(datetime.fromisoformat(text)) == text
    except (ValueError, OverflowError):
        return False


class Check(NamedTuple):
    """A fault that no single row shows, and the query that finds it."""

    table: str
    sql: str  # gives the keys of the rows that are wrong
    why: str
    column: str = ""  # that tables of an earlier version lack
    until: str = ""  # a column: where that is there, another check says it


WHOLE = tuple(
    Check(*each)
    for each in (
        (
            "duels",
            "SELECT id FROM duels WHERE state != 'void' "
            "AND (SELECT count(*) FROM answers WHERE duel = id) != iif(state = 'answering', 0, 2)",
            "it has not the answers that a duel in this state has",
        ),
        (
            "duels",
            "SELECT id FROM duels WHERE state = 'void' AND (SELECT count(*) FROM answers WHERE duel = id) NOT IN (0, 2)",
            "it has not the answers that a duel in this state has",
            "",
            "kind",
        ),
        (
            "duels",
            "SELECT id FROM duels WHERE state = 'void' "
            "AND (SELECT count(*) FROM answers WHERE duel = id) NOT IN (0, iif(kind = 'duel', 2, 1)) "
            "OR kind != 'duel' AND EXISTS (SELECT 1 FROM ballots WHERE duel = id) "
            "OR kind != 'duel' AND EXISTS (SELECT 1 FROM answers WHERE duel = id AND entrant IS NOT served)",
            "it has not the answers, or the ballots, that a turn of its kind has",
            "kind",
        ),
        (
            "duels",
            "SELECT id FROM duels WHERE state IN ('open', 'closed') AND "
            "(answered_at IS NULL OR EXISTS (SELECT 1 FROM answers WHERE duel = id AND finish IS NULL))",
            "it takes or took ballots without both answers",
        ),
        ("duels", "SELECT id FROM duels WHERE (state = 'closed') != (closed_at IS NOT NULL)", "its state and its close do not fit"),
        ("duels", "SELECT id FROM duels WHERE state = 'closed' AND carried IS NULL", "it is closed, and no answer was carried on"),
        (
            "duels",
            "SELECT id FROM duels WHERE identical AND (state != 'closed' OR EXISTS (SELECT 1 FROM ballots WHERE duel = id))",
            "its answers are identical, and it was voted on",
        ),
        (
            "duels",
            "SELECT id FROM duels WHERE (state = 'closed') != (closed_by IS NOT NULL) "
            "OR identical != (coalesce(closed_by, '') = 'identical') "
            "OR closed_by = 'quorum' AND (quorum IS NULL OR (SELECT count(*) FROM ballots WHERE duel = id) < quorum)",
            "what closed its vote does not fit",
            "closed_by",
        ),
        (
            "duels",
            "SELECT id FROM duels WHERE repeats IS NOT NULL AND (repeats = id OR repeats NOT IN (SELECT id FROM duels))",
            "the duel that it repeats is not there",
            "repeats",
        ),
        (
            "duels",
            "SELECT id FROM duels WHERE state = 'answering' AND EXISTS (SELECT 1 FROM ballots WHERE duel = id)",
            "it has ballots before its answers",
        ),
        (
            "duels",
            "SELECT id FROM duels JOIN (SELECT conversation AS talk FROM duels GROUP BY conversation HAVING max(turn) != count(*)) "
            "ON talk = conversation",
            "its conversation lacks a turn",
        ),
        (
            "duels",
            "SELECT id FROM duels WHERE closing > (SELECT count(closing) FROM duels)",
            "its closing number is above the number of closed duels",
        ),
        (
            "contestants",
            "SELECT id FROM contestants WHERE json_type(recipe) != 'object' "
            "OR (arm IN ('tuned', 'combined')) != (adapter_name IS NOT NULL) "
            "OR (adapter_name IS NULL) != (adapter_version IS NULL) OR (adapter_name IS NULL) != (adapter_digest IS NULL)",
            "its arm, recipe and adapter do not fit",
        ),
        (
            "prologues",
            "SELECT conversation FROM prologues WHERE json_type(turns) != 'array' OR EXISTS (SELECT 1 FROM json_each(turns) AS t "
            "WHERE t.type != 'array' OR json_array_length(t.value) != 2 OR coalesce(json_extract(t.value, '$[0]'), '') "
            "NOT IN ('user', 'assistant') OR json_type(t.value, '$[1]') != 'text')",
            "its turns are no turns",
        ),
        (
            "replays",
            "SELECT duel FROM replays WHERE NOT EXISTS "
            "(SELECT 1 FROM answers WHERE answers.duel = replays.duel AND answers.contestant = replays.contestant)",
            "its contestant gave no answer in the duel",
        ),
        (
            "reasons",
            "SELECT duel FROM reasons WHERE json_type(kinds) != 'array' OR EXISTS (SELECT 1 FROM json_each(kinds) AS k "
            "WHERE k.value NOT IN ('correct', 'clearer', 'format', 'shorter')) "
            "OR NOT EXISTS (SELECT 1 FROM ballots WHERE ballots.duel = reasons.duel)",
            "it is no reason of a ballot",
        ),
        (
            "evaluated",
            "SELECT evaluation FROM evaluated WHERE json_type(scores) != 'object' OR json_type(tags) != 'array' OR EXISTS "
            "(SELECT 1 FROM json_each(scores) AS s WHERE s.type NOT IN ('integer', 'real') OR s.value NOT BETWEEN 0 AND 1) "
            "OR EXISTS (SELECT 1 FROM json_each(tags) AS t WHERE t.type != 'text')",
            "its scores or tags are none",
        ),
    )
)
