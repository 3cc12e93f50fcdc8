"""What the address of the results asks for: a pair, a tag, a period."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from bot.app import App
from bot.verdict import Unknown, Verdict, Who
from engine.errors import BadRequest

PERIODS = {0: "All time", 90: "90 days", 30: "30 days", 7: "7 days"}
NO_PAIR = Unknown("No decided duel of this pair is kept here. A period above leads to the pair that meets now.")


@dataclass(frozen=True, slots=True)
class Query:
    """What the address asks for, as it is written there."""

    pair: str = ""  # two ids with a dot between; empty: the one that meets now
    tag: str = ""
    days: int = 0  # 0: all time

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Query":
        """Raises BadRequest for a period that there is none of."""
        written = query.get("days") or "0"
        days = next((days for days in PERIODS if written == str(days)), None)
        if days is None:
            raise BadRequest(f"There is no such period: days is one of {', '.join(str(days) for days in PERIODS)}; 0 means all time.")
        return cls(query.get("pair", ""), query.get("tag", ""), days)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for."""

    pair: tuple[Who, Who] | None = None  # None: the one that meets now
    tag: str | None = None
    days: int = 0  # 0: all time

    @property
    def since(self) -> datetime | None:
        """From midnight, UTC, so that all looks of a day share their evidence."""
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return today - timedelta(days=self.days) if self.days else None

    def query(self, **other: object) -> str:
        """The address's end, with these parts changed."""
        pair = self.pair and ".".join(each.id for each in self.pair)
        parts = {"pair": pair, "tag": self.tag, "days": self.days or None, **other}
        return urlencode({name: value for name, value in parts.items() if value not in (None, "", 0)})


async def asked_for(app: App, query: Query) -> Asked | Unknown:
    """The query with its pair found; raises StoreError."""
    found = None
    if query.pair:
        met = await app.judging.pairs()
        found = next(((first, second) for first, second, _ in met if f"{first.id}.{second.id}" == query.pair), None)
        if found is None:
            return NO_PAIR
    return Asked(found, query.tag or None, query.days)


async def verdict_for(app: App, asked: Asked | Unknown) -> Verdict | Unknown:
    """While no model is loaded, the pair that closed the latest duel."""
    if isinstance(asked, Unknown):
        return asked
    pair = asked.pair or app.judging.pair()
    if pair is None and (met := await app.judging.pairs()):
        pair = (met[0][0], met[0][1])
    return await app.judging.verdict(pair, tag=asked.tag, since=asked.since)
