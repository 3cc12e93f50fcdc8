"""From a ledger and facts to a Verdict: what to do, with its evidence aspect by aspect. Pure, and the same for the same input."""

import zlib
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from bot.evidence.bets import Floats
from bot.evidence.breakeven import BreakEven, break_even
from bot.evidence.card import AdapterFacts, Aspect, CardInputs, RecipeFacts, card
from bot.evidence.change import what_would_change
from bot.evidence.decision import Decision, State, decide, take
from bot.evidence.diagnostics import Kind, Reading
from bot.evidence.duels import Absence, Opinion
from bot.evidence.forecast import Forecast, further_duels
from bot.evidence.pooling import TagShare, shares_of
from bot.evidence.robustness import Robustness, robustness
from bot.verdict.facts import Facts, Latency, OfflineLine, Timings, latencies
from bot.verdict.ledger import Ledger
from bot.verdict.samples import Sample
from bot.verdict.scope import Scope, Who
from bot.verdict.trail import Point, look
from bot.verdict.words import Counts, sentence
from engine.contestants import Arm


@dataclass(frozen=True, slots=True)
class Unknown:
    """No verdict, and why."""

    words: str
    duels: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the closed duels of a scope say at this look. Tuples of two are in the order of `who`."""

    words: str  # what to do and on what, in a sentence or three
    scope: Scope
    who: tuple[Who, Who]
    decision: Decision
    take: int | None  # which of `who`: the better, or of two equals the cheaper; None while that is open
    forecast: Forecast | None
    better: dict[Arm, int]  # duels in which more voters preferred this arm
    ties: int
    both_bad: int
    absent: dict[Absence, int]  # closed duels that are no evidence, by reason
    ballots: int
    voters: int
    voted_share: float | None
    readings: dict[Kind, Reading]
    robust: Robustness | None  # None while nothing is decided, or with too many voters to leave each one out
    tags: tuple[TagShare, ...]
    latency: tuple[Latency, ...]
    even: BreakEven | None
    aspects: tuple[Aspect, ...]  # none unless one side has an adapter and the other has not
    offline: tuple[OfflineLine, ...]  # beside the votes, never mixed with them
    change: tuple[str, ...]  # what would change this
    trail: tuple[Point, ...]
    samples: tuple[Sample, ...]  # the latest duels, for pictures
    alone: Timings

    @property
    def duels(self) -> int:
        """Closed duels that count."""
        return self.decision.n

    @property
    def identical(self) -> int:
        """Auto ties, asked of nobody and no evidence."""
        return self.absent[Absence.AUTO_TIE]


def judge(ledger: Ledger, facts: Facts) -> Verdict:
    """The verdict of the ledger's scope. Takes some milliseconds to some hundred; nothing is changed."""
    scope, samples = ledger.scope, ledger.samples
    decision = decide(ledger.capital, delta=scope.delta, alpha=scope.alpha)
    rng = np.random.default_rng(zlib.crc32(f"{scope.pair} {ledger.capital.n}".encode()))  # the same look, the same forecast
    forecast = further_duels(ledger.capital, ledger.scores, rng, delta=scope.delta, alpha=scope.alpha)
    robust = _robust(ledger, decision)
    usd, served = samples.column("usd"), Timings(samples.column("first_token_s"), samples.column("total_s"))
    readings, tags = ledger.diagnostics.readings(), shares_of(ledger.tags, scope.alpha)
    even = _break_even(facts, usd, rng)
    each = (float(np.mean(usd[0])), float(np.mean(usd[1]))) if usd[0] else (None, None)
    taken = take(decision.state, each)
    better = Counter[Arm]({who.arm: 0 for who in facts.who})
    for who, opinion in zip(facts.who, (Opinion.FIRST, Opinion.SECOND), strict=True):
        better[who.arm] += ledger.results[opinion]
    counts = Counts(dict(better), ledger.results[Opinion.TIE], ledger.results[Opinion.BOTH_BAD], ledger.absent[Absence.AUTO_TIE])
    return Verdict(
        words=sentence(decision, facts.who, taken, counts, forecast),
        scope=scope,
        who=facts.who,
        decision=decision,
        take=taken,
        forecast=forecast,
        better=counts.better,
        ties=counts.ties,
        both_bad=counts.both_bad,
        absent={reason: ledger.absent[reason] for reason in Absence},
        ballots=ledger.ballots,
        voters=len(ledger.voters),
        voted_share=ledger.voted_share,
        readings=readings,
        robust=robust,
        tags=tags,
        latency=latencies(served, facts.alone),
        even=even,
        aspects=_aspects(ledger, facts, decision, readings=readings, even=even, tags=tags),
        offline=facts.offline_details,
        change=what_would_change(decision, forecast=forecast, robust=robust, even=even),
        trail=_trail(ledger),
        samples=samples.kept,
        alone=facts.alone,
    )


