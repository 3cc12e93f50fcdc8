"""Steps of one of trl's trainers: order, rates, checkpoints and the way on from one are this folder's own, so nothing is unpickled."""

import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from datasets import disable_progress_bars as quiet_datasets  # type: ignore[import-untyped]
from transformers import TrainerCallback
from transformers.trainer_callback import PrinterCallback

from adapters.train import checkpoint
from adapters.train.loop import LONGEST_GRADIENT, TrainingProgress, Watch
from adapters.train.plan import TrainingPlan
from adapters.train.schedule import RateSchedule

MakeTrainer = Callable[["Steps", str, int], Any]  # takes the steps, a folder for it, and how many are done; returns trl's trainer
Enough = Callable[[int], bool]  # takes how many steps are done; returns whether the training shall end now, as done


class Steps(TrainerCallback):
    """A training under way in a trainer of trl, which calls it after every step."""

    def __init__(self, name: str, tuned: Any, rate: float, schedule: RateSchedule, *, saved: Path, watch: Watch) -> None:
        """rate: the highest learning rate; saved: the checkpoint. Raises BadCheckpoint."""
        self.name, self.tuned, self.schedule, self.saved, self.watch = name, tuned, schedule, saved, watch
        self.trained = checkpoint.trained(tuned)
        self.optimizer = torch.optim.AdamW(list(self.trained.values()), lr=rate, weight_decay=0.0)
        self.step, self.spent_s, self.losses, self.dice = 0, 0.0, list[float](), dict[str, Any]()
        self.enough = False  # whether it ended before its last step, as done
        self.kept: dict[str, Any] = {}  # weights of the checkpoint, until they are in the model
        if saved.is_file():
            self._load(saved)
        self.first, self.before_s, self.began = self.step, self.spent_s, time.monotonic()

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.enough or self.step == self.schedule.steps

    def go(self, make: MakeTrainer, enough: Enough = lambda _: False) -> None:
        """Take the steps that are left. The trainer is made before a checkpoint's weights are put back: what it copies is the start."""
        self._enough = enough
        if self.ended:
            self._put_back()
            return
        with TemporaryDirectory() as folder, quiet():
            trainer = make(self, folder, self.first)
            self._put_back()
            trainer.remove_callback(PrinterCallback)
            self.began = time.monotonic()
            trainer.train()

    def _put_back(self) -> None:
        if self.kept:
            checkpoint.put_back(self.saved, self.tuned, self.kept)
            self.kept = {}

    def rates(self) -> Any:
        """Make what sets the rate of each step that is left."""
        first = self.step
        return torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda done: self.schedule.rate(first + done))

    def tail(self) -> float:
        """Compute the mean loss over the last tenth of the steps; infinite before the first."""
        last = self.losses[-max(1, self.schedule.steps // 10) :]
        return sum(last) / len(last) if last else math.inf

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Take note of a step that is done; keep a checkpoint when it is time."""
        if not logs or "loss" not in logs:
            return
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise ArithmeticError(f"{self.name}: the loss is {loss} at step {self.step + 1}")
        self.losses.append(loss)
        self.step = self.first + state.global_step
        steps, took_s = self.schedule.steps, time.monotonic() - self.began
        self.spent_s = self.before_s + took_s
        left_s = took_s / state.global_step * (steps - self.step)
        recent = self.losses[-50:]
        self.watch.tell(TrainingProgress(self.step, steps, sum(recent) / len(recent), self.spent_s, left_s))
        stop = self.watch.stop()
        self.enough = self._enough(self.step)
        if stop or self.enough or self.step % self.watch.every == 0 or self.step == steps:
            self._save()
        if stop or self.enough:
            control.should_training_stop = True

    def _save(self) -> None:
        if not all(bool(weight.isfinite().all()) for weight in self.trained.values()):
            raise ArithmeticError(f"{self.name}: a weight is no number any more after step {self.step}")
        state = {
            "trained": {name: weight.detach() for name, weight in self.trained.items()},
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "spent_s": self.spent_s,
            "losses": self.losses,
            "enough": self.enough,
            "dice": checkpoint.dice(),
        }
        checkpoint.save(self.saved, state)

    def _load(self, path: Path) -> None:
        state = checkpoint.load(path, str(self.tuned.device))
        self.kept = state.get("trained", {})
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.spent_s, self.losses = state["step"], state["spent_s"], state["losses"]
        self.enough = bool(state.get("enough"))
        self.dice = state["dice"]

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Throw the dice on from where they were: the trainer has set its seed, and its loader has drawn a number."""
        if self.dice:
            checkpoint.throw_on(self.dice)
            self.dice = {}


def common_arguments(folder: str, steps: int, plan: TrainingPlan, *, on_cpu: bool) -> dict[str, Any]:
    """Set all flags that hurt where trl's trainers are left alone; they save nothing themselves."""
    return {
        "output_dir": folder,
        "max_steps": steps,
        "per_device_train_batch_size": plan.steps.batch_rows,
        "train_sampling_strategy": "sequential",
        "max_length": plan.steps.longest_tokens,
        "bf16": plan.run.precision == "bfloat16",
        "gradient_checkpointing": plan.run.recompute,
        "use_cpu": on_cpu,
        "max_grad_norm": LONGEST_GRADIENT,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "seed": plan.run.seed,
        "dataloader_pin_memory": not on_cpu,
    }


@contextmanager
def quiet() -> Iterator[None]:
    """Drop the libraries' bars and warnings, which speak to programmers."""
    quiet_datasets()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
