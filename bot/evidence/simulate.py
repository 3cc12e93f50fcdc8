"""How often the verdict is wrong: seeded simulations of many teams that look after every duel, and what naive tests would do.

Each team starts with nothing and looks after every closed duel. All teams advance together, one duel a step, by the same factors
as bot.evidence.capital and bot.evidence.decision; a test holds them together.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.special import betainc  # type: ignore[import-untyped]

from bot.evidence.bets import (
    BETTORS,
    CLAIM_BETTORS,
    LEAST_UNITS,
    SIZES,
    Floats,
    claim_factors,
    claims_reached,
    log_average,
    log_factors,
)
from bot.evidence.capital import claim_reach
from bot.evidence.decision import State, comparisons
from bot.evidence.versions import level
from bot.margins import ALPHA, DELTA

Draw = Callable[[int], npt.NDArray[np.int64]]  # n -> n indices into Taste.levels, one duel of each of n teams
FLOOR = 1e-200  # capital never sinks lower here: keeps multiplication fast and can only raise the error rate
INTRA = 0.33  # correlation of two voters' ballots on one duel


@dataclass(frozen=True, slots=True)
class Taste:
    """A population of duels: the scores that occur, and how one is drawn for each team."""

    levels: Floats
    draw: Draw


def single(rng: np.random.Generator, theta: float, ties: float = 0.0) -> Taste:
    """Make a population with one voter per duel: a tie with chance `ties`, else decisive so that the mean score is theta."""
    win = theta - ties / 2
    cuts = np.cumsum([1 - win - ties, ties])
    return Taste(np.array([0.0, 0.5, 1.0]), lambda n: np.searchsorted(cuts, rng.random(n), side="right"))


def panel(rng: np.random.Generator, theta: float, voters: int = 5, correlation: float = INTRA) -> Taste:
    """Make a population with several voters per duel who share its taste: beta-binomial, correlation 1/(a + b + 1) within a duel."""
    both = 1 / correlation - 1
    return Taste(
        np.arange(voters + 1) / voters,
        lambda n: np.asarray(rng.binomial(voters, rng.beta(theta * both, (1 - theta) * both, size=n))),
    )


def ever_excluded(taste: Taste, mean: float, teams: int, duels: int, bar: float = 1 / ALPHA) -> float:
    """Compute the share of teams whose sequence excludes `mean` at some look: P(sup K_n(mean) >= bar)."""
    factors = np.exp(log_factors(taste.levels, np.array([mean]))[:, 0])
    held, open_ = np.ones((teams, BETTORS)), teams
    for _ in range(duels):
        held *= factors[taste.draw(open_)]
        np.maximum(held, FLOOR, out=held)
        over = held.sum(axis=1) >= bar * BETTORS
        if over.any():
            held = held[~over]
            open_ = len(held)
    return 1 - open_ / teams


@dataclass(frozen=True, slots=True)
class Reached:
    """The duels after which each team's tests first proved each of bot.evidence.capital.Claims; `never` where they did not."""

    at: npt.NDArray[np.int64]  # (teams, 4)
    never: int

    @property
    def winner_at(self) -> npt.NDArray[np.int64]:
        """Duels until a winner was first named, whichever."""
        return np.asarray(self.at[:, :2].min(axis=1))

    @property
    def equal_at(self) -> npt.NDArray[np.int64]:
        """Duels until both one-sided tests had placed the share within the margin."""
        return np.asarray(self.at[:, 2:].max(axis=1))

    def share(self, when: npt.NDArray[np.int64]) -> float:
        """Compute the share of all teams that got there."""
        return float(np.mean(when < self.never))

    def median(self, when: npt.NDArray[np.int64]) -> float:
        """Find the median of the duels until then; `never` when most teams did not get there."""
        return float(np.median(when))

    def first_states(self) -> dict[State, float]:
        """Compute the share of teams by what `decide` said first other than "keep collecting"; COLLECT where it never did."""
        second, first = (self.at[:, side] == self.winner_at for side in (0, 1))
        won = (self.winner_at < self.never) & (self.winner_at <= self.equal_at)
        equal = (self.equal_at < self.never) & ~won
        states = {State.SECOND: won & second & ~first, State.FIRST: won & first & ~second, State.EQUAL: equal}
        return {state: float(which.mean()) for state, which in states.items()} | {State.COLLECT: float(np.mean(~won & ~equal))}


