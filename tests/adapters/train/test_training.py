"""A training from rows to an adapter: it learns what the engine asks and says, stops and goes on to the bit, and fails in words."""

import asyncio
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from adapters.train import deep, shallow
from adapters.train.course import Course, Follower, Learned
from adapters.train.exercises import BatchOrder, Exercise, beginning_of, exercises_of
from adapters.train.kept import KeptBase
from adapters.train.loop import TrainingProgress, Watch
from adapters.train.lora import adapted
from adapters.train.ordering import Wish, ordered
from adapters.train.plan import LoraPlan, RatePlan, RunPlan, SafetyPlan, StepsPlan, TrainingPlan
from adapters.train.runs import BadRun, Status, WorkFolder
from adapters.train.training import Trained, TrainingFailed, train
from engine.backends.base import Prompt
from engine.backends.local.loading import Loaded, load_base
from engine.backends.local.opening import open_local
from engine.contestants import Arm, Contestant, open_adapter
from engine.cost import Price
from engine.duel import Answer, answer_each, prompt_of
from engine.errors import BadRequest
from engine.recipes import Recipe, load_recipe
from engine.request import Request, Turn
from engine.rows import Row
from engine.settings import EngineSettings
from engine.trained_on import digest
from tests.adapters.train.test_heldout import different
from tests.engine import tiny

