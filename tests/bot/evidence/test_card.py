"""Latency, break-even, the card, and its last line."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bot.evidence.bets import BadEvidence
from bot.evidence.breakeven import BreakEven, break_even
from bot.evidence.capital import Capital
from bot.evidence.card import AdapterFacts, Aspect, CardInputs, Offline, RecipeFacts, card
from bot.evidence.change import what_would_change
from bot.evidence.decision import Decision, State, decide
from bot.evidence.forecast import Forecast
from bot.evidence.latency import difference, quantile
from bot.evidence.robustness import Robustness
from engine.named import Named
from tests.bot.evidence.make import tag_shares

RECIPE = RecipeFacts(Named("house", "2"), 180, 3, "demo", "MIT", "local", 240.0, 4, 90.0, (30.0, 50.0))
ADAPTER = AdapterFacts(Named("demo", "1"), "demo", "abc", 8, 40_000, 500, 300, 1, 240.0, 3.0, "peft", "cpu", 6.0, (1800.0,))


def seconds(n: int, seed: int = 0, scale: float = 1.0) -> list[float]:
    return [float(value) for value in np.random.default_rng(seed).lognormal(0, 0.5, n) * scale]


def even(prompted: float, tuned: float, extra: float, months: float | None = 6.0, requests: float | None = 1000.0) -> BreakEven:
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 1e-5, (2, 200))
    found = break_even((prompted + noise[0], tuned + noise[1]), extra, rng, requests_per_month=requests, shelf_life_months=months)
    assert found is not None
    return found


def decision(scores: list[float]) -> Decision:
    return decide(Capital.start().after(scores))


def inputs(scores: list[float], **more: object) -> CardInputs:
    return replace(CardInputs(RECIPE, ADAPTER, decision(scores), 0.1), **more)  # type: ignore[arg-type]


def aspect(name: str, given: CardInputs) -> Aspect:
    return next(line for line in card(given) if line.name == name)


def test_no_p95_under_40_samples_and_one_from_40_on() -> None:
    assert quantile(seconds(39), 0.95).value is None
    assert "so far 39" in quantile(seconds(39), 0.95).why
    assert quantile(seconds(40), 0.95).value == sorted(seconds(40))[37]
    assert quantile(seconds(39), 0.5).value is not None
    assert quantile([], 0.5).why == "no samples yet"
    assert quantile(seconds(9), 0.5).interval is None and quantile(seconds(10), 0.5).interval is not None
    assert quantile(seconds(9), 0.5).why == "an interval is shown from 10 samples on, so far 9"


@pytest.mark.parametrize(("n", "q"), [(10, 0.5), (25, 0.5), (60, 0.95)])
def test_the_interval_equals_bootstrap_by_resampling(n: int, q: float) -> None:
    samples = np.array(seconds(n))
    again = np.sort(np.random.default_rng(1).choice(samples, (40_000, n)), axis=1)[:, math.ceil(n * q - 1e-9) - 1]
    interval, ordered = quantile(samples, q).interval, np.sort(samples)
    assert interval is not None
    for end, level in zip(interval, (0.025, 0.975), strict=True):
        near = [np.quantile(again, min(1, max(0, level + shift)), method="inverted_cdf") for shift in (-0.003, 0.003)]
        assert near[0] <= end <= near[1]
        assert end in ordered


def test_paired_differences_need_pairs() -> None:
    assert difference([1.0] * 10, [3.0] * 10).value == 2
    with pytest.raises(BadEvidence, match="Paired"):
        difference([1.0], [1.0, 2.0])
    with pytest.raises(BadEvidence, match="finite"):
        quantile([1.0, math.nan], 0.5)


def test_a_dearer_fine_tune_never_pays_back() -> None:
    found = even(0.001, 0.002, extra=10)
    assert (found.answers, found.months, found.answers_low, found.never, found.in_time) == (None, None, None, 1, 0)


def test_a_cheaper_fine_tune_pays_back_after_extra_over_saving() -> None:
    found = even(0.003, 0.001, extra=10)
    assert found.answers == pytest.approx(5000, rel=0.01)
    assert found.months == pytest.approx(5, rel=0.01)
    assert found.answers_low is not None and found.answers_high is not None and found.answers is not None
    assert found.answers_low <= found.answers <= found.answers_high
    assert (found.never, found.in_time) == (0, 1)
    assert even(0.003, 0.001, extra=10, months=4).in_time == 0
    assert even(0.003, 0.001, extra=10, months=None).in_time is None


def test_costs_that_cannot_be_told_apart_give_a_chance_of_never() -> None:
    rng = np.random.default_rng(8)
    found = break_even((rng.exponential(1, 50), rng.exponential(1, 50)), 10, rng)
    assert found is not None
    assert 0.02 < found.never < 0.98
    assert found.answers_high is None


def test_nothing_up_front_is_ahead_at_once_unless_dearer_per_answer() -> None:
    assert even(0.003, 0.001, extra=0).answers == 0
    assert even(0.001, 0.003, extra=-5).answers is None


def test_many_costs_are_resampled_in_blocks_with_the_same_spread() -> None:
    rng = np.random.default_rng(2)
    saved = rng.normal(0.001, 0.01, 50_000)
    found = break_even((saved, np.zeros(50_000)), 1, rng)
    assert found is not None
    assert found.saving.high - found.saving.low == pytest.approx(2 * 1.96 * 0.01 / math.sqrt(50_000), rel=0.1)
    assert break_even(([], []), 1, rng) is None
    assert break_even(([1.0] * 9, [0.5] * 9), 1, rng) is None
    assert break_even(([1.0] * 10, [0.5] * 10), 1, rng) is not None
    with pytest.raises(BadEvidence, match="paired"):
        break_even(([1.0], []), 1, rng)


def test_the_card_has_the_eight_aspects_in_order_and_open_where_nothing_is_known() -> None:
    bare = CardInputs(
        RecipeFacts(Named("r", "1"), 5, 0, "demo", None, "local"), AdapterFacts(Named("a", "1"), "demo", None), decision([]), None
    )
    lines = card(bare)
    names = ["definition", "purpose", "complexity", "cost", "time", "flexibility", "use cases", "dependency"]
    assert [line.name for line in lines] == names
    assert {line.favours for line in lines} == {"open"}
    assert all(line.reason.endswith(".") for line in lines)


def test_purpose_follows_the_decision_and_shows_both_shares() -> None:
    won = aspect("purpose", inputs([0.0] * 20, offline=Offline("exact match", (0.8, 0.6), 50)))
    assert (won.favours, won.n) == ("prompted", 20)
    assert [won.side(0)[0].value, won.side(1)[0].value] == [1, 0]
    assert won.side(0)[-1].value == 0.8
    assert aspect("purpose", inputs([1.0] * 20)).favours == "tuned"
    equal = aspect("purpose", inputs([0.0, 1.0] * 100))
    assert equal.favours == "open"
    assert "Practically equal" in equal.reason


@pytest.mark.parametrize(
    ("found", "favours"),
    [
        (even(0.001, 0.002, 10), "prompted"),
        (even(0.003, 0.001, 10), "tuned"),
        (even(0.003, 0.001, 10, months=4), "prompted"),
        (even(0.003, 0.001, 10, months=None), "open"),
        (even(0.003, 0.001, 0, months=None), "tuned"),
        (None, "open"),
    ],
)
def test_cost_follows_the_break_even(found: BreakEven | None, favours: str) -> None:
    usd = ([0.001] * 4, [0.002] * 4)
    line = aspect("cost", inputs([], usd=usd, break_even=found, wage_usd_per_hour=60.0))
    assert line.favours == favours
    shown = {figure.label: figure.value for figure in line.side(0)}
    assert shown == pytest.approx({"per 1,000 answers": 1.0, "per 1,000 accepted": 1 / 0.9, "authoring": 90.0})


def test_never_is_written_out_on_the_card() -> None:
    line = aspect("cost", inputs([], break_even=even(0.001, 0.002, 10)))
    assert [figure.value for figure in line.side(1) if figure.label == "break-even"] == ["never"]
    assert "never pays back" in line.reason


def test_time_favours_the_faster_only_when_the_paired_difference_shows_it() -> None:
    base = seconds(50)
    slower = [value + 0.2 for value in base]
    assert aspect("time", inputs([], total_s=(base, slower))).favours == "prompted"
    assert aspect("time", inputs([], total_s=(slower, base))).favours == "tuned"
    assert aspect("time", inputs([], total_s=(base, seconds(50, seed=9)))).favours == "open"
    few = aspect("time", inputs([], total_s=(base[:39], slower[:39])))
    p95 = next(figure for figure in few.side(0) if figure.label == "full answer, p95")
    assert p95.value is None
    assert "so far 39" in p95.why


def test_the_other_aspects_favour_by_their_figures() -> None:
    tags = tag_shares({"sums": [1.0] * 40, "mail": [0.0, 1.0] * 20})
    lines = {line.name: line for line in card(inputs([], tags=tags))}
    assert (lines["complexity"].favours, lines["flexibility"].favours, lines["dependency"].favours) == ("prompted",) * 3
    assert lines["flexibility"].n == 3
    assert lines["use cases"].favours == "tuned"
    assert "sums" in lines["use cases"].reason
    split = tag_shares({"sums": [1.0] * 40, "mail": [0.0] * 40})
    assert aspect("use cases", inputs([], tags=split)).favours == "open"


def test_the_last_line_depends_on_the_state() -> None:
    forecast = Forecast(30, 12, None, 0.8, 500, 100)
    assert what_would_change(decision([]))[0] == "The first closed duels."
    assert what_would_change(decision([1.0, 0.0] * 5), forecast=forecast) == ("About 30 further requests, probably 12 to more than 500.",)
    assert what_would_change(decision([0.5, 1.0] * 5), forecast=Forecast(1, 1, 1, 1, 500, 100)) == ("About 1 further request.",)
    assert what_would_change(decision([1.0, 0.0]))[0].startswith("At least 8 further requests: ")
    assert "contradict" in what_would_change(replace(decision([1.0] * 30), state=State.CHANGED))[0]
    fragile = what_would_change(decision([1.0] * 10), robust=Robustness(State.SECOND, 3, ("a",), 0))
    assert fragile[:2] == (
        "It hangs on 1 of 3 voters: without that one it would not stand.",
        "It would not stand without its loudest request.",
    )
    equal = what_would_change(decision([0.0, 1.0] * 100))
    assert equal[0].startswith("A change of prices")
    unsettled = what_would_change(decision([0.0, 1.0] * 100), unsettled="No price is known.")
    assert unsettled[0] == "No price is known."
