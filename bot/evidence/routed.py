"""Simulated teams that answer with the winner: what that costs them against an oracle, and how soon a change of quality is seen.

Each team asks one request after the other, by the product's own functions: the draw and the share of bot.routes, the capital and the
decision of a verdict, the watch. It takes what the verdict proposes at once. Half way the better one becomes the worse one.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bot.ballots import Entrant
from bot.evidence.capital import Capital
from bot.evidence.decision import Decision, State, decide
from bot.evidence.versions import level
from bot.evidence.watch import WinnerWatch
from bot.margins import ALPHA
from bot.routes import ALL_DUELS, Drawn

SHARES = (0.05, 0.1, 0.3)  # of requests that become duels, beside which tables are made
REQUESTS = 10_000
LOOK_EVERY = 10  # duels between two looks at the verdict while somebody answers alone; the watch sees each one


@dataclass(slots=True, eq=False)
class RoutedTeam:
    """One team on its way. thetas: Y's expected share before and after the change; a duel has one decisive vote."""

    rng: np.random.Generator
    share: float  # of requests that become duels while somebody answers alone
    thetas: tuple[float, float]
    requests: int = REQUESTS
    capital: Capital = field(default_factory=Capital.start)
    watch: WinnerWatch = field(default_factory=WinnerWatch)
    waiting: list[float] = field(default_factory=list)  # scores since the last look at the verdict
    winner: Entrant | None = None  # who answers alone
    periods: int = 1  # evidence was counted anew after each alarm
    duels: int = 0
    regret: float = 0.0  # wins that the oracle, who always answers with the better one, would have had beyond the team's
    named_at: int | None = None  # requests until the first winner
    wrong: int = 0  # periods in which a winner was named that was none
    alarms: list[int] = field(default_factory=list)  # requests asked before each

    def run(self) -> None:
        """Ask all requests."""
        for asked in range(self.requests):
            theta = self.thetas[asked >= self.requests // 2]
            drawn = None if self.winner is None else Drawn(self.rng.random(), self.share, self.winner)
            gap = abs(2 * theta - 1)
            better = 1 if theta > 0.5 else 0
            if drawn and not drawn.is_duel:
                self.regret += gap if drawn.entrant != better else 0.0
                continue
            self.regret += gap / 2  # one of both answers is the better one's
            self.duels += 1
            self._vote(1.0 if self.rng.random() < theta else 0.0, theta, asked)

    def _vote(self, score: float, theta: float, asked: int) -> None:
        self.waiting.append(score)
        if self.winner is None:
            self._name(self._decided().state, theta, asked)
            return
        self.watch = self.watch.after(score if self.winner == 0 else 1 - score)
        if self.watch.alarmed or (len(self.waiting) == LOOK_EVERY and self._decided().drifted):
            self.alarms.append(asked + 1)
            self.capital, self.watch, self.waiting, self.winner = Capital.start(), WinnerWatch(), [], None
            self.periods += 1

    def _decided(self) -> Decision:
        """Look at the verdict, with the duels since the last look."""
        self.capital, self.waiting = self.capital.after(self.waiting), []
        return decide(self.capital, alpha=ALPHA if self.periods == 1 else level(ALPHA, self.periods, 0))

    def _name(self, state: State, theta: float, asked: int) -> None:
        """Take what the verdict proposes; of two equals the first one is the cheaper."""
        if state in (State.FIRST, State.SECOND):
            self.winner = 0 if state is State.FIRST else 1
            self.wrong += (theta - 0.5) * (2 * self.winner - 1) <= 0
            self.named_at = self.named_at or asked + 1
        elif state is State.EQUAL:
            self.winner = 0


Row = dict[str, float]


def with_a_change(seed: int, teams: int, share: float, requests: int = REQUESTS) -> Row:
    """Simulate teams for which .70 becomes .30 half way. Medians over teams, and means of regret; counts are requests."""
    ran = [RoutedTeam(np.random.default_rng([seed, team]), share, (0.7, 0.3), requests) for team in range(teams)]
    for team in ran:
        team.run()
    half = requests // 2
    seen = [next((at - half for at in team.alarms if at > half), requests) for team in ran]
    return {
        "share": share,
        "regret": float(np.mean([team.regret for team in ran])),
        "regret_all_duels": ALL_DUELS * requests * 0.4 / 2,
        "regret_never_looking": half * 0.4,
        "duels": float(np.median([team.duels for team in ran])),
        "named_after": float(np.median([team.named_at or requests for team in ran])),
        "seen_after": float(np.median(seen)),
        "seen_after_p90": float(np.quantile(seen, 0.9)),
        "seen": float(np.mean([each < requests for each in seen])),
        "false_alarms": float(np.mean([any(at <= half for at in team.alarms) for team in ran])),
        "wrong": float(np.mean([team.wrong > 0 for team in ran])),
    }


def without_a_difference(seed: int, teams: int, share: float, requests: int = REQUESTS) -> float:
    """Compute the share of teams of two equals for which any verdict ever names a winner."""
    wrong = 0
    for number in range(teams):
        team = RoutedTeam(np.random.default_rng([seed, number]), share, (0.5, 0.5), requests)
        team.run()
        wrong += team.wrong > 0
    return wrong / teams


def routed(seed: int, teams: int, progress: Callable[[str], None] = lambda line: None) -> list[Row]:
    """Make the table over SHARES, a row each."""
    rows = []
    for share in SHARES:
        rows.append(with_a_change(seed, teams, share) | {"wrong_of_equals": without_a_difference(seed, teams, share)})
        progress(", ".join(f"{name} {value:g}" for name, value in rows[-1].items()))
    return rows


def passed(rows: list[Row], teams: int) -> bool:
    """Whether at most 5 % of teams ever name a wrong winner; few teams may miss it by two standard errors."""
    slack = 2 * math.sqrt(ALPHA * (1 - ALPHA) / teams)
    return all(max(row["wrong"], row["wrong_of_equals"]) <= ALPHA + slack for row in rows)