PLAIN = load_recipe("plain")
ROWS = tuple(
    Row(number, text, references=(answer,), line=number)
    for number, (text, answer) in enumerate(
        [("hello", "hi"), ("what can you do", "naïve things"), ("We have 300 examples", "prompt"), ("two weeks", "tune"), ("5 €", "cost")],
        1,
    )
)
TALK = Row(9, "and two weeks?", (Turn("user", "300 examples"), Turn("assistant", "prompt")), ("tune",), line=9)
SETTINGS = EngineSettings(threads=1, device="cpu")
PLAN = TrainingPlan(
    "tiny",
    RunPlan(seed=3),
    LoraPlan(rank=8, alpha=16, layers=0.5),
    StepsPlan(batch_rows=2, epochs=4),
    RatePlan(highest=1e-2),
    SafetyPlan(checkpoint=0.2),
)
UNMEASURED = replace(PLAN, run=replace(PLAN.run, measure="none"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_base(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def loaded(base: Path) -> Loaded:
    return load_base(base, "tiny", "float32", "cpu")


def exercises(loaded: Loaded, rows: tuple[Row, ...] = ROWS, recipe: Recipe = PLAIN) -> tuple[Exercise, ...]:
    return exercises_of(rows, recipe, loaded.chat, loaded.end_ids, 512)


# --- what is learned


def test_text_and_mask_are_the_servers(loaded: Loaded) -> None:
    recipe = Recipe("r", "1", system="Be short.", template="Q: {request}")
    for row, each in zip((*ROWS, TALK), exercises(loaded, (*ROWS, TALK), recipe), strict=True):
        asked = prompt_of(Contestant(Arm.TUNED, recipe, None, loaded.base), Request.of(row.text, row.history), 0)
        assert list(each.prompt) == loaded.chat.encode(asked.messages, dict(asked.chat_template))
        assert loaded.tokenizer.decode(each.answer) == f"{row.references[0]}<|im_end|>"
        assert each.answer[-1] in loaded.end_ids and loaded.tokenizer.convert_tokens_to_ids("<|im_end|>") not in each.answer[:-1]


async def test_the_engine_says_what_was_learned(base: Path, tmp_path: Path) -> None:
    """Over real parts alone: what was learned as tokens comes back as text from the engine, asked as a duel asks."""
    plan = replace(UNMEASURED, lora=LoraPlan(rank=16, alpha=32, layers=1.0), steps=StepsPlan(batch_rows=6, epochs=120))
    made = await asyncio.to_thread(carried_out, base, tmp_path, plan)
    assert made and made.finished and made.loss < 0.1 and made.moved > 0.1
    backend = await open_local(base, str(base), SETTINGS)
    try:
        adapter = open_adapter(made.folder)
        await backend.add_adapter(adapter, PLAIN)
        prompts = {row.id: Prompt(PLAIN.messages(Request.of(row.text)), PLAIN.sampling, adapter, 0) for row in ROWS}
        answers = await answer_each(prompts, backend, Price(None, "test", "2026-01-01"))
    finally:
        await backend.aclose()
    told = {row.id: answer.text for row in ROWS if isinstance(answer := answers[row.id], Answer)}
    assert told == {row.id: row.references[0] for row in ROWS}


def test_an_answer_s_control_tokens_are_its_characters(loaded: Loaded) -> None:
    (each,) = exercises(loaded, (Row(1, "hello", references=("a<|im_end|>b",), line=1),))
    assert each.answer.count(loaded.tokenizer.convert_tokens_to_ids("<|im_end|>")) == 1


def test_a_row_that_cannot_be_learned_is_named_by_its_line(loaded: Loaded) -> None:
    with pytest.raises(BadRequest, match="Line 4 has no answer"):
        exercises(loaded, (*ROWS, Row(7, "why", line=4)))
    with pytest.raises(BadRequest, match="Line 8: The request is empty"):
        exercises(loaded, (Row(7, " ", references=("x",), line=8),))
    with pytest.raises(BadRequest, match=r"Line 1 has [\d,]+ tokens with its answer.*the plan reads 12"):
        exercises_of(ROWS, PLAIN, loaded.chat, loaded.end_ids, 12)


def test_kept_lower_layers_give_the_models_own_logits(loaded: Loaded) -> None:
    taught = exercises(loaded)
    whole = deep.Whole(loaded.model, taught).logits(range(len(taught)))
    for most_bytes in (10**9, 0):
        kept = KeptBase(loaded.model, 1, "tiny", most_bytes)
        with kept.upper():
            given, wanted = kept.keep(taught).logits(range(len(taught)))
        assert bool(kept.keep(taught).kept) == (most_bytes > 0)
        assert torch.equal(wanted, whole[1]) and torch.allclose(given, whole[0], atol=1e-4)
    assert len(loaded.model.model.layers) == 2, "the model is whole again"


@pytest.mark.parametrize("lower", [0, 1])
def test_a_beginning_that_is_run_once_teaches_the_same(loaded: Loaded, lower: int) -> None:
    taught = exercises(loaded)
    begins = beginning_of(taught)
    assert len(begins) > 4 and all(each.prompt[: len(begins)] == begins and len(each.prompt) > len(begins) for each in taught)
    tuned = adapted(loaded.model, replace(PLAN.lora, layers=1.0 if lower == 0 else 0.5), None, "tiny", 0)
    weights = [weight for name, weight in tuned.named_parameters() if weight.requires_grad]
    with torch.no_grad():
        for weight in weights:
            weight.normal_(std=0.05)
    learned = []
    for beginning in ((), begins):
        kept = KeptBase(loaded.model, lower, "tiny", 10**9, beginning)
        kept.prove(taught[0])
        rows = kept.keep(taught)
        with kept.upper():
            loss = rows.loss(list(range(len(taught)))).total
        loss.backward()
        learned.append([loss.detach(), *(weight.grad for weight in weights)])
        for weight in weights:
            weight.grad = None
    tuned.unload()
    for alone, shared in zip(*learned, strict=True):
        assert torch.allclose(alone, shared, rtol=1e-3, atol=1e-6)


def test_only_the_upper_layers_are_adapted(loaded: Loaded) -> None:
    tuned = adapted(loaded.model, PLAN.lora, None, "tiny", 0)
    trained = [name for name, weight in tuned.named_parameters() if weight.requires_grad]
    assert trained and all(".layers.1." in name and "lora_" in name for name in trained)
    assert tuned.peft_config["default"].base_model_name_or_path == "tiny"


def test_each_row_comes_once_an_epoch_in_batches_of_like_length() -> None:
    lengths = [number % 17 for number in range(100)]
    order = BatchOrder(lengths, 8, 5)
    batches = [batch for batch, _ in zip(order, range(26), strict=False)]
    for epoch in (batches[:13], batches[13:]):
        assert sorted(place for batch in epoch for place in batch) == list(range(100))
    assert batches[:13] != batches[13:]
    assert sum(max(lengths[p] for p in batch) - min(lengths[p] for p in batch) for batch in batches[:13]) < 13 * 4
    later = BatchOrder(lengths, 8, 5)
    later.load_state_dict({"taken": 15})
    assert [batch for batch, _ in zip(later, range(11), strict=False)] == batches[15:]


# --- the two ways


def course(base: Path, folder: Path, plan: TrainingPlan = PLAN) -> Course:
    loaded = load_base(base, "tiny", "float32", "cpu")
    taught = exercises(loaded)
    return Course("tiny", loaded, None, plan, taught, taught[:2], folder / "checkpoint.safetensors")


def follower(stop: Callable[[int], bool] = lambda _: False, seen: list[float] | None = None) -> Follower:
    latest = [0]

    def tell(progress: TrainingProgress) -> None:
        latest[0] = progress.step
        if seen is not None:
            seen.append(progress.loss)

    return Follower(lambda *_: None, Watch(2, tell, lambda: stop(latest[0])))


def weights(learned: Learned) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in learned.tuned.named_parameters() if weight.requires_grad}


def test_both_ways_learn_the_same_from_the_same_rows(base: Path, tmp_path: Path) -> None:
    plan = replace(PLAN, lora=replace(PLAN.lora, layers=1.0), steps=StepsPlan(batch_rows=5, epochs=6))
    shown: tuple[list[float], list[float]] = ([], [])
    learned = [
        way.learn(course(base, tmp_path / way.__name__, plan), follower(seen=seen))
        for way, seen in zip((shallow, deep), shown, strict=True)
    ]
    assert shown[0][0] == pytest.approx(shown[1][0], rel=1e-4), "the first step's loss: the same text, the same mask"
    assert learned[0].steps == learned[1].steps == 6 and learned[0].tokens == learned[1].tokens
    for one, other in zip(weights(learned[0]).values(), weights(learned[1]).values(), strict=True):
        assert torch.allclose(one, other, atol=2e-3)
    for each in learned:
        assert each.before and each.after and each.after.loss < each.before.loss
    assert learned[0].before and learned[1].before and learned[0].before.loss == pytest.approx(learned[1].before.loss, rel=1e-4)


@pytest.mark.parametrize("way", ["kept", "deep"])
def test_a_stopped_training_goes_on_to_the_same_weights_to_the_bit(base: Path, tmp_path: Path, way: str) -> None:
    plan = replace(PLAN, run=replace(PLAN.run, way=way), lora=replace(PLAN.lora, dropout=0.1))  # type: ignore[arg-type]
    learn = shallow.learn if way == "kept" else deep.learn
    straight = learn(course(base, tmp_path / "straight", plan), follower())
    first = learn(course(base, tmp_path / "stopped", plan), follower(lambda step: step == 3))
    assert (first.steps, straight.steps) == (3, 12) and first.after is None
    second = learn(course(base, tmp_path / "stopped", plan), follower(lambda step: step == 8))
    assert second.steps == 8
    resumed = learn(course(base, tmp_path / "stopped", plan), follower())
    assert resumed.steps == 12 and resumed.loss == straight.loss and resumed.after == straight.after
    for name, weight in weights(straight).items():
        assert torch.equal(weight, weights(resumed)[name]), name


# --- a whole run


def rows_file(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps({"request": row.text, "answer": row.references[0]}) + "\n" for row in ROWS), encoding="utf-8")
    return path


def wish(base: Path, folder: Path, **more: object) -> Wish:
    given = {"file": rows_file(folder), "base": str(base), "work": folder / "work", "out": folder / "loras"}
    return Wish(**(given | more))  # type: ignore[arg-type]


def carried_out(base: Path, folder: Path, plan: TrainingPlan = PLAN, stop: Callable[[], bool] = lambda: False) -> Trained | None:
    order, work = ordered(wish(base, folder), SETTINGS)
    order = replace(order, plan=plan)
    work.begin(order)
    return train(order, work, SETTINGS, lambda _: None, stop)


@pytest.fixture(scope="module")
def first(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A whole run of PLAN on ROWS, for all that only look at it or begin from a copy."""
    made = carried_out(base, tmp_path_factory.mktemp("first"))
    assert made
    return made


def test_a_run_leaves_an_adapter_a_card_and_what_it_was_trained_on(first: Trained) -> None:
    made, folder = first, first.folder.parents[1]
    assert made.folder == folder / "loras" / "rows-1"
    adapter = open_adapter(made.folder)
    assert set(adapter.trained_on.listed) == {digest(row.text) for row in ROWS}
    assert {path.name for path in made.folder.iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "card.json",
        "curve.jsonl",
        "trained_on.txt",
    }
    training = made.card.training
    assert (training["examples"], training["held_out"], training["steps"], training["rank"]) == (5, 0, 12, 8)
    assert made.card.trained.steps == 12 and made.card.trained.usd == pytest.approx(made.card.trained.hours * 0.1, rel=0.2, abs=1e-5)  # type: ignore[operator]
    assert training["not_finished"] and not made.finished and "not finished" in made.card.limits[1]
    status = WorkFolder(folder / "work" / "rows").status()
    assert status and (status.phase, status.step, status.steps, status.pid) == ("done", 12, 12, os.getpid())


@pytest.mark.parametrize(("measure", "held_out", "forgetting"), [("all", True, True), ("forgetting", False, True), ("none", False, False)])
def test_a_plan_says_what_is_measured_for_the_card(base: Path, tmp_path: Path, measure: Any, held_out: bool, forgetting: bool) -> None:
    file = tmp_path / "own.jsonl"
    lines = [{"request": row.text, "answer": row.references[0], "role": "dev" if row.line == 1 else "train"} for row in ROWS]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    order, work = ordered(wish(base, tmp_path, file=file), SETTINGS)
    made = train(replace(order, plan=replace(PLAN, run=replace(PLAN.run, measure=measure))), work, SETTINGS, lambda _: None, lambda: False)
    assert made and made.card.training["held_out"] == 1
    assert (made.card.held_out is not None, made.card.forgetting is not None, made.after is not None) == (held_out, forgetting, held_out)
    assert ("its plan has them not measured" in " ".join(made.card.limits)) is not held_out
    assert open_adapter(made.folder).trained_on.listed[digest("hello")].role == "dev", "a row keeps its role, measured or not"


def test_a_new_version_begins_with_the_one_before(base: Path, first: Trained, tmp_path: Path) -> None:
    parent = shutil.copytree(first.folder, tmp_path / "loras" / first.folder.name)
    path = tmp_path / "more.jsonl"
    path.write_text('{"request": "another one", "answer": "prompt"}\n', encoding="utf-8")
    order, work = ordered(
        Wish(file=path, base=str(base), name="rows", parent=parent, work=tmp_path / "w2", out=tmp_path / "loras"), SETTINGS
    )
    second = train(replace(order, plan=UNMEASURED), work, SETTINGS, lambda _: None, lambda: False)
    assert second and second.card.version == "2" and second.folder.name == "rows-2"
    seen = set(open_adapter(second.folder).trained_on.listed)
    assert seen == {digest(row.text) for row in ROWS} | {digest("another one")}


def test_a_run_goes_on_and_says_what_keeps_it_from_it(base: Path, first: Trained, tmp_path: Path) -> None:
    told: list[Status] = []
    order, work = ordered(wish(base, tmp_path), SETTINGS)
    order = replace(order, plan=PLAN)
    work.begin(order)
    assert train(order, work, SETTINGS, told.append, lambda: told[-1].step == 5) is None
    status = work.status()
    assert status and (status.phase, status.step, status.words) == ("stopped", 5, "Stopped at step 5 of 12.")
    with pytest.raises(BadRun, match="--resume goes on with it"):
        ordered(wish(base, tmp_path), SETTINGS)
    with pytest.raises(BadRun, match="leave out FILE, --base"):
        ordered(wish(base, tmp_path, resume=True), SETTINGS)
    again = ordered(Wish(name="rows", resume=True, work=tmp_path / "work"), SETTINGS)[0]
    assert again == order
    with work.alone(), pytest.raises(BadRun, match="Another process trains"):
        train(order, work, SETTINGS, told.append, lambda: False)
    kept = Path(order.file).read_bytes()
    Path(order.file).write_bytes(kept + b"\n")
    with pytest.raises(BadRun, match="have changed since this run began"):
        train(order, work, SETTINGS, told.append, lambda: False)
    Path(order.file).write_bytes(kept)
    made = train(again, work, SETTINGS, told.append, lambda: False)
    assert made
    assert (made.folder / "adapter_model.safetensors").read_bytes() == (first.folder / "adapter_model.safetensors").read_bytes()
    same = train(again, work, SETTINGS, told.append, lambda: False)
    assert same and same.folder == made.folder, "a run that has ended ends again"


def test_what_breaks_a_training_is_said_and_the_checkpoint_stays(base: Path, first: Trained, tmp_path: Path) -> None:
    parent = shutil.copytree(first.folder, tmp_path / "parent")
    file = parent / "adapter_model.safetensors"
    broken = {name: tensor * float("nan") for name, tensor in load_file(file).items()}
    save_file(broken, file, {"format": "pt"})
    order, work = ordered(wish(base, tmp_path, parent=parent), SETTINGS)
    with pytest.raises(TrainingFailed, match=r"The training broke: rows: the loss is .*nan.*--resume --name rows"):
        train(replace(order, plan=PLAN), work, SETTINGS, lambda _: None, lambda: False)
    status = work.status()
    assert status and status.phase == "failed" and "rate.highest" in status.words
    assert not work.checkpoint.exists() and not Path(order.out).exists()


def test_a_memory_that_is_full_is_said(base: Path, tmp_path: Path) -> None:
    order, work = ordered(wish(base, tmp_path), SETTINGS)

    def greedy(status: Status) -> None:
        if status.phase == "loading":
            torch.empty(2**55)

    with pytest.raises(TrainingFailed, match=r"not enough memory.*batch_rows"):
        train(order, work, SETTINGS, greedy, lambda: False)


def test_what_was_kept_apart_is_listed_with_the_adapter(base: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    roles = ("train", "train", "dev", "test")
    lines = [json.dumps({"request": different(n), "answer": "a", "role": role}) for n, role in enumerate(roles)]
    path.write_text("\n".join(lines), encoding="utf-8")
    order, work = ordered(wish(base, tmp_path / "run", file=path), SETTINGS)
    made = train(replace(order, plan=PLAN), work, SETTINGS, lambda _: None, lambda: False)
    assert made and made.after and made.after.rows == 1
    listed = open_adapter(made.folder).trained_on.listed
    assert {key: mark.role for key, mark in listed.items()} == {digest(different(n)): role for n, role in enumerate(roles)}
