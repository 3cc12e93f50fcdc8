"""The loop of a training: a batch, its loss, a step of the optimizers; from the last checkpoint to the end of the schedule."""

import math
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch

from adapters.train import checkpoint
from adapters.train.processes import add_up, device, fitting_processes, parent_is_gone, together
from adapters.train.record import RunRecord, tools
from adapters.train.schedule import RateSchedule
from adapters.train.share import Share

WATCHED = 50  # steps between two lines of progress, and over which the loss is averaged
SAVED_S = 60.0  # seconds between two checkpoints, at least
LONGEST_GRADIENT = 1.0  # norm over all trained weights; a longer one is shortened to it
Batch = TypeVar("Batch")
Given_co = TypeVar("Given_co", covariant=True)


class BatchStream(Protocol[Given_co]):
    """One process's rows of batch after batch, without end. Its state is kept in checkpoints, so that the next batch comes next."""

    def __iter__(self) -> Generator[Given_co]: ...

    def state_dict(self) -> dict[str, Any]:
        """Return where they are: tensors and plain values."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there at the next `iter`."""


@dataclass(frozen=True, slots=True)
class Loss:
    """The loss of one process's rows, in parts of the whole batch's: over the processes they add up to it."""

    total: torch.Tensor  # (), what shall become less; without a gradient where the process has no rows
    shown: torch.Tensor  # (n,), detached, in the order of TrainingJob.shows; the first is the loss of a learned token
    tokens: int  # of the whole batch, without padding


