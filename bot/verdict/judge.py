"""From a ledger and facts to a Verdict: what to do, with its evidence aspect by aspect. Pure, and the same for the same input."""

import zlib
from dataclasses import dataclass, replace

import numpy as np

from bot.ballots import Entrant
from bot.evidence.bets import Floats
from bot.evidence.breakeven import BreakEven, break_even
from bot.evidence.card import AdapterFacts, Aspect, CardInputs, RecipeFacts, card, cost_favours
from bot.evidence.change import what_would_change
from bot.evidence.decision import Decision, Recent, State, decide
from bot.evidence.diagnostics import Kind, Reading
from bot.evidence.duels import Absence, Opinion
from bot.evidence.figure import few
from bot.evidence.forecast import Forecast, further_duels
from bot.evidence.pooling import TagShare, shares_of
from bot.evidence.robustness import Robustness, robustness
from bot.verdict.facts import Facts, Latency, OfflineLine, Timings, latencies
from bot.verdict.ledger import Ledger
from bot.verdict.samples import Sample
from bot.verdict.scope import Scope
from bot.verdict.trail import Point, look
from bot.verdict.tried import Tried
from bot.verdict.words import Cheaper, Counts, headline, sentence, standing
from bot.who import Who


@dataclass(frozen=True, slots=True)
class Unknown:
    """No verdict, and why."""

    words: str
    duels: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a scope at this look. Tuples of two are in the order of `who`."""

    words: str  # what to do and on what, in some sentences
    headline: str  # what to do
    scope: Scope
    who: tuple[Who, Who]
    decision: Decision
    take: Entrant | None  # which of `who`: the better, or of two equals the cheaper; None while that is open
    recent: Recent | None  # the latest requests by themselves; None where they are not kept
    forecast: Forecast | None  # None before there are enough requests for one
    counts: Counts
    absent: dict[Absence, int]  # closed duels that are no evidence, by reason
    ballots: int
    voters: int
    voted_share: float | None
    readings: dict[Kind, Reading]
    robust: Robustness | None  # None while nothing is decided, or with too many voters to leave each one out
    tags: tuple[TagShare, ...]
    latency: tuple[Latency, ...]
    even: BreakEven | None
    no_break_even: str  # why there is none
    aspects: tuple[Aspect, ...]  # none unless one side has an adapter and the other has not
    offline: tuple[OfflineLine, ...]  # beside the votes, never mixed with them
    change: tuple[str, ...]  # what would change this
    trail: tuple[Point, ...]
    samples: tuple[Sample, ...]  # the latest duels, for pictures
    alone: Timings
    tried: Tried

    @property
    def requests(self) -> int:
        """Distinct requests that count: the units of evidence."""
        return self.decision.n

    @property
    def standing(self) -> str:
        """How it stands, in few words."""
        return standing(self.headline, self.requests, self.forecast)

    @property
    def duels(self) -> int:
        """Closed duels with ballots on those requests."""
        return self.counts.duels

    @property
    def better(self) -> tuple[int, int]:
        """Duels in which more voters preferred each side."""
        return self.counts.better

    @property
    def ties(self) -> int:
        """Duels that most of their voters called a tie, or that came out as one."""
        return self.counts.ties

    @property
    def both_bad(self) -> int:
        """Duels in which most voters found both bad."""
        return self.counts.both_bad

    @property
    def identical(self) -> int:
        """Auto ties, asked of nobody and no evidence."""
        return self.counts.identical


def judge(ledger: Ledger, facts: Facts) -> Verdict:
    """Judge the ledger's scope. Takes some milliseconds to some hundred; nothing is changed."""
    scope, samples, tried = ledger.scope, ledger.samples, facts.tried
    decision = decide(ledger.capital, delta=scope.delta, alpha=scope.alpha, pairs=tried.comparisons, bounds=ledger.bounds)
    rng = np.random.default_rng(zlib.crc32(f"{scope.pair} {ledger.capital.n}".encode()))  # the same look, the same forecast
    forecast, robust, recent = _forecast(ledger, decision, rng), _robust(ledger, decision), decision.recent
    costs = _costs(facts, samples.column("usd"), rng)
    readings, tags = ledger.diagnostics.readings(), shares_of(ledger.tags, scope.alpha)
    taken, counts = _taken(decision, costs), _counts(ledger, facts)
    said = headline(decision, facts.who, taken, tags, costs.cheaper)
    unsettled = costs.reason if taken is None else ""
    return Verdict(
        words=sentence(decision, facts.who, said, counts, forecast=forecast, recent=recent, tried=facts.tried),
        headline=said,
        scope=scope,
        who=facts.who,
        decision=decision,
        take=taken,
        recent=recent,
        forecast=forecast,
        counts=counts,
        absent={reason: ledger.absent[reason] for reason in Absence},
        ballots=ledger.ballots,
        voters=len(ledger.voters),
        voted_share=ledger.voted_share,
        readings=readings,
        robust=robust,
        tags=tags,
        latency=latencies(Timings(samples.column("first_token_s"), samples.column("total_s")), facts.alone),
        even=costs.even,
        no_break_even=costs.why,
        aspects=_aspects(ledger, facts, decision, readings=readings, costs=costs, tags=tags),
        offline=facts.offline_details,
        change=what_would_change(decision, forecast=forecast, robust=robust, even=costs.even, unsettled=unsettled),
        trail=_trail(ledger),
        samples=samples.kept,
        alone=facts.alone,
        tried=facts.tried,
    )


