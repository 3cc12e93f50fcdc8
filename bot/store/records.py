"""Values that the store keeps, and how they become rows and come back."""

import json
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, cast

from bot.ballots import Ballot, Entrant, Reason, Said, Why, seats_of
from bot.who import Who
from engine.backends.base import Finish, Usage
from engine.contestants import Arm
from engine.cost import Cost
from engine.duel import Side
from engine.named import Named

State = Literal["answering", "open", "closed", "void"]
Kind = Literal[
    "duel",
    "single",  # one contestant answers alone, as it has won; no ballots and no evidence
    "half",  # a program has got one answer; with the other one, written later, it becomes a duel
]
CarriedBy = Literal[  # why an answer goes on in its conversation
    "vote",
    "early",  # the left one: the conversation went on before the close
    "only",  # the other side failed, or there is none
    "stopped",  # the left one of a stopped duel
    "identical",  # the left one of two that are the same
]
ClosedBy = Literal[  # what closed the vote
    "quorum",
    "deadline",
    "hand",  # shown and no evidence: who closes a vote below its quorum could look at the result first
    "identical",
]


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """One entrant's answer or failure."""

    who: Who
    text: str  # of a failed side, what it had written
    finish: Finish | None  # None: failed
    failure_kind: str | None
    failure_words: str | None
    usage: Usage | None  # None where the backend could not say
    cost: Cost | None  # the same


@dataclass(frozen=True, slots=True)
class DuelRecord:
    """A duel as stored. Times in UTC."""

    id: str
    conversation: str
    turn: int
    asker: str
    request: str
    asked_at: datetime
    left: Entrant  # the coin
    quorum: int | None
    state: State = "answering"
    note: str = ""
    answered_at: datetime | None = None
    closed_at: datetime | None = None
    closing: int | None = None  # 1, 2, 3 … in the order in which duels closed
    closed_by: ClosedBy | None = None
    identical: bool = False
    request_key: str | None = None  # of bot.evidence.units; None: forgotten
    repeats: str | None = None  # the first duel with this key; None: this one
    carried: Entrant | None = None
    carried_by: CarriedBy | None = None
    ends_at: datetime | None = None  # when an open vote outside of channels closes by itself; None: it does not
    says_who: str = ""  # the words by which an answer says which side it is; "": none does
    answers: dict[Entrant, AnswerRecord] = field(default_factory=dict)
    ballots: tuple[Ballot, ...] = ()
    kind: Kind = "duel"
    served: Entrant | None = None  # whose answer went out alone, or first; None: both were shown together
    coin: float | None = None  # in [0, 1), drawn before the request was known; None: nothing was drawn
    share: float | None = None  # of requests that were to become duels
    names: dict[str, str] = field(default_factory=dict)  # of its voters, where they have chosen one
    reasons: dict[str, Reason] = field(default_factory=dict)  # by voter

    @property
    def seats(self) -> dict[Side, Entrant]:
        """Who sits where."""
        return seats_of(self.left)

    @property
    def asked(self) -> dict[Side, Entrant]:
        """Who is asked while it is being answered: both, or the one that answers alone or first."""
        return {side: entrant for side, entrant in self.seats.items() if self.kind == "duel" or entrant == self.served}

    @property
    def served_well(self) -> bool:
        """Whether one answer went out whole, without a duel so far."""
        answer = None if self.kind == "duel" or self.served is None else self.answers.get(self.served)
        return answer is not None and answer.finish in ("end", "length")

    @property
    def collects(self) -> bool:
        """Whether several people vote on it outside of channels."""
        return self.ends_at is not None and (self.quorum or 0) > 1

    @property
    def held(self) -> bool:
        """Whether its only ballot can still be taken back: it closes the vote at `ends_at`."""
        return self.state == "open" and self.quorum == 1 and self.ends_at is not None and bool(self.ballots)

    @property
    def carried_side(self) -> Side | None:
        """The side whose answer the conversation goes on with; None while that is undecided."""
        return next((side for side, entrant in self.seats.items() if entrant == self.carried), None)


@dataclass(frozen=True, slots=True)
class ContestantRecord:
    """A contestant as stored, with what its recipe says."""

    who: Who
    recipe: dict[str, Any]
    recipe_digest: str
    adapter_digest: str | None  # the two are None without an adapter
    adapter_folder: str | None
    base_name: str
    base_revision: str
    first_met_at: datetime  # UTC


