"""The training loop that base and adapter share: conversations in, smaller loss out."""

import math
import socket
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import count
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import torch
from torch.multiprocessing.spawn import spawn
from torch.nn.functional import cross_entropy

from adapters.examples.demo.batches import Batch, Source, batches_of, pools_ahead, written
from adapters.examples.demo.muon import Muon
from adapters.examples.demo.reading import FACETS
from adapters.examples.demo.sizes import Plan

MOST_PROCESSES = 4  # a batch has few rows; more processes would wait for the one with a row more
LAYERS_BEHIND = 1  # the reading heads, so that what follows can work with what was read
READING_WEIGHT = 0.5  # of a facet, against a learned token
WATCHED = 50  # steps between two lines of progress, and over which the loss is averaged
SAVED_S = 60.0  # seconds between two checkpoints, at least


@dataclass(frozen=True, slots=True)
class Job:
    """What every process of a training must know; it travels to them by pickle."""

    build: Callable[[], Any]  # makes the model that is trained, the same in every process
    source: Source
    saved: Path  # the checkpoint
    show: Callable[[str], None]


def reading_heads(width: int) -> torch.nn.Module:
    """A guess at every facet from one hidden state, shape (..., width) -> (..., sum of FACETS)."""
    return torch.nn.Sequential(torch.nn.RMSNorm(width), torch.nn.Linear(width, sum(FACETS.values())))