def reached(taste: Taste, teams: int, duels: int, bar: float | Floats = 1 / ALPHA, delta: float = DELTA) -> Reached:
    """Run teams that look after every duel, by the tests behind `decide`. bar: one for all, or (teams,)."""
    factors, bars = np.exp(claim_factors(taste.levels, delta)), np.broadcast_to(bar, teams)
    held, lead, at = np.ones((teams, CLAIM_BETTORS)), np.zeros(teams), np.full((teams, 4), duels + 1)
    for step in range(1, duels + 1):
        picks = taste.draw(teams)
        held *= factors[picks]
        np.maximum(held, FLOOR, out=held)
        lead += taste.levels[picks] - 0.5
        at = np.where(claims_reached(held, lead, bars) & (at > duels), max(step, LEAST_UNITS), at)
    return Reached(at, duels + 1)


def some_false_version(rng: np.random.Generator, teams: int, corrected: bool, versions: int = 10, duels: int = 100) -> float:
    """Compute the share of teams that ever name a winner among versions of which none differs from its rival, each tested awhile."""
    found = np.zeros(teams, dtype=np.int64)
    for version in range(1, versions + 1):
        levels = np.array([level(ALPHA, version, before) for before in range(version)]) if corrected else np.full(version, ALPHA)
        ran = reached(single(rng, 0.5), teams, duels, 1 / levels[found])
        found += ran.winner_at < ran.never
    return float(np.mean(found > 0))


def false_winners(
    rng: np.random.Generator, tournaments: int, corrected: bool, contestants: int = 20, duels: int = 100
) -> tuple[float, float]:
    """Compare every pair of equal contestants: false winners a tournament, and the share of tournaments with any."""
    pairs = comparisons(contestants)
    ran = reached(single(rng, 0.5), tournaments * pairs, duels, (pairs if corrected else 1) / ALPHA)
    wrong = (ran.winner_at < ran.never).reshape(tournaments, pairs).sum(axis=1)
    return float(wrong.mean()), float(np.mean(wrong > 0))


@dataclass(frozen=True, slots=True)
class Ends:
    """The ends that decisive single votes prove, by how many there are and how many are won: arrays (duels + 1, duels + 1)."""

    low: Floats  # lower end of {m: K_n(m) < 20}
    claims: npt.NDArray[np.bool_]  # (duels + 1, duels + 1, 4)


def ends(duels: int, delta: float = DELTA) -> Ends:
    """Build the table for up to this many votes: the lower ends by bisection, because K_n falls in m below the mean of the scores."""
    n, wins = np.tril_indices(duels + 1)
    low, high = np.full(len(n), 1e-6), np.clip(wins / np.maximum(n, 1), 1e-6, 1 - 1e-6)
    for _ in range(14):  # to 1/16,000
        middle = (low + high) / 2
        out = _log_capital(n, wins, middle) >= math.log(1 / ALPHA)
        low, high = np.where(out, middle, low), np.where(out, high, middle)
    lows, claims = np.zeros((duels + 1, duels + 1)), np.zeros((duels + 1, duels + 1, 4), dtype=bool)
    lows[n, wins] = np.where(_log_capital(n, wins, low) >= math.log(1 / ALPHA), low, 0.0)
    lost, won = claim_factors(np.array([0.0, 1.0]), delta)
    held = (n - wins)[:, None] * lost + wins[:, None] * won
    claims[n, wins] = claim_reach(held, wins / np.maximum(n, 1)) >= math.log(1 / ALPHA)
    return Ends(lows, claims)


def _log_capital(n: npt.NDArray[np.intp], wins: npt.NDArray[np.intp], means: Floats) -> Floats:
    sizes = np.asarray(SIZES)
    most = np.log1p(-sizes)
    higher = wins[:, None] * np.log1p(sizes * (1 / means[:, None] - 1)) + (n - wins)[:, None] * most
    lower = wins[:, None] * most + (n - wins)[:, None] * np.log1p(sizes * (1 / (1 - means[:, None]) - 1))
    return log_average(np.concatenate([higher, lower], axis=1))


