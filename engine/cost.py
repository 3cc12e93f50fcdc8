"""Seconds and dollars: an account after an answer, an estimate before one."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from engine.backends.base import Usage
from engine.errors import SettingsError
from engine.parsing import is_number, read_toml, shown, shown_all

PRICES = ("input_usd_per_million", "cached_usd_per_million", "output_usd_per_million")
_NEEDED = (
    "Token prices need a source, a date, and [[model]] tables with name and input_, cached_ and output_usd_per_million, each 0 or more, "
    "and adapter = true where answers of an adapter cost something else; each model once."
)


@dataclass(frozen=True, slots=True)
class TokenPrice:
    """Prices in US dollars per million tokens. Cached ones are prompt tokens that were read before."""

    input_usd: float
    cached_usd: float
    output_usd: float

    def usd(self, usage: Usage) -> float:
        """Price an answer, in US dollars."""
        fresh = usage.prompt_tokens - usage.cached_prompt_tokens
        return (fresh * self.input_usd + usage.cached_prompt_tokens * self.cached_usd + usage.new_tokens * self.output_usd) / 1e6


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """A price list for one base model, which may charge more for answers of an adapter."""

    base: TokenPrice
    adapted: TokenPrice
    source: str
    date: str  # ISO, when the list was true


@dataclass(frozen=True, slots=True)
class Price:
    """Prices of answers: by tokens where there is a list, else by the device's time."""

    usd_per_hour: float | None  # of the device, with its energy where that is paid apart; None: nobody said, and no cost is made up
    source: str
    date: str  # ISO, when the price was true
    tokens: TokenPrices | None = None
    elsewhere: TokenPrices | None = None  # of the model on another server, on which the prompted side answers; None: not known


def read_token_prices(path: Path, model: str) -> TokenPrices:
    """Read the prices of a model from a TOML list. Raises SettingsError; the whole list is checked.

    source = "the provider's price page"
    date = "2026-11-01"
    [[model]]
    name = "some/base"
    input_usd_per_million = 0.10
    cached_usd_per_million = 0.02
    output_usd_per_million = 0.40
    [[model]]
    name = "some/base"
    adapter = true          # answers of an adapter on that base; without such an entry they cost the same
    ...
    """
    what = f"The token prices {path}"
    table = read_toml(path, "The token prices", SettingsError)
    source, date = _source(table, what)
    entries = table.get("model")
    if not isinstance(entries, list):
        raise SettingsError(f"{what} list no [[model]] tables. {_NEEDED}")
    found: dict[tuple[str, bool], tuple[int, TokenPrice]] = {}
    for number, entry in enumerate(entries, 1):
        name, adapted, price = _entry(entry, f"{what}, model {number}")
        first, _ = found.setdefault((name, adapted), (number, price))
        if first != number:
            which = "as the price of an adapter's answers" if adapted else "as the base"
            raise SettingsError(
                f"{what} list {shown(name)} twice {which}, as model {first} and as model {number}. Keep the one that holds."
            )
    if (model, False) not in found:
        raise SettingsError(f"{what} list no model {model!r}{' by itself, only with an adapter' if (model, True) in found else ''}.")
    _, base = found[model, False]
    return TokenPrices(base, found.get((model, True), (0, base))[1], source, date)


def _source(table: Mapping[str, Any], what: str) -> tuple[str, str]:
    """Where the list comes from, and its day. Raises SettingsError."""
    if unknown := sorted(table.keys() - {"source", "date", "model"}):
        raise SettingsError(f"{what} have the unknown key {shown_all(unknown)} at the top. {_NEEDED}")
    source, day = table.get("source"), table.get("date")
    if not isinstance(source, str) or not source.strip():
        raise SettingsError(f"{what} name no source, in words. {_NEEDED}")
    try:
        return source.strip(), (day if type(day) is datetime.date else datetime.date.fromisoformat(str(day))).isoformat()
    except ValueError as error:
        raise SettingsError(f"{what} name no date, as 2026-11-28. {_NEEDED}") from error


def _entry(entry: Any, where: str) -> tuple[str, bool, TokenPrice]:
    """Name, whether it prices an adapter's answers, prices. Raises SettingsError that names the table and the key."""
    if not isinstance(entry, dict):
        raise SettingsError(f"{where} is no table. {_NEEDED}")
    name, adapted = entry.get("name"), entry.get("adapter", False)
    if not isinstance(name, str) or not name.strip():
        raise SettingsError(f"{where} has no name. {_NEEDED}")
    where = f"{where} ({shown(name)})"
    if unknown := sorted(entry.keys() - {"name", "adapter", *PRICES}):
        raise SettingsError(f"{where} has the unknown key {shown_all(unknown)}. {_NEEDED}")
    if not isinstance(adapted, bool):
        raise SettingsError(f"{where}: adapter must be true or false, not {shown(adapted)}.")
    for key in PRICES:
        if key not in entry:
            raise SettingsError(f"{where} lacks {key}. {_NEEDED}")
        if not is_number(entry[key]) or entry[key] < 0:
            raise SettingsError(f"{where}: {key} is {shown(entry[key])}. {_NEEDED}")
    return name, adapted, TokenPrice(*(float(entry[key]) for key in PRICES))


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars of one answer, and where the figure comes from."""

    usd: float | None
    basis: Literal["device_hour", "token_price", "unknown"]
    source: str
    date: str

    @property
    def usd_per_1000(self) -> float | None:
        """US dollars for 1,000 such answers."""
        return None if self.usd is None else self.usd * 1000


def account(usage: Usage, price: Price, *, adapted: bool = False, elsewhere: bool = False) -> Cost:
    """Price an answer: by tokens where there is a list, else by the engine time charged to it at the device's price per hour.

    elsewhere: it came from another server, whose time is not ours to price: by tokens, or not at all.
    """
    if elsewhere:
        if (known := price.elsewhere) is None:
            return Cost(None, "unknown", "no price list names its model", price.date)
        return Cost(known.base.usd(usage), "token_price", known.source, known.date)
    if price.tokens is not None:
        each = price.tokens.adapted if adapted else price.tokens.base
        return Cost(each.usd(usage), "token_price", price.tokens.source, price.tokens.date)
    if price.usd_per_hour is None:
        return Cost(None, "unknown", price.source, price.date)
    return Cost(usage.busy_s * price.usd_per_hour / 3600, "device_hour", price.source, price.date)


@dataclass(frozen=True, slots=True)
class Spent:
    """Time and money of one finished duel, both sides together: a row of the history that an estimate is drawn from."""

    total_s: float  # the slower side, from asking to the last token
    usd: float | None  # both sides


@dataclass(frozen=True, slots=True)
class Estimate:
    """Time and money that the next duel will probably take: medians of recent ones."""

    duels: int
    total_s: float
    usd: float | None


def estimate(history: Sequence[Spent]) -> Estimate | None:
    """Take medians of the history; None when there is none. Cost is None unless every duel of it has one."""
    if not history:
        return None
    costs = [spent.usd for spent in history if spent.usd is not None]
    return Estimate(
        duels=len(history),
        total_s=median(spent.total_s for spent in history),
        usd=median(costs) if len(costs) == len(history) else None,
    )
