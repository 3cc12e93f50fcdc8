"""The parts of a training that are foretold: how much of each there is, against the training itself, and their sum."""

import json
import random
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from adapters.train import shallow
from adapters.train.course import Course, Follower
from adapters.train.estimate import estimate
from adapters.train.exercises import exercises_of
from adapters.train.heldout import parted
from adapters.train.kept import KeptBase
from adapters.train.loop import Watch
from adapters.train.ordering import Wish
from adapters.train.plan import LoraPlan, RunPlan, StepsPlan, TrainingPlan
from adapters.train.timing import PartTimes, TimedStep, TimedTraining, TrainingTask, measured_tokens, time_parts
from adapters.train.training import rows_in
from engine.backends.local.loading import load_base
from engine.recipes import load_recipe
from engine.settings import EngineSettings
from tests.engine import tiny

SETTINGS = EngineSettings(threads=1, device="cpu")


def rows_file(folder: Path, rows: int = 90, held_out: int = 70) -> Path:
    """Rows of many lengths; more are held out than are measured on the way."""
    path = folder / "rows.jsonl"
    roles = ["train"] * rows + ["test"] * held_out
    dice = random.Random(5)
    words = [" ".join("".join(dice.choices("abcdefghij", k=6)) for _ in range(2 + n % 9)) for n in range(len(roles))]
    told = [{"request": text, "answer": f"it is {n}", "role": role} for n, (text, role) in enumerate(zip(words, roles, strict=True))]
    path.write_text("\n".join(map(json.dumps, told)), encoding="utf-8")
    return path


def task(folder: Path, **steps: Any) -> TrainingTask:
    base = tiny.save_base(folder / "base")
    loaded, parts = load_base(base, "tiny", "float32", "cpu"), parted(rows_in(rows_file(folder)))
    taught = exercises_of((*parts.train, *parts.held_out), load_recipe("plain"), loaded.chat, loaded.end_ids, 512)
    plan = TrainingPlan("few", lora=LoraPlan(rank=4, alpha=8, layers=0.5), steps=StepsPlan(**{"epochs": 1} | steps))
    return TrainingTask(loaded, plan, taught[: len(parts.train)], taught[len(parts.train) :])


class Counted:
    """The tokens, padding included, that a model runs in steps, in measurements and once through its lower layers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps = self.measured = self.lower = 0
        raised, together = KeptBase.raised, KeptBase._together

        def raise_counted(base: KeptBase, given: Any, rows: int) -> torch.Tensor:
            tokens = rows * next(iter(given.values())).shape[1]
            self.steps += tokens if torch.is_grad_enabled() else 0
            self.measured += 0 if torch.is_grad_enabled() else tokens
            return raised(base, given, rows)

        def together_counted(base: KeptBase, exercises: Any) -> list[torch.Tensor]:
            self.lower += base.tokens(exercises)
            return together(base, exercises)

        monkeypatch.setattr(KeptBase, "raised", raise_counted)
        monkeypatch.setattr(KeptBase, "_together", together_counted)


@pytest.mark.parametrize("kept_most_mb", [2000, 0])
def test_as_much_is_foretold_of_each_part_as_the_training_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept_most_mb: int) -> None:
    given = task(tmp_path)
    given = replace(given, plan=replace(given.plan, run=RunPlan(kept_most_mb=kept_most_mb)))
    told = time_parts(given, lambda: 0)
    counted = Counted(monkeypatch)
    course = Course("few", given.loaded, None, given.plan, given.train, given.held_out, tmp_path / "checkpoint.safetensors")
    proven = 0

    def phase(name: str, _done: int, _of: int) -> None:
        nonlocal proven
        if name == "before":
            proven, counted.measured = counted.measured, 0  # what was proven of the base is no measurement

    learned = shallow.learn(course, Follower(phase, Watch(100, lambda _: None, lambda: False)))
    assert (told.steps, told.tokens) == (learned.steps, learned.tokens) and proven
    assert told.padded == counted.steps and told.measured_tokens == counted.measured
    assert told.kept_bytes == (told.lower_tokens * 4 * given.loaded.model.config.hidden_size if kept_most_mb else 0)
    assert told.lower_tokens == counted.lower - proven


def test_epochs_repeat_the_steps_and_not_the_once_only_pass(tmp_path: Path) -> None:
    once, thrice = (time_parts(task(tmp_path / str(epochs), epochs=epochs), lambda: 0) for epochs in (1, 3))
    assert (thrice.steps, thrice.tokens, thrice.padded) == (3 * once.steps, 3 * once.tokens, 3 * once.padded)
    assert (thrice.lower_tokens, thrice.measured_tokens) == (once.lower_tokens, once.measured_tokens)


def test_a_measurement_runs_rows_of_like_length_together_and_fewer_on_the_way() -> None:
    assert measured_tokens([3, 5]) == (2 + 3) * 2 * 5
    assert measured_tokens([9] * 16 + [2] * 16) == (2 + 3) * (16 * 9 + 16 * 2)
    assert measured_tokens([4] * 80) == 2 * 80 * 4 + 3 * 64 * 4
    assert measured_tokens([]) == 0


def test_the_middle_pair_of_a_short_and_a_long_step_tells_the_speed_and_the_others_the_range() -> None:
    pairs = (
        (TimedStep(tokens=90, padded=100, lower_s=9.0, step_s=8.0), TimedStep(210, 200, 9.0, 1.0)),  # while something else ran
        (TimedStep(80, 100, 0.5, 1.0), TimedStep(170, 200, 0.5, 1.4)),
        (TimedStep(90, 110, 0.6, 1.4), TimedStep(110, 190, 0.6, 1.6)),
    )
    timed = TimedTraining(60, 40_000, 30_000, pairs, 20_000, 8_000, 0.004, 3.0, 0, 0, 9.0)
    assert timed.steps_s == pytest.approx(3.0 / 300 * 30_000) and timed.steps_range_s == pytest.approx((240.0, 900.0))
    assert timed.lower_s == pytest.approx(1.2 / 200 * 20_000) and timed.measured_s == pytest.approx(32.0)


def test_the_parts_add_up_to_the_minutes_and_nothing_is_timed_that_is_not_done(tmp_path: Path) -> None:
    base, path = tiny.save_base(tmp_path / "base"), rows_file(tmp_path, 40, 10)
    wish = Wish(file=path, base=str(base))
    found = estimate(wish, SETTINGS, started_s=50.0)
    assert sum(astuple(found.parts)) == pytest.approx(found.seconds.value) and min(astuple(found.parts)) > 0
    assert 50 < found.parts.start < 110 and found.step_s * found.steps == pytest.approx(found.parts.steps)
    plan = tmp_path / "bare.toml"
    plan.write_text('[run]\nmeasure = "none"\n')
    bare = estimate(replace(wish, plan=str(plan)), SETTINGS).parts
    assert (bare.measuring, bare.beside, bare.forgetting) == (0, 0, 0) and min(bare.lower, bare.steps, bare.alive) > 0
    assert PartTimes().total == 0


def test_an_engineered_recipe_takes_time_that_is_foretold(tmp_path: Path) -> None:
    given = task(tmp_path)
    recipe = load_recipe("house")
    rows = parted(rows_in(tmp_path / "rows.jsonl")).held_out
    shown = exercises_of(rows, recipe, given.loaded.chat, given.loaded.end_ids, 4096)
    plain, beside = (time_parts(each, lambda: 0).beside_s for each in (given, replace(given, shown=shown)))
    assert 0 < plain < beside
