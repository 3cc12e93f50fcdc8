"""The house rules over facts made by hand, and the numbers and answers around them."""

import random

import pytest

from adapters.examples.demo.measures import decision_of, follows, four_lines, is_true, why_of
from adapters.examples.demo.text.answers import deciding, house_slots
from adapters.examples.demo.text.numbers import around, read, say
from adapters.examples.demo.text.rules import LATER, PROMPT, TUNE, HouseFacts, decide, house_rule

pytestmark = pytest.mark.demo

READY = {"examples": 2_000, "change_days": 90.0, "volume_month": 50_000}


@pytest.mark.parametrize(
    ("facts", "rule", "decision"),
    [
        (HouseFacts(access=False, **READY), 1, PROMPT),
        (HouseFacts(examples=0, change_days=365, volume_month=90_000), 2, PROMPT),
        (HouseFacts(examples=199, change_days=365, volume_month=90_000), 2, PROMPT),
        (HouseFacts(examples=200, change_days=365, volume_month=90_000), 6, LATER),
        (HouseFacts(examples=9_000, change_days=7, precise=True), 3, PROMPT),
        (HouseFacts(examples=9_000, change_days=14, precise=True), 6, LATER),
        (HouseFacts(deadline_days=7, **READY), 4, PROMPT),
        (HouseFacts(deadline_days=8, **READY), 5, TUNE),
        (HouseFacts(**READY), 5, TUNE),
        (HouseFacts(examples=2_000, change_days=90, precise=True, volume_month=10), 5, TUNE),
        (HouseFacts(examples=1_999, change_days=90, precise=True), 6, LATER),
        (HouseFacts(examples=2_000, change_days=90, volume_month=49_999), 6, LATER),
        (HouseFacts(examples=2_000, volume_month=50_000), 6, LATER),
        (HouseFacts(), 6, LATER),
        (HouseFacts(access=False, examples=0, change_days=1, deadline_days=1), 1, PROMPT),
        (HouseFacts(access=True, examples=20, change_days=1, deadline_days=1), 2, PROMPT),
    ],
)
def test_the_first_house_rule_that_matches_decides(facts: HouseFacts, rule: int, decision: str) -> None:
    assert (house_rule(facts), decide(facts)) == (rule, decision)


def test_the_answer_names_the_facts_that_decide() -> None:
    assert deciding(HouseFacts(access=False, examples=5)) == ("access",)
    slots = house_slots(HouseFacts(examples=900), {"examples": "900 labelled examples"})
    assert slots["why"] == "900 labelled examples; rate of change not stated; volume not stated"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("14,000", 14_000),
        ("14 000", 14_000),
        ("14k", 14_000),
        ("fourteen thousand", 14_000),
        ("a couple of hundred", 200),
        ("half a million", 500_000),
        ("1.2 million", 1_200_000),
        ("a dozen", 12),
        ("one hundred and fifty", 150),
        ("twenty-five", 25),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, number: int) -> None:
    assert read(text) == number


def test_every_way_to_say_a_number_reads_back() -> None:
    rng = random.Random(3)
    for _ in range(5_000):
        number = rng.choice((around(rng, 1, 5_000_000), rng.randint(0, 3_000), 12, 100, 200, 250_000, 1_500_000))
        assert read(say(rng, number)) == number


@pytest.mark.parametrize("text", ["", "many", "4 apples", "-"])
def test_other_words_are_no_number(text: str) -> None:
    with pytest.raises(ValueError):
        read(text)


def test_measures_tell_right_from_wrong() -> None:
    answer = "Decision: fine-tuning\nWhy: 14k labelled examples; changes yearly; 80k requests a month\nWatch: a\nNext: b"
    facts = HouseFacts(examples=14_000, change_days=365, volume_month=80_000)
    assert four_lines(answer) and decision_of(answer) == TUNE
    assert [is_true(clause, facts) for clause in why_of(answer)] == [True, True, True]
    assert [is_true(clause, HouseFacts(examples=1_400, change_days=30)) for clause in why_of(answer)] == [False, False, False]
    assert is_true("needed in three days", HouseFacts(deadline_days=3)) and is_true("needed within a week", HouseFacts(deadline_days=5))
    assert not is_true("needed in three days", HouseFacts(deadline_days=1)) and not is_true("needed within a week", HouseFacts())


@pytest.mark.parametrize(
    ("kind", "answer", "right"),
    [
        ("one line", "Fine-tuning: 14k labelled examples.", True),
        ("one line", "Decision: fine-tuning\nWhy: a", False),
        ("bullets", "- Decision: fine-tuning\n- Why: a", True),
        ("bullets", "Decision: fine-tuning\nWhy: a", False),
        ("json", '{"decision": "prompt first, fine-tune later"}', True),
        ("json", '{"decision": "fine-tuning"', False),
        ("one line", "It depends.", False),
    ],
)
def test_a_changed_format_is_recognised(kind: str, answer: str, right: bool) -> None:
    assert follows(kind, answer) is right