@dataclass(frozen=True, slots=True)
class Learner(Generic[Batch]):
    """The model that one process trains, its optimizers, its batches and its loss."""

    model: torch.nn.Module  # on its device; those weights are trained that require a gradient
    optimizers: list[torch.optim.Optimizer]  # their learning rates are the full ones
    batches: BatchStream[Batch]
    loss: Callable[[Batch], Loss]


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Where a training has got to."""

    step: int  # done
    steps: int
    loss: float  # nats a token, mean over the latest steps
    spent_s: float  # on the clock, stops not counted
    left_s: float  # to the end of the steps, estimated


@dataclass(frozen=True, slots=True)
class Watch:
    """The eyes and the hand of whoever waits for a training in the same process."""

    every: int  # steps between two checkpoints
    tell: Callable[[TrainingProgress], None]  # called after every step
    stop: Callable[[], bool]  # whether to keep a checkpoint and end now; asked after every step


@dataclass(frozen=True, slots=True)
class TrainingJob(Generic[Batch]):
    """The order for a training, the same for each of its processes; it travels to them by pickle."""

    name: str
    make: Callable[[Share], Learner[Batch]]  # the same weights in every process and at every resuming
    schedule: RateSchedule
    saved: Path  # the checkpoint
    show: Callable[[str], None]  # takes a line of progress
    shows: tuple[str, ...] = ("loss",)  # what the figures of Loss.shown are
    watch: Watch | None = None  # for a training in one process


@dataclass(slots=True)
class Done:
    """The steps, tokens and seconds that a training has behind it."""

    step: int = 0
    tokens: int = 0
    spent_s: float = 0.0


class TrainingRun(Generic[Batch]):
    """A job under way in one process."""

    def __init__(self, job: TrainingJob[Batch], share: Share) -> None:
        self.job, self.share = job, share
        self.learner = job.make(share)
        self.trained = list(checkpoint.trained(self.learner.model).values())
        self.full_rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in self.learner.optimizers]
        self.done = Done()
        self.latest: list[torch.Tensor] = []  # Loss.shown of the latest steps
        if job.saved.is_file():
            self.load()

    def step(self, batch: Batch) -> None:
        """Update the weights once, every process on its rows."""
        loss = self.learner.loss(batch)
        if loss.total.requires_grad:
            loss.total.backward()  # type: ignore[no-untyped-call]
        shown = add_up(self.share, loss.shown, self.trained)
        self.latest = [*self.latest[1 - WATCHED :], shown]  # tensors: to look at a GPU's figures is to wait for it
        torch.nn.utils.clip_grad_norm_(self.trained, LONGEST_GRADIENT)
        rate = self.job.schedule.rate(self.done.step)
        for optimizer, full_rates in zip(self.learner.optimizers, self.full_rates, strict=True):
            for group, full in zip(optimizer.param_groups, full_rates, strict=True):
                group["lr"] = full * rate
            optimizer.step()
            optimizer.zero_grad()
        self.done.step += 1
        self.done.tokens += loss.tokens

    def save(self) -> None:
        """Keep where the training is. One process does, for all know the same.

        Raises ArithmeticError where a weight is no number any more: the checkpoint before is one from which it can go on.
        """
        if self.share.rank:
            return
        if not all(bool(weight.isfinite().all()) for weight in self.trained):
            raise ArithmeticError(f"{self.job.name}: a weight is no number any more after step {self.done.step}")
        state = {
            "trained": {name: weight.detach() for name, weight in checkpoint.trained(self.learner.model).items()},
            "optimizers": [optimizer.state_dict() for optimizer in self.learner.optimizers],
            "batches": self.learner.batches.state_dict(),
            "done": asdict(self.done),
            "latest": self.latest,
            "dice": checkpoint.dice(),
        }
        checkpoint.save(self.job.saved, state)

    def load(self) -> None:
        """Go on from the checkpoint. Raises BadCheckpoint where it is damaged or another model's."""
        state = checkpoint.load(self.job.saved, device())
        checkpoint.put_back(self.job.saved, self.learner.model, state.get("trained", {}))
        for optimizer, kept in zip(self.learner.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self.learner.batches.load_state_dict(state["batches"])
        self.done, self.latest = Done(**state["done"]), state["latest"]
        checkpoint.throw_on(state["dice"])

    def go(self) -> None:
        """Run the schedule to its end. Ends early where the process that wants the result is gone."""
        steps, done = self.job.schedule.steps, self.done
        first, spent_s = done.step, done.spent_s
        began = saved = time.monotonic()
        if first:
            self._show(f"going on from step {first}")
        with closing(iter(self.learner.batches)) as batches:
            while done.step < steps and not parent_is_gone():
                self.step(next(batches))
                last = done.step == steps
                if self.job.watch:
                    done.spent_s = spent_s + time.monotonic() - began
                    if self._watched(self.job.watch, first, spent_s):
                        return
                elif done.step % WATCHED == 0 or last:
                    took = time.monotonic() - began
                    done.spent_s = spent_s + took
                    self._tell(left_s=took / (done.step - first) * (steps - done.step))
                    if last or time.monotonic() - saved > SAVED_S:
                        self.save()
                        saved = time.monotonic()

    def _watched(self, watch: Watch, first: int, before_s: float) -> bool:
        """Tell where the training is, and keep a checkpoint when it is time. Returns whether it shall stop."""
        done, steps = self.done, self.job.schedule.steps
        left_s = (done.spent_s - before_s) / (done.step - first) * (steps - done.step)
        watch.tell(TrainingProgress(done.step, steps, self.losses()[0], done.spent_s, left_s))
        stop = watch.stop()
        if stop or done.step % watch.every == 0 or done.step == steps:
            self.save()
        return stop

    def losses(self) -> list[float]:
        """Return the means over the latest steps, in the order of `shows`. Raises ArithmeticError where they are no numbers any more."""
        means: list[float] = torch.stack(self.latest).mean(0).tolist() if self.latest else [0.0] * len(self.job.shows)
        if not all(map(math.isfinite, means)):
            raise ArithmeticError(f"{self.job.name}: the loss is {means} within the {WATCHED} steps to {self.done.step}")
        return means

    def _tell(self, left_s: float) -> None:
        done = self.done
        losses = ", ".join(f"{what} {mean:.4f}" for what, mean in zip(self.job.shows, self.losses(), strict=True))
        speed = f"{done.tokens / done.spent_s:,.0f} tokens/s  {done.spent_s:,.0f} s, {left_s:,.0f} s left"
        self._show(f"step {done.step}/{self.job.schedule.steps}  {losses}  {speed}")

    def _show(self, line: str) -> None:
        if not self.share.rank:
            self.job.show(f"{self.job.name}: {line}")


def train(job: TrainingJob[Batch], processes: int | None = None) -> tuple[Learner[Batch], RunRecord]:
    """Run the job, or what a checkpoint leaves of it, on the GPU or on all cores. Returns what has learned, and the record.

    Raises BadCheckpoint where the checkpoint is damaged or another model's, ArithmeticError where the loss is no number any more.
    """
    ranks = processes or fitting_processes()
    if job.saved.is_file():
        checkpoint.load(job.saved, "cpu")  # here, where the error is a sentence: in a process of several it is a traceback
    together(partial(_go, job), ranks)
    run = TrainingRun(job, Share())
    done = run.done
    return run.learner, RunRecord(
        loss=round(run.losses()[0], 4),
        tokens=done.tokens,
        hours=round(done.spent_s / 3600, 2),
        device=torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        processes=ranks,
        tools=tools(),
    )


def _go(job: TrainingJob[Batch], share: Share) -> None:
    TrainingRun(job, share).go()
