"""What the scores of test rows prove, and the advice that is drawn from them: never more than the figures hold."""

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest

from bot.deciding.advice import advise
from bot.deciding.findings import ChangeSide, ChangeTried, CraftSpent, DecisionFindings, ProbePoint, arm_measured
from bot.deciding.gaps import compared, share_right
from bot.deciding.measured import ArmAnswer
from bot.evidence.capital import Capital
from bot.evidence.decision import State
from bot.margins import ALPHA
from engine.contestants import Arm

P, T, C, N = Arm.PROMPTED, Arm.TUNED, Arm.COMBINED, Arm.PLAIN


def drawn(shares: Mapping[Arm, float], rows: int, seed: int = 0) -> dict[Arm, list[float]]:
    dice = random.Random(seed)
    return {arm: [float(dice.random() < share) for _ in range(rows)] for arm, share in shares.items()}


def findings(scores: Mapping[Arm, list[float]], usd: Mapping[Arm, float] | None = None, test_rows: int = 0) -> DecisionFindings:
    costs = usd or {P: 2e-5, T: 1e-5, C: 2.5e-5, N: 1e-5}

    def answers(arm: Arm) -> list[ArmAnswer]:
        return [
            ArmAnswer("x", score, total_s=1.0, first_token_s=0.1, usd=costs[arm], prompt_tokens=9, new_tokens=3) for score in scores[arm]
        ]

    rows = len(next(iter(scores.values()), []))
    return DecisionFindings(
        rows={"train": 300, "dev": 75, "test": test_rows or rows},
        kind="JSON",
        metric="json",
        metric_words="the same JSON as the wanted answer",
        counts=True,
        margin=0.1,
        test_rows=test_rows or rows,
        arms=tuple(arm_measured(arm, answers(arm), answers(arm)[:12]) for arm in scores),
        gaps=compared(scores),
        spent={"prompt": CraftSpent(3.0, 0.005, "x"), "fine-tune": CraftSpent(4.0, 0.007, "x")},
    )


@pytest.mark.parametrize(
    ("shares", "outcome", "take", "headline"),
    [
        ({P: 0.39, T: 0.88, C: 0.60, N: 0.0}, "wins", T, "Fine-tune"),
        ({P: 0.85, T: 0.40, C: 0.50, N: 0.1}, "wins", P, "Engineer the prompt"),
        ({P: 0.40, T: 0.50, C: 0.90, N: 0.1}, "wins", C, "Both together"),
        ({P: 1.0, T: 1.0, C: 1.0, N: 0.2}, "equal", T, "Practically equal: take the cheapest, the fine-tune"),
        ({P: 0.3, T: 1.0, C: 1.0, N: 0.0}, "wins", T, "Fine-tune"),
        ({P: 0.4, T: 0.80, C: 0.80, N: 0.0}, "leads", T, "Fine-tune"),
        ({P: 0.80, T: 0.4, C: 0.79, N: 0.0}, "leads", P, "Engineer the prompt"),
        ({P: 0.60, T: 0.64, C: 0.62, N: 0.0}, "open", None, "Not settled"),
        ({P: 0.60, T: 0.90}, "wins", T, "Fine-tune"),
    ],
)
def test_the_advice_follows_the_figures(shares: dict[Arm, float], outcome: str, take: Arm | None, headline: str) -> None:
    found = advise(findings(drawn(shares, 240)))
    assert (found.outcome, found.take) == (outcome, take)
    assert found.headline.startswith(headline)
    assert "240 unseen rows" in found.why or found.outcome in ("equal", "open")


def test_few_rows_are_said_with_the_classes_to_label() -> None:
    none: dict[Arm, list[float]] = {}
    found = DecisionFindings({"train": 60}, "closed set", "exact", "x", True, 0.1, 0, (), (), {}, few=("refund", "exchange"))
    said = advise(found)
    assert (said.outcome, said.take) == ("few", None)
    assert said.headline == "Not enough rows: label about 90 more"
    assert "“refund” and “exchange”" in said.why
    assert compared(none) == ()


def test_an_open_question_says_how_many_rows_would_settle_it() -> None:
    said = advise(findings(drawn({P: 0.55, T: 0.65}, 60), test_rows=60))
    assert said.outcome == "open"
    assert "more test rows would settle it" in said.why
    more = advise(findings(drawn({P: 0.55, T: 0.65}, 60), test_rows=5_000)).why
    assert "4,940 more test rows are there: decide anew with more --minutes" in more
    assert "label some" not in more


def test_rows_to_label_are_those_after_which_a_quarter_is_the_test_that_is_needed() -> None:
    """Of 200 rows 100 are the test: the next 200 rows add none."""
    found = replace(findings(drawn({P: 0.60, T: 0.64}, 100)), rows={"train": 80, "dev": 20, "test": 100})
    needed = found.gaps[0].rows_needed
    assert needed
    assert f"label some {round(needed / 0.25 - 200, -1):,.0f} rows" in advise(found).why