def losses(model: Any, heads: torch.nn.Module, batch: Batch, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Summed over the learned tokens, and over the facets of the readings. Right padding needs no mask: the model looks back only."""
    ids, places, targets = (torch.from_numpy(part).long().to(device) for part in (batch.ids, batch.places, batch.targets))
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    # A CPU without bfloat16 instructions imitates them some sixty times slower than it runs float32.
    fast = device == "cuda" or bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    with torch.autocast(device, dtype=torch.bfloat16, enabled=fast):
        out = causal.model(input_ids=ids, use_cache=False, output_hidden_states=True)
        logits = causal.lm_head(out.last_hidden_state.flatten(0, 1)[places])  # the head is costly; the other rows would be thrown away
    words = cross_entropy(logits.float(), targets, reduction="sum")
    if not len(batch.read_at):
        return words, words.new_zeros(())
    read_at, classes = (torch.from_numpy(part).long().to(device) for part in (batch.read_at, batch.classes.T.copy()))
    hidden = out.hidden_states[-1 - LAYERS_BEHIND].flatten(0, 1)[read_at]
    guesses = heads(hidden.float()).split(list(FACETS.values()), dim=1)
    facets = [cross_entropy(guess, truth, reduction="sum") for guess, truth in zip(guesses, classes, strict=True)]
    return words, torch.stack(facets).sum()


def rate(step: int, plan: Plan) -> float:
    """Share of the full learning rate: warm-up, plateau, linear cool-down."""
    cool = max(1, int(plan.steps * plan.cool_down))
    return min(1.0, (step + 1) / plan.warm_up, max(0.0, (plan.steps - step) / cool))


def optimizers(model: Any, heads: torch.nn.Module, plan: Plan, rank: int = 0, ranks: int = 1) -> list[torch.optim.Optimizer]:
    """Muon for the weight matrices inside the layers, AdamW for the rest and the reading heads."""
    trained = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    inner = [
        weight for name, weight in trained if weight.ndim == 2 and "embed" not in name and "lm_head" not in name and "lora" not in name
    ]
    rest = [*(weight for _, weight in trained if all(weight is not other for other in inner)), *heads.parameters()]
    made: list[torch.optim.Optimizer] = [torch.optim.AdamW(rest, lr=plan.other_rate, betas=(0.9, 0.98), weight_decay=0.0)]
    if inner:
        made.append(Muon(inner, lr=plan.matrix_rate, weight_decay=0.01, rank=rank, ranks=ranks))
    for optimizer in made:
        for group in optimizer.param_groups:
            group["full_rate"] = group["lr"]
    return made


class Run:
    """A plan under way in one of `ranks` processes: the model, its optimizers, and how far it is."""

    def __init__(self, job: Job, rank: int = 0, ranks: int = 1) -> None:
        self.job, self.plan, self.rank, self.ranks = job, job.source.plan, rank, ranks
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.manual_seed(self.plan.seed)
        self.model = job.build().to(self.device).train()
        self.heads = reading_heads(self.model.config.hidden_size).to(self.device)
        self.trained = [weight for weight in (*self.model.parameters(), *self.heads.parameters()) if weight.requires_grad]
        self.optimizers = optimizers(self.model, self.heads, self.plan, rank, ranks)
        # the pool and the step at which it began, so that a stopped training goes on with the very next batch
        self.done = {"step": 0, "pool": 0, "pool_step": 0, "tokens": 0, "spent_s": 0.0}
        self.losses: list[torch.Tensor] = []  # of the latest steps, (2,): of a learned token and of a facet
        if job.saved.is_file():
            state = torch.load(job.saved, weights_only=True, map_location=self.device)
            self.model.load_state_dict(state["model"])
            self.heads.load_state_dict(state["heads"])
            for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(kept)
            self.done, self.losses = state["done"], state["losses"]

    def batches(self) -> Generator[Batch]:
        """From the next batch on, without end."""
        first = int(self.done["pool"])
        pools = pools_ahead(self.job.source, first) if self.device == "cuda" else map(self.pool, count(first))
        for batches in pools:
            yield from batches[int(self.done["step"] - self.done["pool_step"]) :]
            self.done["pool"] += 1
            self.done["pool_step"] = self.done["step"]

    def pool(self, number: int) -> list[Batch]:
        """A pool that all processes write together."""
        mine = written(self.job.source, number, self.rank, self.ranks)
        parts: list[Any] = [mine]
        if self.ranks > 1:
            parts = [None] * self.ranks
            torch.distributed.all_gather_object(parts, mine)
        whole = {at: talk for part in parts for at, talk in part.items()}
        return batches_of(self.job.source, number, whole, self.rank, self.ranks)

    def step(self, batch: Batch) -> None:
        """One update, every process on its rows."""
        loss = torch.zeros(2, device=self.device)
        if len(batch.ids):
            words, facets = losses(self.model, self.heads, batch, self.device)
            ((words + READING_WEIGHT * facets) / batch.learned).backward()  # type: ignore[no-untyped-call]
            loss = torch.stack((words.detach() / batch.learned, facets.detach() / batch.asked))
        self.losses = [*self.losses[1 - WATCHED :], self.gather(loss)]  # a GPU's loss is looked at seldom: a look waits for it
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["full_rate"] * rate(int(self.done["step"]), self.plan)
            optimizer.step()
            optimizer.zero_grad()
        self.done["step"] += 1
        self.done["tokens"] += batch.tokens

    def gather(self, loss: torch.Tensor) -> torch.Tensor:
        """Sum loss and gradients over the processes."""
        if self.ranks == 1:
            return loss
        for weight in self.trained:
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        flat = torch.cat([loss, *(weight.grad.reshape(-1) for weight in self.trained if weight.grad is not None)])
        torch.distributed.all_reduce(flat)
        at = len(loss)
        for weight in self.trained:
            weight.grad = flat[at : at + weight.numel()].view_as(weight)
            at += weight.numel()
        return flat[: len(loss)].clone()

    def save(self) -> None:
        """Written beside and moved into place: a torn checkpoint would stop the resuming."""
        if self.rank:
            return
        saved = self.job.saved
        saved.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "model": self.model.state_dict(),
            "heads": self.heads.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "done": self.done,
            "losses": self.losses,
        }
        torch.save(state, saved.with_suffix(".part"))
        saved.with_suffix(".part").replace(saved)

    def go(self) -> None:
        """Run the plan to its end."""
        plan, done = self.plan, self.done
        first, spent = done["step"], done["spent_s"]
        began = saved = time.monotonic()
        if first:
            self.show(f"{plan.name}: going on from step {first}")
        with closing(self.batches()) as batches:
            while done["step"] < plan.steps and not parent_is_gone():
                self.step(next(batches))
                last = done["step"] == plan.steps
                if done["step"] % WATCHED == 0 or last:
                    words, facets = self.loss
                    took = time.monotonic() - began
                    done["spent_s"] = spent + took
                    left = took / (done["step"] - first) * (plan.steps - done["step"])
                    speed = f"{done['tokens'] / done['spent_s']:,.0f} tokens/s  {done['spent_s']:,.0f} s, {left:,.0f} s left"
                    self.show(f"{plan.name}: step {done['step']}/{plan.steps}  loss {words:.4f}, of a facet {facets:.3f}  {speed}")
                    if last or time.monotonic() - saved > SAVED_S:
                        self.save()
                        saved = time.monotonic()

    @property
    def loss(self) -> tuple[float, float]:
        """Of a learned token and of a facet, means over the latest steps. Raises ArithmeticError where they are no numbers any more."""
        words, facets = torch.stack(self.losses).mean(0).tolist() if self.losses else (0.0, 0.0)
        if not math.isfinite(words + facets):
            raise ArithmeticError(f"{self.plan.name}: the loss is {words} and {facets} within the {WATCHED} steps to {self.done['step']}")
        return words, facets

    def show(self, line: str) -> None:
        if not self.rank:
            self.job.show(line)


def train(job: Job, processes: int | None = None) -> tuple[Any, dict[str, Any]]:
    """Run the plan, or what a checkpoint leaves of it, on the GPU or on all cores. Returns the model and figures for its card.

    On a CPU there is a process per core, so that small operations wait for no other core.
    """
    ranks = processes or (1 if torch.cuda.is_available() else min(MOST_PROCESSES, torch.get_num_threads()))
    if ranks == 1:
        Run(job).go()
    else:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        threads = max(1, torch.get_num_threads() // ranks)
        spawn(work_along, args=(ranks, threads, port, job), nprocs=ranks)  # type: ignore[no-untyped-call]
    run = Run(job)
    figures = {"tokens": run.done["tokens"], "hours": round(run.done["spent_s"] / 3600, 2), "device": run.device, "processes": ranks}
    return run.model, {"plan": asdict(job.source.plan), "loss": round(run.loss[0], 4), **figures}


def parent_is_gone() -> bool:
    """Whether the build that started this process was killed: nobody would wait for the result."""
    parent = parent_process()
    return parent is not None and not parent.is_alive()


def work_along(rank: int, ranks: int, threads: int, port: int, job: Job) -> None:
    """One process of several."""
    torch.set_num_threads(threads)
    torch.distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=ranks)
    try:
        Run(job, rank, ranks).go()
    finally:
        torch.distributed.destroy_process_group()
