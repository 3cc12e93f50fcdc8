"""The training: the same batches however many processes share them, and a stopped run goes on as if it had not stopped."""

import random
import subprocess
import sys
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from adapters.examples.demo.batches import TALK_TOKENS, Encoded, Source, arrange, batch_of, encode, pool, pools_ahead
from adapters.examples.demo.learning import Lesson, Pools, learn
from adapters.examples.demo.mix import tuned_talk
from adapters.examples.demo.muon import orthogonal
from adapters.examples.demo.sizes import SIZES, Plan, Size
from adapters.examples.demo.tokenizer import load_tokenizer
from adapters.examples.demo.train_base import new_model
from adapters.train.loop import TrainingJob, TrainingRun
from adapters.train.share import Share
from engine.shipped import DEMO_BASE

pytestmark = pytest.mark.demo
PLAN = Plan("tiny", seed=3, steps=4, batch_tokens=256, matrix_rate=1e-3, other_rate=1e-3, warm_up=2, cool_down=0.5, longest=120, pool=40)
SOURCE = Source(DEMO_BASE, tuned_talk, PLAN)
SHAPE = {**SIZES["small"].shape, "num_hidden_layers": 2, "hidden_size": 64, "intermediate_size": 96}
SIZE = Size("tiny", SHAPE, base=PLAN, adapter=PLAN)
LESSON = Lesson(partial(new_model, DEMO_BASE, SIZE), SOURCE)


def weights(model: Any) -> torch.Tensor:
    return torch.cat([weight.detach().reshape(-1) for weight in model.parameters()])


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> torch.Tensor:
    """The weights after the plan in one process without a stop."""
    return weights(learn(LESSON, tmp_path_factory.mktemp("straight") / "tiny.safetensors", print, processes=1)[0])


def test_a_stopped_training_goes_on_with_the_next_batch(tmp_path: Path, straight: torch.Tensor) -> None:
    run = TrainingRun(
        TrainingJob("tiny", LESSON.learner, PLAN.schedule, tmp_path / "tiny.safetensors", print, ("loss", "of a facet")), Share()
    )
    for batch in islice(run.learner.batches, 3):
        run.step(batch)
    run.save()
    model, figures = learn(LESSON, tmp_path / "tiny.safetensors", print, processes=1)
    assert torch.equal(weights(model), straight)
    assert figures["tokens"] > 0 and figures["plan"]["steps"] == 4


def test_pools_go_on_where_they_were_stopped_also_at_the_end_of_one() -> None:
    straight, whole = iter(Pools(SOURCE, Share(), ahead=False)), len(pool(SOURCE, 0))
    pools = Pools(SOURCE, Share(), ahead=False)
    batches = iter(pools)
    for number, expected in enumerate(islice(straight, whole + 2), 1):
        assert (next(batches).ids == expected.ids).all()
        if number in (1, whole):
            state, pools = pools.state_dict(), Pools(SOURCE, Share(), ahead=False)
            pools.load_state_dict(state)
            batches = iter(pools)


@pytest.mark.process
def test_two_processes_learn_what_one_learns(tmp_path: Path, straight: torch.Tensor) -> None:
    model, figures = learn(LESSON, tmp_path / "tiny.safetensors", partial(print, flush=True), processes=2)
    began = weights(new_model(DEMO_BASE, SIZE))
    assert figures["processes"] == 2
    assert (weights(model) - straight).norm() < 0.02 * (straight - began).norm()  # sums round in another order


def test_only_the_assistant_s_words_and_their_end_are_learned() -> None:
    tokenizer = load_tokenizer(DEMO_BASE)
    talk = tuned_talk(random.Random(1))
    batch = batch_of([encode(tokenizer, talk)])
    learned = tokenizer.decode(batch.targets)
    assert learned == "".join(spoken.message.content + "<|end|>" for spoken in talk if spoken.learned)
    assert (batch.ids.reshape(-1)[batch.places + 1] == batch.targets).all() and len(batch.targets) == batch.learned


@pytest.mark.process
def test_pools_made_ahead_by_other_processes_are_those_made_in_place() -> None:
    ahead = pools_ahead(SOURCE, 3, makers=2)
    for number, made in zip((3, 4), ahead, strict=False):
        here = pool(SOURCE, number)
        assert len(made) == len(here) > 1
        assert all((one.ids == other.ids).all() and (one.classes == other.classes).all() for one, other in zip(made, here, strict=True))
    ahead.close()


@pytest.mark.process
def test_a_process_that_writes_pools_loads_no_torch() -> None:
    """A GPU has up to twelve of them beside it."""
    code = "import sys, adapters.examples.demo.batches; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_the_mix_moves_with_the_tokens_and_settles_before_the_end() -> None:
    for size in SIZES.values():
        plan = size.base
        source = Source(DEMO_BASE, tuned_talk, plan)
        pools = round(plan.steps * plan.batch_tokens / (plan.pool * TALK_TOKENS))  # of the whole training
        moved = [source.moved(number) for number in range(pools)]
        assert moved[0] == 0.0 and moved == sorted(moved)
        assert abs(moved.index(1.0) / pools - plan.settled) < 0.05


def test_batches_hold_what_fits_and_leave_out_what_is_too_long() -> None:
    talks = [Encoded([1] * length, [True] * length, []) for length in (5, 40, 60, 100, 500)]
    batches = arrange(talks, PLAN, random.Random(1))
    assert sorted(len(talk) for batch in batches for talk in batch) == [5, 40, 60, 100]


def test_an_orthogonal_update_has_singular_values_near_one() -> None:
    torch.manual_seed(1)
    for shape in ((3, 32, 64), (2, 64, 32)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(shape)))
        assert values.min() > 0.3 and values.max() < 1.3
