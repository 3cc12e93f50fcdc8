"""How often the verdict is wrong: seeded simulations of many teams that look after every duel, and what naive tests would do.

Each team starts with nothing and looks after every closed duel. All teams advance together, one duel a step, by the same factors
as bot.evidence.capital; a test holds the two together.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betainc  # type: ignore[import-untyped]

from bot.evidence.bets import ALPHA, BETTORS, DELTA, Floats, log_factors

Draw = Callable[[int], npt.NDArray[np.int64]]
"""n -> n indices into Taste.levels, one duel of each of n teams."""
FLOOR = 1e-200  # capital never sinks lower here: keeps multiplication fast and can only raise the error rate
INTRA = 0.33  # correlation of two voters' ballots on one duel


@dataclass(frozen=True, slots=True)
class Taste:
    """A population of duels: the scores that occur, and how one is drawn for each team."""

    levels: Floats
    draw: Draw


def single(rng: np.random.Generator, theta: float, ties: float = 0.0) -> Taste:
    """One voter per duel: a tie with chance `ties`, else decisive so that the mean score is theta."""
    win = theta - ties / 2
    cuts = np.cumsum([1 - win - ties, ties])
    return Taste(np.array([0.0, 0.5, 1.0]), lambda n: np.searchsorted(cuts, rng.random(n), side="right"))


def panel(rng: np.random.Generator, theta: float, voters: int = 5, correlation: float = INTRA) -> Taste:
    """Several voters per duel who share its taste: beta-binomial, correlation 1/(a + b + 1) within a duel."""
    both = 1 / correlation - 1
    return Taste(
        np.arange(voters + 1) / voters,
        lambda n: np.asarray(rng.binomial(voters, rng.beta(theta * both, (1 - theta) * both, size=n))),
    )


def ever_excluded(taste: Taste, mean: float, teams: int, duels: int, bar: float = 1 / ALPHA) -> float:
    """Share of teams whose sequence excludes `mean` at some look: P(sup K_n(mean) >= bar)."""
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
class Decided:
    """What teams decided first, and when."""

    median: float  # duels until the decision; one more than were run when most teams did not decide
    shares: dict[str, float]  # of all teams: first, second, equal, open


def first_decisions(taste: Taste, teams: int, duels: int, delta: float = DELTA, bar: float = 1 / ALPHA) -> Decided:
    """Run teams until `decide` would first say anything but "keep collecting"."""
    points = np.array([0.5 - delta, 0.5, 0.5 + delta])
    factors = np.exp(log_factors(taste.levels, points))
    held, totals = np.ones((teams, 3, BETTORS)), np.zeros(teams)
    out = np.zeros((teams, 2, 3), dtype=bool)  # excluded so far from below, from above
    counts, when = {"first": 0, "second": 0, "equal": 0}, []
    for step in range(1, duels + 1):
        picks = taste.draw(len(held))
        held *= factors[picks]
        np.maximum(held, FLOOR, out=held)
        totals += taste.levels[picks]
        rich, below = held.sum(axis=2) >= bar * BETTORS, points < totals[:, None] / step
        out[:, 0] |= rich & below
        out[:, 1] |= rich & ~below
        second, first = out[:, 0, 1] & ~out[:, 1, 1], out[:, 1, 1] & ~out[:, 0, 1]
        equal = out[:, 0, 0] & out[:, 1, 2] & ~second & ~first
        done = first | second | equal
        if done.any():
            for name, which in (("first", first), ("second", second), ("equal", equal)):
                counts[name] += int(which.sum())
            when += [step] * int(done.sum())
            held, totals, out = held[~done], totals[~done], out[~done]
    times = np.concatenate([when, np.full(teams - len(when), duels + 1)])
    return Decided(float(np.median(times)), {name: count / teams for name, count in counts.items()} | {"open": 1 - len(when) / teams})


def naive_rates(rng: np.random.Generator, teams: int, votes: int) -> dict[str, float]:
    """Share of null teams of single decisive votes in which a usual test, asked after every vote, ever names a winner.

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
    """The same capital fed with votes instead of duels, `voters` to a duel: why the duel is the unit."""
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


def simulate(quick: bool, seed: int, progress: Callable[[str], None] = lambda line: None) -> dict[str, float | int | bool]:
    """The table of the error rates; shares in [0, 1] of teams that looked after each of 400 duels.

    null_1_voter, null_5_voters: teams that ever named a winner where there is none. coverage: teams whose 95 % sequence held the
    truth at every look, the least over several populations. decide_70_median: duels to a decision at theta .70 without ties.
    direction_right: of those decided, the share that said the better side. The rest is for comparison.
    """
    rng, teams, duels = np.random.default_rng(seed), 2000 if quick else 10_000, 400
    table: dict[str, float | int | bool] = {"seed": seed, "teams": teams, "duels": duels}

    def note(name: str, value: float) -> None:
        table[name] = round(value, 5)
        progress(f"{name} {value:g}")

    note("null_1_voter", ever_excluded(single(rng, 0.5), 0.5, teams, duels))
    note("null_1_voter_30_ties", ever_excluded(single(rng, 0.5, ties=0.3), 0.5, teams, duels))
    note("null_5_voters", ever_excluded(panel(rng, 0.5), 0.5, teams, duels))
    truths = [(single(rng, p, ties), p) for p, ties in ((0.6, 0.0), (0.7, 0.3), (0.9, 0.0))] + [(panel(rng, 0.7), 0.7)]
    missed = [ever_excluded(taste, theta, teams, duels) for taste, theta in truths]
    note("coverage", 1 - max(*missed, float(table["null_1_voter"]), float(table["null_5_voters"])))
    clear = first_decisions(single(rng, 0.7), teams, duels)
    note("decide_70_median", clear.median)
    note("direction_right", clear.shares["second"] / (1 - clear.shares["open"]))
    note("decided_70_by_400", 1 - clear.shares["open"])
    null = first_decisions(single(rng, 0.5), teams, duels)
    note("equal_under_null", null.shares["equal"])
    note("equal_wrongly_at_65", first_decisions(single(rng, 0.5 + DELTA), teams, duels).shares["equal"])
    for name, value in naive_rates(rng, teams, duels).items():
        note(name, value)
    note("votes_counted_singly", counted_singly(rng, teams // 5, duels))
    table["passed"] = passed(table)
    return table


def passed(table: dict[str, float | int | bool]) -> bool:
    """Whether the bars hold, as they stand: no allowance for the simulation's own error."""
    return (
        table["null_1_voter"] <= 0.05
        and table["null_5_voters"] <= 0.05
        and table["coverage"] >= 0.95
        and 40 <= table["decide_70_median"] <= 55
        and table["direction_right"] >= 0.99
    )
