"""A training on what people chose and rejected: it prefers what they chose, ends when that is told apart, and goes on to the bit."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from adapters.train import preferring
from adapters.train.course import Follower, Learned
from adapters.train.likeness import likeness, shape
from adapters.train.loop import TrainingProgress, Watch
from adapters.train.ordering import Wish, ordered
from adapters.train.plan import LoraPlan, PreferencePlan, RatePlan, RunPlan, SafetyPlan, StepsPlan, TrainingPlan
from adapters.train.preferences import Judged, judged_of, pairs_of, parted_preferences, read_preferences, weights_of
from adapters.train.training import Trained, train
from engine.backends.local.loading import load_base
from engine.contestants import open_adapter
from engine.errors import BadRequest
from engine.recipes import load_recipe
from engine.settings import EngineSettings
from engine.trained_on import digest
from tests.engine import tiny

PLAIN = load_recipe("plain")
REQUESTS = ("hello", "what can you do", "300 examples", "two weeks", "a 5 € answer", "should we prompt")
SETTINGS = EngineSettings(threads=1, device="cpu")
PLAN = TrainingPlan(
    "tiny",
    RunPlan(seed=3),
    LoraPlan(rank=8, alpha=16, layers=1.0, dropout=0.1),
    StepsPlan(batch_rows=2, epochs=8),
    RatePlan(highest=2e-2),
    SafetyPlan(checkpoint=0.2),
    PreferencePlan(enough_margin=100),
)
SHORT = replace(PLAN, steps=StepsPlan(batch_rows=2, epochs=3))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_base(tmp_path_factory.mktemp("tiny"))


def pairs_file(folder: Path, requests: tuple[str, ...] = REQUESTS, **more: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pairs.jsonl"
    rows = [{"request": text, "chosen": "tune", "rejected": "prompt two weeks", **more} for text in requests]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def course(base: Path, folder: Path, method: str, plan: TrainingPlan = PLAN) -> preferring.PreferenceCourse:
    loaded = load_base(base, "tiny", "float32", "cpu")
    rows = read_preferences(pairs_file(folder), method)  # type: ignore[arg-type]
    render = pairs_of if method == "dpo" else judged_of
    taught = render(rows, PLAIN, loaded.chat, loaded.end_ids, 512)
    count = 2 if method == "dpo" else 4
    return preferring.PreferenceCourse("tiny", loaded, None, plan, taught[count:], taught[:count], folder / "checkpoint.safetensors")


def follower(stop: Callable[[int], bool] = lambda _: False) -> Follower:
    latest = [0]

    def tell(progress: TrainingProgress) -> None:
        latest[0] = progress.step

    return Follower(lambda *_: None, Watch(2, tell, lambda: stop(latest[0])))


def weights(learned: Learned) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in learned.tuned.named_parameters() if weight.requires_grad}


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_what_people_chose_becomes_likelier_and_the_reference_is_not_kept(base: Path, tmp_path: Path, method: str) -> None:
    learned = preferring.learn(course(base, tmp_path, method), follower())
    assert learned.ended and learned.preferred and learned.preferred.right == 1.0 and learned.preferred.margin > 0.2
    assert learned.before and learned.after and learned.after.loss < learned.before.loss
    assert list(learned.tuned.peft_config) == ["default"]


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_a_stopped_training_goes_on_to_the_same_weights_to_the_bit(base: Path, tmp_path: Path, method: str) -> None:
    straight = preferring.learn(course(base, tmp_path / "straight", method, SHORT), follower())
    first = preferring.learn(course(base, tmp_path / "stopped", method, SHORT), follower(lambda step: step == 3))
    assert first.steps == 3 < straight.steps and not first.ended and first.after is None
    resumed = preferring.learn(course(base, tmp_path / "stopped", method, SHORT), follower())
    assert (resumed.steps, resumed.loss, resumed.preferred) == (straight.steps, straight.loss, straight.preferred)
    for name, weight in weights(straight).items():
        assert torch.equal(weight, weights(resumed)[name]), name


def test_it_ends_when_held_out_preferences_are_told_apart(base: Path, tmp_path: Path) -> None:
    plan = replace(PLAN, preference=PreferencePlan(enough_margin=0.05))
    given = course(base, tmp_path, "dpo", plan)
    learned = preferring.learn(given, follower())
    assert learned.ended and learned.steps < given.steps
    again = preferring.learn(course(base, tmp_path, "dpo", plan), follower())
    assert again.ended and again.steps == learned.steps, "what has ended stays ended"
    for name, weight in weights(learned).items():
        assert torch.equal(weight, weights(again)[name]), name


def test_each_batch_compares_with_answers_to_its_own_other_requests(base: Path, tmp_path: Path) -> None:
    rows = course(base, tmp_path, "kto").train[:5]
    table = preferring._judged_table([each for each in rows if isinstance(each, Judged)], 2)
    answers = [list(each.exercise.answer) for each in rows if isinstance(each, Judged)]
    assert table["KL_completion_ids"] == [answers[1], answers[0], answers[3], answers[2], answers[4]]


def test_the_weights_of_kto_make_up_for_the_counts() -> None:
    rows = [Judged(None, good) for good in (True, False, False, False)]  # type: ignore[arg-type]
    assert weights_of(rows) == (3.0, 1.0) and weights_of(rows[:2] * 2) == (1.0, 1.0)
    with pytest.raises(BadRequest, match="all 2 rows to learn are bad"):
        weights_of(rows[1:3])


def test_rows_that_are_no_preferences_are_named_by_their_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    for line, method, words in (
        ('{"request": "a", "chosen": "b"}', "dpo", "Line 1 needs rejected as text"),
        ('{"request": "a", "chosen": "b", "rejected": "b"}', "dpo", "Line 1: chosen and rejected are the same"),
        ('{"request": "a", "answer": "c", "chosen": "b", "rejected": "d"}', "dpo", "Line 1 has chosen and rejected beside an answer"),
        ('{"request": "a", "answer": "c", "good": "yes"}', "kto", "Line 1 needs an answer, and good as true or false"),
    ):
        path.write_text(line, encoding="utf-8")
        with pytest.raises(BadRequest, match=words):
            read_preferences(path, method)  # type: ignore[arg-type]


def test_a_fifth_of_the_requests_is_held_out_with_all_their_answers(tmp_path: Path) -> None:
    rows = read_preferences(pairs_file(tmp_path, tuple(f"request {n * 7919} {n} {n * n}" for n in range(60))), "kto")
    parts = parted_preferences(rows)
    assert len(parts.train) + len(parts.dev) == 120 and 12 <= len(parts.dev) <= 36
    assert not {row.text for row in parts.train} & {row.text for row in parts.dev}


def test_new_answers_are_held_against_the_chosen_ones() -> None:
    chosen = [shape("a\nb", tokens) for tokens in range(10, 50)]
    found = likeness(chosen, [shape("a\n\nb", 20)] * 9 + [shape("a", 20)])
    assert found and (found.tokens_inside, found.lines_inside, found.warning) == (1.0, 0.9, "")
    assert (found.tokens_least, found.tokens_most) == (11, 48)
    short = likeness(chosen, [shape("a", 3)] * 4)
    assert short and "100% have fewer or more tokens" in short.warning and "100% have fewer or more lines" in short.warning
    assert likeness(chosen, []) is None


def carried_out(base: Path, folder: Path, parent: Path | None = None) -> Trained | None:
    file = pairs_file(folder, REQUESTS, role="train")
    with file.open("a", encoding="utf-8") as rows:
        rows.write(json.dumps({"request": "why", "chosen": "tune", "rejected": "prompt", "role": "dev"}) + "\n")
    order, work = ordered(
        Wish(file=file, base=str(base), name="pairs", method="dpo", parent=parent, work=folder / "work", out=folder / "loras"), SETTINGS
    )
    return train(replace(order, plan=SHORT), work, SETTINGS, lambda _: None, lambda: False)


def test_a_run_leaves_only_safetensors_and_a_second_one_goes_on_from_it(base: Path, tmp_path: Path) -> None:
    first = carried_out(base, tmp_path / "one")
    assert first and first.card.training["method"] == "dpo" and first.card.training["answers"]["asked"] == 1
    assert first.card.held_out and first.card.held_out.rows == 1 and first.card.forgetting
    files = {path.name for path in first.folder.rglob("*")}
    assert files == {"adapter_config.json", "adapter_model.safetensors", "card.json", "curve.jsonl", "trained_on.txt"}
    assert not [path for path in (tmp_path / "one" / "work").rglob("*") if path.suffix in (".bin", ".pt", ".pth", ".pkl")]
    assert open_adapter(first.folder).trained_on.listed[digest("why")].role == "dev"
    second = carried_out(base, tmp_path / "two", first.folder)
    assert second and second.card.version == "2" and second.card.held_out
    assert second.card.held_out.before != second.card.held_out.plain, "it began with the first, not with the base"
    one, two = (load_file(each.folder / "adapter_model.safetensors") for each in (first, second))
    assert one.keys() == two.keys() and any(not torch.equal(one[name], two[name]) for name in one)
