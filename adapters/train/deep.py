"""The way of a GPU: LoRA in all layers, by trl's SFTTrainer. Order, rates and checkpoints are this folder's own, so nothing is unpickled.

The rows go in as tokens, with -100 where nothing is learned: trl renders nothing itself.
"""

import math
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from datasets import Dataset  # type: ignore[import-untyped]
from datasets import disable_progress_bars as quiet_datasets
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import TrainerCallback
from transformers.trainer_callback import PrinterCallback
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from adapters.train import checkpoint
from adapters.train.course import Course, Follower, Learned
from adapters.train.exercises import BatchOrder, Exercise
from adapters.train.heldout import score
from adapters.train.loop import LONGEST_GRADIENT, TrainingProgress
from adapters.train.lora import adapted

NOT_LEARNED = -100  # the label of a token that is only read


def learn(course: Course, follower: Follower) -> Learned:
    """Teach a course from its checkpoint, or from the beginning, to its end or a stop. Raises BadCheckpoint, and ArithmeticError where the
    loss is no number any more."""
    plan, loaded = course.plan, course.loaded
    tuned = adapted(loaded.model, plan.lora, course.parent, loaded.base.name, plan.run.seed)
    follower.phase("before", 0, len(course.held_out))
    before = score(Whole(tuned, course.held_out).logits, course.held_out)
    lesson = _Steps(course, tuned, follower)
    lesson.go()
    ended = lesson.step == course.steps
    if ended:
        follower.phase("after", 0, len(course.held_out))
    tuned.eval()
    after = score(Whole(tuned, course.held_out).logits, course.held_out) if ended else None
    tokens = sum(len(course.train[place]) for place in islice(_places(course), lesson.step * plan.steps.batch_rows))
    last = lesson.losses[-max(1, course.steps // 10) :]
    loss = sum(last) / len(last) if last else math.inf
    return Learned(tuned, lesson.step, tokens, loss, lesson.spent_s, before, after, kept=False)


class Whole:
    """A whole model run over exercises."""

    def __init__(self, model: Any, exercises: Sequence[Exercise]) -> None:
        self.model, self.exercises = model, exercises

    def logits(self, places: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Compute the logits of all answer tokens of a batch, (tokens, vocabulary), and which are wanted, (tokens,)."""
        batch = [self.exercises[place] for place in places]
        on = self.model.device
        ids = pad_sequence([torch.tensor(each.tokens, device=on) for each in batch], batch_first=True)
        given = self.model(input_ids=ids, use_cache=False).logits
        said = torch.cat([given[row, len(each.prompt) - 1 : len(each) - 1] for row, each in enumerate(batch)])
        return said, torch.tensor([token for each in batch for token in each.answer], device=on)


class _Steps(TrainerCallback):
    """A training under way in trl's trainer, which calls it after every step."""

    def __init__(self, course: Course, tuned: Any, follower: Follower) -> None:
        self.course, self.tuned, self.watch = course, tuned, follower.watch
        weights = [weight for weight in tuned.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.AdamW(weights, lr=course.plan.highest_rate(course.loaded.base.parameters), weight_decay=0.0)
        self.step, self.spent_s, self.losses, self.dice = 0, 0.0, list[float](), dict[str, Any]()
        if course.checkpoint.is_file():
            self._load(course.checkpoint)
        self.first, self.before_s, self.began = self.step, self.spent_s, time.monotonic()

    def go(self) -> None:
        """Take the steps that are left."""
        if self.step == self.course.steps:
            return
        schedule, first = self.course.plan.schedule(self.course.steps), self.step
        with TemporaryDirectory() as folder, _quiet():
            arguments = _arguments(self.course, folder, self.course.steps - first)
            rates = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda done: schedule.rate(first + done))
            rows = _dataset(self.course, first)
            trainer = SFTTrainer(
                model=self.tuned,
                args=arguments,
                train_dataset=rows,
                processing_class=self.course.loaded.tokenizer,
                optimizers=(self.optimizer, rates),
                callbacks=[self],
            )
            trainer.remove_callback(PrinterCallback)
            self.began = time.monotonic()
            trainer.train()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Take note of a step that is done; keep a checkpoint when it is time."""
        if not logs or "loss" not in logs:
            return
        course, loss = self.course, float(logs["loss"])
        if not math.isfinite(loss):
            raise ArithmeticError(f"{course.name}: the loss is {loss} at step {self.step + 1}")
        self.losses.append(loss)
        self.step = self.first + state.global_step
        took_s = time.monotonic() - self.began
        self.spent_s = self.before_s + took_s
        left_s = took_s / state.global_step * (course.steps - self.step)
        recent = self.losses[-50:]
        self.watch.tell(TrainingProgress(self.step, course.steps, sum(recent) / len(recent), self.spent_s, left_s))
        stop = self.watch.stop()
        if stop or self.step % self.watch.every == 0 or self.step == course.steps:
            self._save()
        if stop:
            control.should_training_stop = True

    def _save(self) -> None:
        weights = checkpoint.trained(self.tuned)
        if not all(bool(weight.isfinite().all()) for weight in weights.values()):
            raise ArithmeticError(f"{self.course.name}: a weight is no number any more after step {self.step}")
        state = {
            "trained": {name: weight.detach() for name, weight in weights.items()},
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "spent_s": self.spent_s,
            "losses": self.losses,
            "dice": checkpoint.dice(),
        }
        checkpoint.save(self.course.checkpoint, state)

    def _load(self, path: Path) -> None:
        state = checkpoint.load(path, str(self.tuned.device))
        checkpoint.put_back(path, self.tuned, state.get("trained", {}))
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.spent_s, self.losses = state["step"], state["spent_s"], state["losses"]
        self.dice = state["dice"]

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Throw the dice on from where they were: the trainer has set its seed, and its loader has drawn a number."""
        if self.dice:
            checkpoint.throw_on(self.dice)
            self.dice = {}


def _places(course: Course) -> Iterator[int]:
    order = BatchOrder([len(each) for each in course.train], course.plan.steps.batch_rows, course.plan.run.seed)
    return chain.from_iterable(order)


def _dataset(course: Course, first: int) -> Dataset:
    """Lay out the rows of all steps from `first` on, in their order."""
    size = course.plan.steps.batch_rows
    places = list(islice(_places(course), first * size, course.steps * size))
    rows = [course.train[place] for place in places]
    return Dataset.from_dict(
        {
            "input_ids": [list(each.tokens) for each in rows],
            "labels": [[NOT_LEARNED] * len(each.prompt) + list(each.answer) for each in rows],
        }
    )


def _arguments(course: Course, folder: str, steps: int) -> SFTConfig:
    """Set all of trl's flags that hurt where they are left alone; it saves nothing itself."""
    plan, on_cpu = course.plan, course.loaded.model.device.type == "cpu"
    return SFTConfig(
        output_dir=folder,
        max_steps=steps,
        per_device_train_batch_size=plan.steps.batch_rows,
        train_sampling_strategy="sequential",
        shuffle_dataset=False,
        max_length=plan.steps.longest_tokens,
        packing=False,
        bf16=plan.run.precision == "bfloat16",
        gradient_checkpointing=plan.run.recompute,
        use_cpu=on_cpu,
        max_grad_norm=LONGEST_GRADIENT,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        seed=plan.run.seed,
        dataloader_pin_memory=not on_cpu,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Drop the libraries' bars and warnings, which speak to programmers."""
    quiet_datasets()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