def changed(table: Ends, votes: npt.NDArray[np.int64], delta: float = DELTA) -> npt.NDArray[np.bool_]:
    """Find where `decide` would say CHANGED: votes 0 or 1 (teams, duels) -> (teams, duels), looking after each."""
    n, wins = np.arange(1, votes.shape[1] + 1), votes.cumsum(axis=1)
    low = np.maximum.accumulate(table.low[n, wins], axis=1)
    high = np.minimum.accumulate(1 - table.low[n, n - wins], axis=1)
    more, less, above, below = np.moveaxis(np.logical_or.accumulate(table.claims[n, wins], axis=1), -1, 0)
    mean = wins / n
    sided, near = (~more | (mean > 0.5)) & (~less | (mean < 0.5)), ~(above & below) | (np.abs(mean - 0.5) < delta)
    said: npt.NDArray[np.bool_] = ~((low <= mean) & (mean <= high) & sided & near) & (n >= LEAST_UNITS)
    return said


def changed_rates(rng: np.random.Generator, teams: int, duels: int) -> dict[str, float]:
    """Compute the share of teams that ever hear "this has changed": while nothing changes, the most of three; and when .7 turns into .3."""
    table, half = ends(duels), duels // 2

    def ever(shares: Floats) -> float:
        drawn = ((rng.random((teams, duels)) < shares).astype(np.int64) for _ in range(3))  # three times as many teams, in turn
        return float(np.mean([changed(table, votes).any(axis=1).mean() for votes in drawn]))

    still = max(ever(np.full(duels, theta)) for theta in (0.5, 0.6, 0.7))
    return {"changed_wrongly": still, "changed_rightly": ever(np.where(np.arange(duels) < half, 0.7, 0.3))}


def naive_rates(rng: np.random.Generator, teams: int, votes: int) -> dict[str, float]:
    """Compute the share of null teams of single decisive votes in which a usual test, asked after every vote, ever names a winner.

    naive_z: |wins - n/2| / (sqrt(n)/2) > 1.96. bayes_95: P(p > 1/2 | votes) outside (.05, .95) under a uniform prior.
    """
    wins, z_hit, bayes_hit = np.zeros(teams, dtype=np.int64), np.zeros(teams, dtype=bool), np.zeros(teams, dtype=bool)
    for n in range(1, votes + 1):
        wins += rng.random(teams) < 0.5
        z_hit |= np.abs(wins - n / 2) > 1.96 * math.sqrt(n) / 2
        table = betainc(np.arange(n + 1) + 1, n - np.arange(n + 1) + 1, 0.5)
        bayes_hit |= np.abs(table[wins] - 0.5) > 0.45
    return {"naive_z": float(z_hit.mean()), "bayes_95": float(bayes_hit.mean())}


def counted_singly(rng: np.random.Generator, teams: int, duels: int, voters: int = 5, correlation: float = INTRA) -> float:
    """Feed the same capital with votes instead of duels, `voters` to a duel: why the duel is the unit."""
    both = 1 / correlation - 1
    chance = np.repeat(rng.beta(both / 2, both / 2, size=(duels, teams)), voters, axis=0)
    votes = iter((rng.random(chance.shape) < chance).astype(np.int64))
    wrong = np.zeros(teams, dtype=bool)
    factors = np.exp(log_factors(np.array([0.0, 1.0]), np.array([0.5]))[:, 0])
    held = np.ones((teams, BETTORS))
    for vote in votes:
        held *= factors[vote]
        np.maximum(held, FLOOR, out=held)
        wrong |= held.sum(axis=1) >= BETTORS / ALPHA
    return float(wrong.mean())


Table = dict[str, float | int | bool]


