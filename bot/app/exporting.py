"""Exporting: a team's duels and ballots as rows for files. Voters are numbered, never named; an open vote stays blind. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.ballots import choice_of
from bot.store import DuelRecord
from engine.duel import Side


@dataclass(frozen=True, slots=True)
class Export:
    """Rows for files, by column. Of each table all rows have the same columns."""

    duels: tuple[Mapping[str, Any], ...]  # oldest first
    ballots: tuple[Mapping[str, Any], ...]  # of closed votes


def export_of(records: Sequence[DuelRecord]) -> Export:
    """Spell duels out, with the ballots of those that have closed."""
    return Export(tuple(duel_line(duel) for duel in records), tuple(ballot_lines(records)))


def duel_line(duel: DuelRecord) -> Mapping[str, Any]:
    """Spell one duel out. While its vote is open, nothing in it tells the sides apart."""
    row: dict[str, Any] = {
        "duel": duel.id,
        "conversation": duel.conversation,
        "turn": duel.turn,
        "asked_at": duel.asked_at.isoformat(),
        "closed_at": duel.closed_at and duel.closed_at.isoformat(),
        "state": duel.state,
        "identical": duel.identical,
        "says_who": duel.says_who if duel.state == "closed" else "",
        "ballots": len(duel.ballots),
        "request": duel.request,
    }
    for side in Side:
        answer = duel.answers.get(duel.seats[side])
        row[f"{side.value}_text"] = answer and answer.text
        shown = answer if duel.state == "closed" else None
        row[f"{side.value}_contestant"] = shown and shown.who.id
        row[f"{side.value}_arm"] = shown and str(shown.who.arm)
        row[f"{side.value}_recipe"] = shown and str(shown.who.recipe)
        row[f"{side.value}_adapter"] = shown and str(shown.who.adapter or "")
        row[f"{side.value}_total_s"] = shown and shown.usage and shown.usage.total_s
        row[f"{side.value}_new_tokens"] = shown and shown.usage and shown.usage.new_tokens
        row[f"{side.value}_usd"] = shown and shown.cost and shown.cost.usd
    return row


def ballot_lines(records: Sequence[DuelRecord]) -> list[Mapping[str, Any]]:
    """Spell the ballots of closed votes out: what was chosen, by which number, and the contestant that it prefers.

    Voters get numbers in the order in which they first voted.
    """
    numbers: dict[str, int] = {}
    rows: list[Mapping[str, Any]] = []
    for duel in records:
        for ballot in sorted(duel.ballots, key=lambda each: each.cast_at) if duel.state == "closed" else ():
            better = None if ballot.entrant is None else duel.answers[ballot.entrant].who
            reason = duel.reasons.get(ballot.voter)
            rows.append(
                {
                    "duel": duel.id,
                    "voter": numbers.setdefault(ballot.voter, len(numbers) + 1),
                    "choice": choice_of(ballot, duel.seats).value,
                    "better_arm": better and str(better.arm),
                    "better_contestant": better and better.id,
                    "cast_at": ballot.cast_at.isoformat(),
                    "reasons": reason and " ".join(reason.kinds),
                    "reason_words": reason and reason.words,
                    "reason_was_blind": reason and reason.blind,
                }
            )
    return rows