def histogram(ledger: Ledger) -> Floats:
    """All scores, sorted."""
    levels = sorted(ledger.scores)
    return np.repeat(np.array(levels, dtype=np.float64), [ledger.scores[level] for level in levels])


def _robust(ledger: Ledger, decision: Decision) -> Robustness | None:
    if decision.state in (State.COLLECT, State.CHANGED) or ledger.left_out is None:
        return None
    return robustness(histogram(ledger), ledger.left_out, decision.state, delta=decision.delta, alpha=decision.alpha)


def _trail(ledger: Ledger) -> tuple[Point, ...]:
    """The kept looks and the present one."""
    kept = ledger.trail.points
    if not ledger.capital.n or (kept and kept[-1].n == ledger.capital.n):
        return kept
    return (*kept, look(ledger.capital, 1 / ledger.scope.alpha))


def up_front_usd(facts: Facts) -> float | None:
    """Dollars that the fine-tune took before its first answer beyond those of the prompt; None when its training cost is unknown."""
    if facts.adapter is None or facts.recipe is None or facts.adapter.training_usd is None:
        return None
    wage = facts.wage_usd_per_hour
    minutes = (facts.recipe.authoring_minutes, facts.adapter.authoring_minutes)
    authoring = (minutes[1] - minutes[0]) / 60 * wage if wage is not None and minutes[0] is not None and minutes[1] is not None else 0.0
    return facts.adapter.training_usd + authoring


def _break_even(facts: Facts, usd: tuple[tuple[float, ...], tuple[float, ...]], rng: np.random.Generator) -> BreakEven | None:
    extra = up_front_usd(facts)
    if extra is None or facts.adapter is None:
        return None
    life = facts.adapter.shelf_life_months
    return break_even(usd, extra, rng, requests_per_month=facts.requests_per_month, shelf_life_months=life)


def _aspects(
    ledger: Ledger,
    facts: Facts,
    decision: Decision,
    *,
    readings: dict[Kind, Reading],
    even: BreakEven | None,
    tags: tuple[TagShare, ...],
) -> tuple[Aspect, ...]:
    if facts.recipe is None or facts.adapter is None:
        return ()
    samples = ledger.samples
    recipe: RecipeFacts = replace(facts.recipe, prompt_tokens=_median(samples.column("prompt_tokens")[0]))
    adapter: AdapterFacts = facts.adapter
    return card(
        CardInputs(
            recipe=recipe,
            adapter=adapter,
            decision=decision,
            both_bad=readings[Kind.BOTH_BAD].value,
            first_token_s=samples.column("first_token_s"),
            total_s=samples.column("total_s"),
            usd=samples.column("usd"),
            break_even=even,
            wage_usd_per_hour=facts.wage_usd_per_hour,
            tags=tags,
            offline=facts.offline,
        )
    )


def _median(values: tuple[float, ...]) -> float | None:
    return float(np.median(values)) if values else None