def simulate(quick: bool, seed: int, progress: Callable[[str], None] = lambda line: None) -> Table:
    """Compute the table of the error rates; shares in [0, 1] of teams that looked after each of 400 duels. BARS says what must hold.

    Names that begin with null_ or end in _wrongly are errors. winner_70, equal_50: duels until that verdict at this share, median.
    """
    rng, teams, duels = np.random.default_rng(seed), 2000 if quick else 10_000, 400
    table: Table = {"seed": seed, "teams": teams, "duels": duels}

    def note(**found: float) -> None:
        for name, value in found.items():
            table[name] = round(value, 5)
            progress(f"{name} {value:g}")

    note(**_winner(rng, teams, duels))
    note(**_equal(rng, teams, duels))
    note(coverage=_coverage(rng, teams, duels))
    note(**changed_rates(rng, teams, duels))
    note(versions_uncorrected=some_false_version(rng, teams, corrected=False))
    note(versions_false=some_false_version(rng, teams, corrected=True))
    for name, corrected in (("tournament_uncorrected", False), ("tournament_false", True)):
        winners, any_ = false_winners(rng, teams // 50, corrected)
        note(**{f"{name}_winners": winners, f"{name}_any": any_})
    note(**naive_rates(rng, teams, duels), votes_counted_singly=counted_singly(rng, teams // 5, duels))
    table["passed"] = passed(table)
    return table


def _winner(rng: np.random.Generator, teams: int, duels: int) -> dict[str, float]:
    """Errors without a difference, and duels to a winner where there is one."""
    nulls = {"null_1_voter": single(rng, 0.5), "null_1_voter_30_ties": single(rng, 0.5, ties=0.3), "null_5_voters": panel(rng, 0.5)}
    found = {}
    for name, taste in nulls.items():
        ran = reached(taste, teams, duels)
        found[name] = ran.share(ran.winner_at)
    for theta in (0.65, 0.7, 0.8):
        ran = reached(single(rng, theta), teams, duels)
        found[f"winner_{theta * 100:g}"] = ran.median(ran.winner_at)
        if theta == 0.7:
            states = ran.first_states()
            found["direction_right"] = states[State.SECOND] / (states[State.SECOND] + states[State.FIRST])
            found["decided_70_by_400"] = 1 - states[State.COLLECT]
    return found


def _equal(rng: np.random.Generator, teams: int, duels: int) -> dict[str, float]:
    """Duels to "practically equal" where that is true, and how often it is said at the margin, where it is not."""
    tastes: dict[str, Callable[[np.random.Generator, float], Taste]]
    tastes = {"": single, "_30_ties": partial(single, ties=0.3), "_3_voters": partial(panel, voters=3)}
    found = {}
    for name, taste in tastes.items():
        ran = reached(taste(rng, 0.5), teams, duels)
        found[f"equal_50{name}"] = ran.median(ran.equal_at)
        edge = reached(taste(rng, 0.5 + DELTA), teams, duels)
        found[f"equal_65{name}_wrongly"] = edge.share(edge.equal_at)
    return found


def _coverage(rng: np.random.Generator, teams: int, duels: int) -> float:
    """Share of teams whose 95 % sequence held the truth at every look, the least over several populations."""
    truths = [(single(rng, p, ties), p) for p, ties in ((0.5, 0.0), (0.6, 0.0), (0.7, 0.3), (0.9, 0.0))]
    truths += [(panel(rng, theta), theta) for theta in (0.5, 0.7)]
    return 1 - max(ever_excluded(taste, theta, teams, duels) for taste, theta in truths)


BARS: dict[str, tuple[float, float]] = {  # least and most
    "null_1_voter": (0, ALPHA),
    "null_1_voter_30_ties": (0, ALPHA),
    "null_5_voters": (0, ALPHA),
    "coverage": (1 - ALPHA, 1),
    "winner_70": (30, 55),
    "direction_right": (0.99, 1),
    "equal_65_wrongly": (0, ALPHA),
    "equal_65_30_ties_wrongly": (0, ALPHA),
    "equal_65_3_voters_wrongly": (0, ALPHA),
    "changed_wrongly": (0, ALPHA),
    "versions_false": (0, ALPHA),
    "tournament_false_any": (0, ALPHA),
}


def passed(table: Table) -> bool:
    """Whether the bars hold; shares of fewer than 10,000 teams may miss one by two standard errors of a share of 5 %."""
    slack = 0.0 if table["teams"] >= 10_000 else 2 * math.sqrt(ALPHA * (1 - ALPHA) / table["teams"])
    return all(least - slack <= table[name] <= most + slack for name, (least, most) in BARS.items())
