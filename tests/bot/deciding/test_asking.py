"""The test rows asked: the crafts first, controls until another arm is proven better, and no claim gets bolder by it."""

import json
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from bot.deciding import asking
from bot.deciding.asking import RowAsker
from bot.deciding.gaps import Gap, Scores, beaten, compared
from bot.deciding.measured import RowAnswers, read_answers, scores
from bot.deciding.order import DecisionFolder, DecisionOrder
from engine.backends.base import Prompt
from engine.backends.scripted import Script, ScriptedBackend
from engine.contestants import Arm
from engine.rows import Row
from tests.bot.scripted import is_tuned, lineup_over

P, T, C, N = Arm.PROMPTED, Arm.TUNED, Arm.COMBINED, Arm.PLAIN
ORDER = DecisionOrder(
    name="x", file="rows.jsonl", file_digest="0", base="demo", metric="exact", guessed=True, minutes=15, usd=None, margin=0.1, seed=0
)


@pytest.fixture(autouse=True)
def looks_after_each_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers come at once here, in the time of none of which it is worth looking."""
    monkeypatch.setattr(asking, "LOOKING", 1e9)


def rows(many: int) -> list[Row]:
    return [Row(at, f"request {at}", references=("yes",), role="test", line=at) for at in range(1, many + 1)]


def one_craft_at_a_time(prompt: Prompt) -> Script:
    """Either craft is right by itself; neither of them, and both together, are wrong."""
    told = any(message.role == "system" for message in prompt.messages)
    return Script(("yes" if told is not is_tuned(prompt) else "no",), 0.001)


def asked(answers: list[RowAnswers]) -> Counter[Arm]:
    return Counter(arm for row in answers for arm in row.arms)


async def test_a_control_that_is_beaten_is_asked_no_more_and_a_craft_always(tmp_path: Path) -> None:
    folder, backend = DecisionFolder(tmp_path), ScriptedBackend(one_craft_at_a_time)
    first = RowAsker(folder, ORDER, lineup_over(backend), 5)
    await first.together(rows(40), time.monotonic() + 60, 8)
    answers = read_answers(folder["answers.jsonl"])
    counts = asked(answers)
    assert counts[P] == counts[T] == 40 and sorted(row.line for row in answers) == list(range(1, 41))
    assert 10 <= counts[N] < 30 and 10 <= counts[C] < 30
    assert beaten(compared(scores(answers))) == {N, C}
    await first.alone(rows(40), time.monotonic() + 60)
    assert asked(read_answers(folder["alone.jsonl"])) == {P: 12, T: 12}
    second = RowAsker(folder, ORDER, lineup_over(backend), 5)
    await second.together(rows(50), time.monotonic() + 60, 8)
    assert asked(read_answers(folder["answers.jsonl"])) == counts + Counter({P: 10, T: 10}), "whoever goes on knows who has left"


async def test_no_time_is_left_and_the_least_rows_are_asked_of_all(tmp_path: Path) -> None:
    folder = DecisionFolder(tmp_path)
    await RowAsker(folder, ORDER, lineup_over(ScriptedBackend(one_craft_at_a_time)), 5).together(rows(40), time.monotonic() - 1, 8)
    assert set(asked(read_answers(folder["answers.jsonl"])).values()) == {10}


async def test_the_controls_wait_until_the_crafts_are_told_apart_and_then_get_the_same_rows(tmp_path: Path) -> None:
    folder = DecisionFolder(tmp_path)
    backend = ScriptedBackend(lambda prompt: Script(("yes" if is_tuned(prompt) else "no",), 0.001))  # with or without a prompt
    await RowAsker(folder, ORDER, lineup_over(backend), 5).together(rows(60), time.monotonic() + 60, 8)
    lines = [set(json.loads(line)["arms"]) for line in folder["answers.jsonl"].read_text("utf-8").splitlines()]
    waited = next(at for at, arms in enumerate(lines) if arms & {N, C})
    assert waited >= 10 and all(arms == {P, T} for arms in lines[:waited])
    answers = read_answers(folder["answers.jsonl"])
    assert asked(answers)[C] == 60 and 10 <= asked(answers)[N] < 60
    assert all(N in row.arms for row in answers[:10]), "from the first row on"


async def test_the_controls_begin_late_where_the_crafts_are_never_told_apart(tmp_path: Path) -> None:
    folder = DecisionFolder(tmp_path)
    backend = ScriptedBackend(lambda _: Script(("yes",), 0.1))
    await RowAsker(folder, ORDER, lineup_over(backend), 5).together(rows(90), time.monotonic() + 1.5, 8)
    counts = asked(read_answers(folder["answers.jsonl"]))
    assert 10 <= counts[N] < counts[P] and counts[N] == counts[C]


@pytest.mark.parametrize(("right", "asked_all"), [((P, T), True), ((P,), False)])
async def test_more_time_is_taken_only_while_it_is_open_which_craft_to_take(
    tmp_path: Path, right: tuple[Arm, ...], asked_all: bool
) -> None:
    def says(prompt: Prompt) -> Script:
        told = any(message.role == "system" for message in prompt.messages)
        arm = {(True, False): P, (False, True): T, (True, True): C, (False, False): N}[told, is_tuned(prompt)]
        return Script(("yes" if arm in right else "no",), 0.001)

    asker = RowAsker(DecisionFolder(tmp_path), ORDER, lineup_over(ScriptedBackend(says)), 5)
    await asker.together(rows(40), time.monotonic() - 1, 4, more_s=60)
    counts = asked(read_answers(DecisionFolder(tmp_path)["answers.jsonl"]))
    assert counts[T] == 40 if asked_all else 10 <= counts[T] <= 24
    assert asker.settled is not asked_all


async def test_looking_takes_a_small_share_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def counted(scores: Scores, margin: float) -> tuple[Gap, ...]:
        nonlocal looks
        looks += 1
        return compared(scores, margin)

    monkeypatch.setattr(asking, "LOOKING", 1e-9)
    monkeypatch.setattr(asking, "compared", counted)
    backend = ScriptedBackend(lambda _: Script(("yes",), 0.001))
    await RowAsker(DecisionFolder(tmp_path), ORDER, lineup_over(backend), 5).together(rows(40), time.monotonic() + 60, 8)
    assert looks == 1, "at the start alone, as the next look would take too much"


def test_among_equals_it_is_no_more_often_wrong() -> None:
    """All claims together are wrong in at most 5 % of decisions; at most 3 of 20 would pass by chance."""
    wrong = 0
    for seed in range(20):
        dice = random.Random(seed)
        drawn: dict[Arm, list[float | None]] = {arm: [] for arm in (P, T, C, N)}
        left, gone = set[Arm](), frozenset[Arm]()
        for at in range(120):
            for arm, known in drawn.items():
                known.append(None if arm in left else float(dice.random() < 0.6))
            if at % 30 == 29:
                gone = beaten(compared(drawn))
                left |= gone & {C, N}
        wrong += bool(gone)
    assert wrong <= 3
