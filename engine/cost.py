"""Seconds and dollars: an account after an answer, an estimate before one."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from engine.backends.base import Usage
from engine.errors import SettingsError


@dataclass(frozen=True, slots=True)
class TokenPrice:
    """US dollars per million tokens. Cached ones are prompt tokens that were read before."""

    input_usd: float
    cached_usd: float
    output_usd: float

    def usd(self, usage: Usage) -> float:
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
    """What answers cost: by tokens where there is a list, else by the device's time. usd_per_hour None: nobody said, and no cost
    is made up."""

    usd_per_hour: float | None  # the device, with its energy where that is paid apart
    source: str
    date: str  # ISO, when the price was true
    tokens: TokenPrices | None = None


def read_token_prices(path: Path, model: str) -> TokenPrices:
    """The prices of a model from a TOML list. Raises SettingsError.

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
    try:
        table = tomllib.loads(path.expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"The token prices {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The token prices {path} are not valid TOML: {error}.") from error
    try:
        source, date = str(table["source"]), str(table["date"])
        found = {bool(each.get("adapter", False)): _token_price(each) for each in table["model"] if each["name"] == model}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SettingsError(
            f"The token prices {path} need a source, a date, and [[model]] tables with name and input_, cached_ and "
            f"output_usd_per_million, each 0 or more ({error!r})."
        ) from error
    if False not in found:
        raise SettingsError(f"The token prices {path} list no model {model!r}.")
    return TokenPrices(found[False], found.get(True, found[False]), source, date)


def _token_price(entry: Mapping[str, Any]) -> TokenPrice:
    prices = [float(entry[f"{name}_usd_per_million"]) for name in ("input", "cached", "output")]
    if not all(0 <= price < float("inf") for price in prices):
        raise ValueError("a price below 0")
    return TokenPrice(*prices)


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars of one answer, and where the figure comes from."""

    usd: float | None
    basis: Literal["device_hour", "token_price", "unknown"]
    source: str
    date: str

    @property
    def usd_per_1000(self) -> float | None:
        """What 1,000 such answers would cost."""
        return None if self.usd is None else self.usd * 1000


def account(usage: Usage, price: Price, *, adapted: bool = False) -> Cost:
    """Token basis where there is a price list; else the engine time charged to the answer times the device's price per hour."""
    if price.tokens is not None:
        each = price.tokens.adapted if adapted else price.tokens.base
        return Cost(each.usd(usage), "token_price", price.tokens.source, price.tokens.date)
    if price.usd_per_hour is None:
        return Cost(None, "unknown", price.source, price.date)
    return Cost(usage.busy_s * price.usd_per_hour / 3600, "device_hour", price.source, price.date)


@dataclass(frozen=True, slots=True)
class Spent:
    """What one finished duel took, both sides together: a row of the history that an estimate is drawn from."""

    total_s: float  # the slower side, from asking to the last token
    usd: float | None  # both sides


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the next duel will probably take: medians of `duels` recent ones."""

    duels: int
    total_s: float
    usd: float | None


def estimate(history: Sequence[Spent]) -> Estimate | None:
    """Medians of the history; None when there is none. Cost is None unless every duel of it has one."""
    if not history:
        return None
    costs = [spent.usd for spent in history if spent.usd is not None]
    return Estimate(
        duels=len(history),
        total_s=median(spent.total_s for spent in history),
        usd=median(costs) if len(costs) == len(history) else None,
    )
