"""What is told before a training: a probe that finds what there is, the rows that are missing, the sentence, time and memory."""

import json
from pathlib import Path

import pytest
import torch

from adapters.train.estimate import estimate, told
from adapters.train.ordering import Wish
from adapters.train.paying import ProbedShare, rows_needed, will_it_pay
from adapters.train.pilot import PilotFigures, foretold
from adapters.train.plan import BadPlan
from adapters.train.probe import curve, is_closed
from engine.errors import BadRequest
from engine.settings import EngineSettings
from tests.engine import tiny


def points(*shares: tuple[int, float]) -> tuple[ProbedShare, ...]:
    return tuple(ProbedShare(rows, right, right - 0.1, min(1.0, right + 0.1)) for rows, right in shares)


TRIAGE = points((12, 0.33), (24, 0.46), (48, 0.59), (96, 0.75))


def test_a_probe_finds_what_the_states_tell_and_nothing_where_they_tell_nothing() -> None:
    dice = torch.Generator().manual_seed(1)
    labels = torch.randint(0, 4, (200,), generator=dice)
    answers = [f"team {label}" for label in labels.tolist()]
    noise = torch.randn(200, 24, generator=dice)
    told_by_states = curve(noise + 3 * torch.nn.functional.one_hot(labels, 24), answers)
    assert [point.rows for point in told_by_states] == [12, 24, 48, 96, 200]
    assert told_by_states[-1].right > 0.85 and told_by_states[0].right < told_by_states[-1].right
    told_by_none = curve(noise, answers)
    blind = told_by_none[-1]
    assert blind.right < 0.4 and blind.least < 0.25 < blind.most
    assert curve(noise, answers) == told_by_none, "the same rows tell the same"


def test_only_a_closed_set_is_probed() -> None:
    assert is_closed(["a", "b"] * 10)
    assert not is_closed(["a", "b"] * 5), "too few rows"
    assert not is_closed([f"text {n}" for n in range(50)]) and not is_closed(["a"] * 50)


def test_the_rows_that_a_prompt_is_worth_lie_between_or_beyond_the_points() -> None:
    needed = rows_needed(TRIAGE, 0.39)
    assert needed is not None and 12 < needed < 24
    beyond = rows_needed(TRIAGE, 0.84)
    assert beyond is not None and 120 < beyond < 300
    assert rows_needed(TRIAGE, 0.2) == 12
    assert rows_needed(points((12, 0.3), (24, 0.3)), 0.5) is None, "a curve that does not rise"
    assert rows_needed(TRIAGE, 1.0) is None


@pytest.mark.parametrize(
    ("known", "rows", "right", "words"),
    [
        (TRIAGE, 96, 0.39, "about 75% (65% to 85%), your prompt on 39%: it would pay. It passes your prompt near 17 rows."),
        (TRIAGE, 96, 0.70, "it would likely pay, though the two are close."),
        (TRIAGE[:2], 24, 0.50, "likely not yet. It passes your prompt near"),
        (TRIAGE[:2], 24, 0.90, "it would not pay yet."),
        (TRIAGE, 96, None, "--prompt-right PERCENT"),
        ((), 96, 0.5, "free text"),
    ],
)
def test_the_sentence_says_who_wins(known: tuple[ProbedShare, ...], rows: int, right: float | None, words: str) -> None:
    assert words in will_it_pay(known, rows, right)


def test_steps_are_timed_on_this_machine_and_nothing_is_left_behind(tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path / "base")
    path = tmp_path / "rows.jsonl"
    rows = [{"request": f"hello {n}", "answer": "hi" if n % 2 else "what", "role": "test" if n % 4 == 0 else "train"} for n in range(40)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    found = estimate(Wish(file=path, base=str(base)), EngineSettings(threads=1, device="cpu", device_usd_per_hour=3.6))
    assert (found.rows, found.held_out, found.steps, found.threads) == (30, 10, 40, 1)
    assert 0 < found.seconds.least < found.seconds.value < found.seconds.most
    assert found.usd and found.usd.value == pytest.approx(found.seconds.value / 1000)
    assert 1e8 < found.memory_bytes.value < 1e11
    assert [point.rows for point in found.points] == [12, 30]
    assert len(list(told(found, 0.5))) == 6 and sorted(tmp_path.rglob("*")) == before
    with pytest.raises(BadPlan, match='way "kept"'):
        estimate(Wish(file=path, base=str(base), plan="gpu"), EngineSettings())


def test_where_a_line_comes_from_a_closed_set_it_is_what_is_foretold(tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path / "base")
    path = tmp_path / "rows.jsonl"
    rows = [{"request": f"hello {n}", "answer": f"Team: {'ab'[n % 2]}\nReply: number {n} is {n * n}."} for n in range(40)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = estimate(Wish(file=path, base=str(base)), EngineSettings(threads=1, device="cpu"))
    assert found.metric == "line:Team" and found.points and found.points[-1].rows == found.rows
    said = list(told(found, 0.5))
    assert "Right means here: the line “Team” is the wanted one." in said and "a fine-tune would be right on about" in said[-1]


def test_errors_and_losses_fall_as_a_power_of_the_rows() -> None:
    few, many = PilotFigures(50, 0.8, 0.4), PilotFigures(100, 0.4, 0.7)
    assert foretold(few, many, 200) == PilotFigures(200, pytest.approx(0.2), pytest.approx(0.85))
    worse = foretold(few, PilotFigures(100, 0.9, 0.3), 200)
    assert (worse.loss, worse.exact) == (0.9, pytest.approx(0.3)), "a pilot that learned nothing more promises nothing more"
    assert foretold(few, PilotFigures(100, 0.0, 1.0), 400) == PilotFigures(400, 0.0, 1.0)


def test_a_pilot_trains_on_parts_of_free_text_and_is_told(tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path / "base")
    path = tmp_path / "rows.jsonl"
    rows = [{"request": f"what of {n * 7919} {n}", "answer": f"we have {n} and {n * n}"} for n in range(44)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    settings = EngineSettings(threads=1, device="cpu")
    plain = estimate(Wish(file=path, base=str(base)), settings)
    assert plain.pilot == () and "--pilot trains on parts" in list(told(plain, None))[-1]
    found = estimate(Wish(file=path, base=str(base), plan="quick"), settings, piloted=True)
    assert [each.rows for each in found.pilot] == [9, 18, 44, 88] and found.pilot[2].loss <= found.pilot[1].loss
    assert "Expected:" in list(told(found, None))[-1]
    path.write_text("\n".join(map(json.dumps, rows[:30])), encoding="utf-8")
    with pytest.raises(BadRequest, match="30 are too few"):
        estimate(Wish(file=path, base=str(base)), settings, piloted=True)