def stamp(moment: datetime) -> str:
    """Write a moment in UTC, ISO 8601, always with microseconds: text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def duel_row(duel: DuelRecord) -> dict[str, Any]:
    """Spell a duel out as the columns of `duels`."""
    return {
        "id": duel.id,
        "conversation": duel.conversation,
        "turn": duel.turn,
        "asker": duel.asker,
        "request": duel.request,
        "asked_at": stamp(duel.asked_at),
        "left_entrant": duel.left,
        "quorum": duel.quorum,
        "state": duel.state,
        "note": duel.note,
        "answered_at": duel.answered_at and stamp(duel.answered_at),
        "closed_at": duel.closed_at and stamp(duel.closed_at),
        "closing": duel.closing,
        "closed_by": duel.closed_by,
        "identical": duel.identical,
        "request_key": duel.request_key,
        "repeats": duel.repeats,
        "carried": duel.carried,
        "carried_by": duel.carried_by,
        "kind": duel.kind,
        "served": duel.served,
        "coin": duel.coin,
        "share": duel.share,
        "ends_at": duel.ends_at and stamp(duel.ends_at),
        "says_who": duel.says_who,
    }


def duel_of(row: sqlite3.Row, answers: dict[Entrant, AnswerRecord], cast: list[sqlite3.Row]) -> DuelRecord:
    """Make a duel of a row of `duels` with its answers. cast: rows of `ballots`, each with its voter's name and reason."""
    return DuelRecord(
        id=row["id"],
        conversation=row["conversation"],
        turn=row["turn"],
        asker=row["asker"],
        request=row["request"],
        asked_at=datetime.fromisoformat(row["asked_at"]),
        left=row["left_entrant"],
        quorum=row["quorum"],
        state=row["state"],
        note=row["note"],
        answered_at=_moment(row["answered_at"]),
        closed_at=_moment(row["closed_at"]),
        closing=row["closing"],
        closed_by=row["closed_by"],
        identical=bool(row["identical"]),
        request_key=row["request_key"],
        repeats=row["repeats"],
        carried=row["carried"],
        carried_by=row["carried_by"],
        ends_at=_moment(row["ends_at"]),
        says_who=row["says_who"],
        answers=answers,
        ballots=tuple(ballot_of(each) for each in cast),
        names={each["voter"]: each["name"] for each in cast if each["name"]},
        reasons={each["voter"]: reason_of(each) for each in cast if each["kinds"] is not None},
        kind=row["kind"],
        served=row["served"],
        coin=row["coin"],
        share=row["share"],
    )


def answer_row(duel: str, entrant: Entrant, answer: AnswerRecord) -> dict[str, Any]:
    """Spell an answer out as the columns of `answers`."""
    usage, cost = answer.usage, answer.cost
    return {
        "duel": duel,
        "entrant": entrant,
        "contestant": answer.who.id,
        "text": answer.text,
        "finish": answer.finish,
        "failure_kind": answer.failure_kind,
        "failure_words": answer.failure_words,
        **{name: getattr(usage, name, None) for name in Usage.__slots__},
        "usd": cost and cost.usd,
        "basis": cost and cost.basis,
        "price_source": cost and cost.source,
        "price_date": cost and cost.date,
    }


def who_of(row: sqlite3.Row, contestant: str) -> Who:
    """Name the contestant of this id, from a row with the columns of `contestants`."""
    adapter = None if row["adapter_name"] is None else Named(row["adapter_name"], row["adapter_version"])
    return Who(contestant, Arm(row["arm"]), Named(row["recipe_name"], row["recipe_version"]), adapter, row["base_name"])


def answer_of(row: sqlite3.Row) -> AnswerRecord:
    """Make an answer of a row of `answers` joined with its contestant's names."""
    return AnswerRecord(
        who=who_of(row, row["contestant"]),
        text=row["text"],
        finish=row["finish"],
        failure_kind=row["failure_kind"],
        failure_words=row["failure_words"],
        usage=None if row["device"] is None else Usage(**{name: row[name] for name in Usage.__slots__}),
        cost=None if row["basis"] is None else Cost(row["usd"], row["basis"], row["price_source"], row["price_date"]),
    )


def ballot_of(row: sqlite3.Row) -> Ballot:
    """Make a ballot of a row of `ballots`."""
    entrant = cast(Entrant | None, row["entrant"])
    return Ballot(row["duel"], row["voter"], Said(row["verdict"]), entrant, datetime.fromisoformat(row["cast_at"]))


def reason_of(row: sqlite3.Row) -> Reason:
    """Make a reason of a row of `reasons`."""
    return Reason(tuple(Why(kind) for kind in json.loads(row["kinds"])), row["words"], bool(row["blind"]))


def contestant_of(row: sqlite3.Row) -> ContestantRecord:
    """Make a contestant of a row of `contestants`."""
    return ContestantRecord(
        who=who_of(row, row["id"]),
        recipe=json.loads(row["recipe"]),
        recipe_digest=row["recipe_digest"],
        adapter_digest=row["adapter_digest"],
        adapter_folder=row["adapter_folder"],
        base_name=row["base_name"],
        base_revision=row["base_revision"],
        first_met_at=datetime.fromisoformat(row["first_met_at"]),
    )