def _counts(ledger: Ledger, facts: Facts) -> Counts:
    results = ledger.results
    return Counts(
        better=(results[Opinion.FIRST], results[Opinion.SECOND]),
        ties=results[Opinion.TIE],
        both_bad=results[Opinion.BOTH_BAD],
        identical=ledger.absent[Absence.AUTO_TIE],
        duels=ledger.duels,
        open=facts.open,
        by_hand=ledger.absent[Absence.BY_HAND],
        says_who=ledger.absent[Absence.SAYS_WHO],
        served=facts.served,
    )


def _taken(decision: Decision, costs: "Costs") -> Entrant | None:
    """Whom to take: the better, or of two equals the one whom cost favours, all of it known."""
    match decision.state:
        case State.FIRST:
            return 0
        case State.SECOND:
            return 1
        case State.EQUAL if costs.cheaper is not None and costs.cheaper.extra_usd is not None:
            return costs.cheaper.side
        case _:
            return None


def _forecast(ledger: Ledger, decision: Decision, rng: np.random.Generator) -> Forecast | None:
    if few(ledger.capital.n) or decision.held_back:
        return None
    return further_duels(ledger.capital, ledger.scores, rng, delta=decision.delta, alpha=decision.alpha, pairs=decision.comparisons)


def histogram(ledger: Ledger) -> Floats:
    """List all scores of a ledger, sorted."""
    levels = sorted(ledger.scores)
    return np.repeat(np.array(levels, dtype=np.float64), [ledger.scores[level] for level in levels])


def _robust(ledger: Ledger, decision: Decision) -> Robustness | None:
    if decision.state in (State.COLLECT, State.CHANGED) or ledger.left_out is None:
        return None
    margins = {"delta": decision.delta, "alpha": decision.alpha}
    return robustness(histogram(ledger), ledger.left_out, decision.state, pairs=decision.comparisons, **margins)


def _trail(ledger: Ledger) -> tuple[Point, ...]:
    """The kept looks and the present one."""
    kept = ledger.trail.points
    if not ledger.capital.n or (kept and kept[-1].n == ledger.capital.n):
        return kept
    return (*kept, look(ledger.capital, 1 / ledger.scope.alpha))


def up_front_usd(facts: Facts) -> float | None:
    """Compute the dollars that the fine-tune took up front beyond those of the prompt; None when training has no known cost."""
    if facts.adapter is None or facts.recipe is None or facts.adapter.training_usd is None:
        return None
    wage = facts.wage_usd_per_hour
    minutes = (facts.recipe.authoring_minutes, facts.adapter.authoring_minutes)
    authoring = (minutes[1] - minutes[0]) / 60 * wage if wage is not None and minutes[0] is not None and minutes[1] is not None else 0.0
    return facts.adapter.training_usd + authoring


@dataclass(frozen=True, slots=True)
class Costs:
    """The costs of the pair, judged."""

    even: BreakEven | None
    why: str  # why there is no break-even; empty when there is
    cheaper: Cheaper | None  # None: not settled
    reason: str  # the sentence of the cost row


def _costs(facts: Facts, usd: tuple[tuple[float, ...], tuple[float, ...]], rng: np.random.Generator) -> Costs:
    """Judge costs from paired dollars per answer, training and authoring included where the pair has them."""
    why, extra = _no_break_even(facts, len(usd[0])), up_front_usd(facts)
    life = facts.adapter.shelf_life_months if facts.adapter else None
    even = None
    if not why and extra is not None:
        even = break_even(usd, extra, rng, requests_per_month=facts.requests_per_month, shelf_life_months=life)
    favours, reason = cost_favours(even, why)
    running = even if even or few(len(usd[0])) else break_even(usd, 0.0, rng)
    if running is None:
        return Costs(even, why, None, reason)
    each = (float(np.mean(usd[0])) * 1000, float(np.mean(usd[1])) * 1000)
    if favours != "open":
        return Costs(even, why, Cheaper(0 if favours == "prompted" else 1, each, extra), reason)
    nothing_made = not any(who.arm.adapted for who in facts.who)
    if nothing_made:
        reason = "More measured answers: which side is the cheaper per answer is not settled."
    if running.saving.low <= 0 <= running.saving.high:
        return Costs(even, why, None, reason)
    return Costs(even, why, Cheaper(1 if running.saving.low > 0 else 0, each, 0.0 if nothing_made else None), reason)


def _no_break_even(facts: Facts, priced: int) -> str:
    """Why there is no break-even; empty when there can be one."""
    if facts.who[0].arm.adapted or not facts.who[1].arm.adapted:
        return "it takes a prompt on one side and a fine-tune on the other"
    price = "" if priced else "there is no price for both sides"
    training = "" if up_front_usd(facts) is not None else "the cost of training is not known"
    return " and ".join(filter(None, (price, training))) or few(priced, "a break-even", "priced duel")


def _aspects(
    ledger: Ledger,
    facts: Facts,
    decision: Decision,
    *,
    readings: dict[Kind, Reading],
    costs: Costs,
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
            break_even=costs.even,
            no_break_even=costs.why,
            wage_usd_per_hour=facts.wage_usd_per_hour,
            tags=tags,
            offline=facts.offline,
            arms=(facts.who[0].arm, facts.who[1].arm),
        )
    )


def _median(values: tuple[float, ...]) -> float | None:
    return float(np.median(values)) if values else None
