"""Plans of trainings: what ships can be read, what is wrong is a sentence with its line, and the amount follows the rows."""

import json
from pathlib import Path

import pytest

from adapters.train.plan import SHIPPED_PLANS, BadPlan, TrainingPlan, load_plan, parse_plan, plan_of


def test_the_plans_that_ship_can_be_read_and_standard_says_every_default() -> None:
    plans = {path.stem: load_plan(path.stem) for path in SHIPPED_PLANS.glob("*.toml")}
    assert set(plans) == {"quick", "standard", "gpu"}
    assert plans["standard"] == TrainingPlan()
    text = (SHIPPED_PLANS / "standard.toml").read_text()
    assert all(f"\n{key} = " in text for part in TrainingPlan().table().values() if isinstance(part, dict) for key in part)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[run]\nseed = 1\n# a remark\nsead = 2\n", "line 4: unknown key 'sead' in [run]"),
        ("\n[lroa]\nrank = 1\n", "line 2: unknown key 'lroa'"),
        ("[steps]\nbatch_rows = 8\n[lora]\nrank = 0\n", "line 4: lora.rank is 0 and must be a whole number from 1"),
        ("lora.rank = 1.5\n", "line 1: lora.rank is 1.5"),
        ("[rate]\nhighest = true\n", "line 2: rate.highest is True and must be a number"),
        ("[run]\nway = 'fast'\n", "line 2: run.way is 'fast' and must be kept or deep"),
        ("[lora]\ntargets = []\n", 'must be "all-linear" or a list of names'),
        ("run = 3\n", "run must be a table"),
        ("[run\n", "not valid TOML"),
        ("[run]\nrecompute = 1\n", "line 2: run.recompute is 1 and must be true or false"),
        ("[run]\nrecompute = true\n", "goes with run.way"),
        ("[steps]\nrow_passes_least = 900\n", "row_passes_least is above"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, words: str) -> None:
    with pytest.raises(BadPlan) as refused:
        parse_plan(text.encode(), "mine", "The plan mine.toml")
    assert str(refused.value).startswith("The plan mine.toml") and words in str(refused.value)


def test_a_plan_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadPlan, match="there are: gpu, quick, standard"):
        load_plan("slow")
    with pytest.raises(BadPlan, match="cannot be read"):
        load_plan(str(tmp_path / "none.toml"))


def test_the_amount_follows_the_rows() -> None:
    plan = load_plan("standard")
    assert [plan.epochs(rows) for rows in (48, 96, 192, 400, 5_000)] == [6, 4, 3, 2, 1]
    assert load_plan("gpu").epochs(48) == 3
    assert [plan.highest_rate(size) for size in (135_000_000, 500_000_000, 7_000_000_000)] == [2e-3, 5e-4, 2e-4]


def test_the_rate_rises_and_falls_to_nothing() -> None:
    rates = [TrainingPlan().schedule(100).rate(step) for step in range(101)]
    assert rates[5] == 1.0 and rates[:6] == sorted(rates[:6]) and rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[99] == pytest.approx(1 / 94) and rates[100] == 0
    assert 0 < TrainingPlan().schedule(1).rate(0) <= 1


def test_a_plan_goes_through_json_and_comes_back() -> None:
    plan = parse_plan(b'[lora]\ntargets = ["q_proj"]\nrank = 4\n', "mine", "It")
    assert plan_of(json.loads(json.dumps(plan.table()))) == plan