def test_who_leads_is_said_only_of_one() -> None:
    score = [0.0] * 20
    said = advise(findings({P: score, T: score, C: score, N: score}))
    assert said.outcome == "open"
    assert "none leads" in said.why
    assert "wrong on most rows" in said.why
    assert "the fine-tune leads" in advise(findings({P: score, T: [*score[:-1], 1.0]})).why


def test_the_bad_that_are_equal_are_not_said_to_be_ahead() -> None:
    same = drawn({P: 0.3}, 400)[P]
    said = advise(findings({P: same, T: same}))
    assert (said.outcome, said.headline) == ("equal", "Not good enough yet, whichever is taken")


def test_rows_are_not_asked_for_where_others_are_missing() -> None:
    """Too few rows, all roles given, and rows that were not answered are three things."""
    none = replace(findings({}), arms=(), gaps=())
    given = advise(replace(none, rows={"train": 120, "dev": 40}, test_rows=0))
    assert given.headline == "Not enough test rows: give more rows the role test"
    failed = advise(replace(none, rows={"train": 450, "test": 150}, test_rows=150))
    assert failed.headline == "Not measured: the test rows were not answered"
    assert "0 of 150 test rows" in failed.why
    one = advise(replace(none, rows={"train": 1}, test_rows=0))
    assert one.headline == "Not enough rows: label about 149 more"
    assert one.why.startswith("1 row is too few")


def test_more_rows_are_not_promised_where_the_training_stayed_below_the_probe() -> None:
    point = ProbePoint(300, 0.94, 0.84, 1.0)
    short = advise(replace(findings(drawn({P: 0.6, T: 0.1}, 240)), foretold=(point,), pays="It would pay."))
    assert any(line.startswith("A longer training: the fine-tune came out at 1") for line in short.change_it)
    assert not any("pay" in line for line in short.change_it)
    unsaid = advise(replace(findings(drawn({P: 0.6, T: 0.1}, 240)), foretold=(replace(point, right=0.1),), pays=""))
    assert not any(line.startswith("More rows") for line in unsaid.change_it)


def test_a_winner_among_equals_is_named_in_few_cases() -> None:
    """All six claims together are wrong in at most 5 % of decisions; at most 3 of 20 would pass by chance."""
    wrong = sum(any(gap.better for gap in compared(drawn({P: 0.6, T: 0.6, C: 0.6, N: 0.6}, 250, seed))) for seed in range(20))
    assert wrong <= 3


def test_shares_and_gaps_hold_their_means() -> None:
    scores = drawn({P: 0.4, T: 0.8}, 200)
    for each in scores.values():
        right = share_right(each)
        assert right.interval is not None
        assert right.interval.low <= right.mean <= right.interval.high
    (gap,) = compared(scores)
    assert gap.interval is not None
    assert gap.interval.low <= gap.mean <= gap.interval.high
    assert gap.state is State.SECOND
    assert gap.rows_needed is None
    (few,) = compared({arm: each[:5] for arm, each in scores.items()})
    assert (few.interval, few.state, few.rows_needed) == (None, State.COLLECT, None)


def test_what_making_took_and_a_change_cost_are_said() -> None:
    change = ChangeTried("cards", "cards_new", ChangeSide(1.5, 1e-6, 3, 12), ChangeSide(60.0, 1e-3, 11, 12))
    point = ProbePoint(300, 0.8, 0.7, 0.9)
    found = replace(findings(drawn({P: 0.39, T: 0.88}, 240)), change=change, foretold=(point,))
    said = advise(found)
    assert "Training took 4.0 minutes" in said.why
    assert "It pays for itself after 200 answers." in said.why
    assert "right on 3 of 12" in said.why
    assert "right on 11 of 12" in said.why
    assert any("change often" in line for line in said.change_it)
    dear = advise(findings(drawn({P: 0.39, T: 0.88}, 240), {P: 1e-5, T: 2e-5}))
    assert "cost never pays for it" in dear.why
    worse = advise(findings(drawn({P: 0.88, T: 0.39}, 240)))
    assert "Training took 4.0 minutes" in worse.why and "pays for" not in worse.why


def test_the_best_of_the_bad_is_not_recommended() -> None:
    said = advise(findings(drawn({P: 0.02, T: 0.3, C: 0.02, N: 0.0}, 200)))
    assert said.headline == "Not good enough yet; the fine-tune is ahead"
    assert "wrong on most rows" in said.why


def test_two_proofs_of_equality_share_the_error_rate() -> None:
    """Each may be wrong with half of it: what takes the whole of it is not claimed."""
    for rows in range(40, 90, 3):
        (gap,) = compared({P: [1.0] * rows, T: [1.0] * rows})
        within = Capital.start(delta=0.05).after([0.5] * rows).interval(2 / ALPHA)
        assert (gap.state is State.EQUAL) == (within.low >= 0.45 and within.high <= 0.55)
    assert gap.state is State.EQUAL
