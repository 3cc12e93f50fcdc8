"""What the address of the results asks for: a pair, a tag, a period."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from bot.app import App
from bot.verdict import Unknown, Verdict, Who
from bot.verdict.periods import days_of, since

NO_PAIR = Unknown("No decided duel of this pair is kept here. A period above leads to the pair that meets now.")


@dataclass(frozen=True, slots=True)
class Query:
    """The address's wishes as they are written there."""

    pair: str = ""  # two ids with a dot between; empty: the one that meets now
    tag: str = ""
    days: int = 0  # 0: all time

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Query":
        """Read an address. Raises BadRequest for a period that there is none of."""
        return cls(query.get("pair", ""), query.get("tag", ""), days_of(query.get("days", "")))


@dataclass(frozen=True, slots=True)
class Wanted:
    """The duels that an address asks for."""

    pair: tuple[Who, Who] | None = None  # None: the one that meets now
    tag: str | None = None
    days: int = 0  # 0: all time

    def query(self, **other: object) -> str:
        """Write the address's end, with these parts changed."""
        pair = self.pair and ".".join(each.id for each in self.pair)
        parts = {"pair": pair, "tag": self.tag, "days": self.days or None, **other}
        return urlencode({name: value for name, value in parts.items() if value not in (None, "", 0)})


async def wanted_by(app: App, query: Query) -> Wanted | Unknown:
    """Find the query's pair. Raises StoreError."""
    found = None
    if query.pair:
        met = await app.judging.pairs()
        found = next(((first, second) for first, second, _ in met if f"{first.id}.{second.id}" == query.pair), None)
        if found is None:
            return NO_PAIR
    return Wanted(found, query.tag or None, query.days)


async def verdict_for(app: App, wanted: Wanted | Unknown) -> Verdict | Unknown:
    """Judge what the address asks for. Raises StoreError."""
    if isinstance(wanted, Unknown):
        return wanted
    return await app.judging.verdict(wanted.pair, tag=wanted.tag, since=since(wanted.days, datetime.now(UTC)))
