"""The training loop that base and adapter share: conversations in, smaller loss out."""

import math
import random
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import torch
from torch.multiprocessing.spawn import spawn
from torch.nn.functional import cross_entropy

from adapters.demo.mix import Talk
from adapters.demo.muon import Muon
from adapters.demo.reading import FACETS, Reading
from adapters.demo.tokenizer import END, load_tokenizer

POOL = 400  # conversations that are sorted by length together, so that little is padding
IGNORED = -100
MOST_PROCESSES = 4  # a batch has few rows; more processes would wait for the one with a row more
Maker = Callable[[random.Random, float], Talk]  # dice, share of the training that is done
LAYERS_BEHIND = 1  # the reading heads, so that what follows can work with what was read
READING_WEIGHT = 0.5  # of a facet, against a learned token


@dataclass(frozen=True, slots=True)
class Encoded:
    """A conversation as the model sees it."""

    ids: list[int]
    learned: list[bool]  # for each token
    readings: list[tuple[int, Reading]]  # where an answer begins, and what must have been read there

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Plan:
    """One training run."""

    name: str
    seed: int
    steps: int
    batch_tokens: int  # padded tokens of one step
    matrix_rate: float  # learning rate of weight matrices (Muon)
    other_rate: float  # learning rate of embeddings, norms and LoRA factors (AdamW)
    warm_up: int
    cool_down: float  # share of the steps, at the end, in which the rate falls to nothing
    longest: int  # tokens; longer conversations are left out


@dataclass(frozen=True, slots=True)
class Job:
    """What every process of a training must know; it travels to them by pickle."""

    build: Callable[[], Any]  # makes the model that is trained, the same in every process
    tokenizer: Path
    maker: Maker
    plan: Plan
    saved: Path  # the checkpoint
    show: Callable[[str], None]


def encode(tokenizer: Any, talk: Talk) -> Encoded:
    """Token ids as the chat template makes them; learned are the assistant's words and their end."""
    ids: list[int] = []
    learned: list[bool] = []
    readings: list[tuple[int, Reading]] = []
    end = tokenizer.convert_tokens_to_ids(END)
    for spoken in talk:
        if spoken.reads is not None:
            readings.append((len(ids), spoken.reads))
        words = tokenizer(spoken.message.content, add_special_tokens=False)["input_ids"]
        ids += [tokenizer.convert_tokens_to_ids(f"<|{spoken.message.role}|>"), *words, end]
        learned += [False] + [spoken.learned] * (len(words) + 1)
    return Encoded(ids, learned, readings)


def padded(length: int) -> int:
    """Widths are few, so that the CPU's matrix library prepares its kernels once."""
    return -(-length // 32) * 32


def arrange(talks: list[Encoded], plan: Plan, rng: random.Random) -> list[list[Encoded]]:
    """Batches of conversations of like length, in random order; an even number in each, so that two processes do the same."""
    pool = sorted((talk for talk in talks if len(talk) <= plan.longest and any(talk.learned)), key=len)
    ready: list[list[Encoded]] = [[]]
    for talk in pool:
        if len(ready[-1]) % 2 == 0 and (len(ready[-1]) + 2) * padded(len(talk)) > plan.batch_tokens and ready[-1]:
            ready.append([])
        ready[-1].append(talk)
    rng.shuffle(ready)
    return [batch for batch in ready if batch]


def tensors(batch: list[Encoded], device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and labels, both (rows, longest row); label t is the token after t where that one is learned."""
    width = padded(max(map(len, batch)))
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    labels = torch.full((len(batch), width), IGNORED)
    for row, talk in enumerate(batch):
        ids[row, : len(talk)] = torch.tensor(talk.ids)
        target = [token if wanted else IGNORED for token, wanted in zip(talk.ids[1:], talk.learned[1:], strict=True)]
        labels[row, : len(target)] = torch.tensor(target)
    return ids.to(device), labels.to(device)


def reading_heads(width: int) -> torch.nn.Module:
    """A guess at every facet from one hidden state, shape (..., width) -> (..., sum of FACETS)."""
    return torch.nn.Sequential(torch.nn.RMSNorm(width), torch.nn.Linear(width, sum(FACETS.values())))


def losses(model: Any, heads: torch.nn.Module, batch: list[Encoded], device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Summed over the learned tokens, and over the facets of the readings. Right padding needs no mask: the model looks back only."""
    ids, labels = tensors(batch, device)
    wanted = labels != IGNORED
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    # A CPU without bfloat16 instructions imitates them some sixty times slower than it runs float32.
    fast = device == "cuda" or bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    with torch.autocast(device, dtype=torch.bfloat16, enabled=fast):
        out = causal.model(input_ids=ids, use_cache=False, output_hidden_states=True)
        logits = causal.lm_head(out.last_hidden_state[wanted])  # the head is costly; the other rows would be thrown away
    words = cross_entropy(logits.float(), labels[wanted], reduction="sum")
    places = [(row, at) for row, talk in enumerate(batch) for at, _ in talk.readings]
    if not places:
        return words, words.new_zeros(())
    hidden = out.hidden_states[-1 - LAYERS_BEHIND]
    guesses = heads(hidden[tuple(torch.tensor(places).T.to(device))].float()).split(list(FACETS.values()), dim=1)
    classes = torch.tensor([classes for talk in batch for _, classes in talk.readings], device=device).T
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
        self.job, self.plan, self.rank, self.ranks = job, job.plan, rank, ranks
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.manual_seed(job.plan.seed)
        self.tokenizer = load_tokenizer(job.tokenizer)
        self.model = job.build().to(self.device).train()
        self.heads = reading_heads(self.model.config.hidden_size).to(self.device)
        self.trained = [weight for weight in (*self.model.parameters(), *self.heads.parameters()) if weight.requires_grad]
        self.optimizers = optimizers(self.model, self.heads, job.plan, rank, ranks)
        # the pool and the step at which it began, so that a stopped training goes on with the very next batch
        self.done = {"step": 0, "pool": 0, "pool_step": 0, "tokens": 0, "spent_s": 0.0}
        self.losses: list[tuple[float, float]] = []
        if job.saved.is_file():
            state = torch.load(job.saved, weights_only=True, map_location=self.device)
            self.model.load_state_dict(state["model"])
            self.heads.load_state_dict(state["heads"])
            for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(kept)
            self.done, self.losses = state["done"], state["losses"]

    def pool(self) -> list[list[Encoded]]:
        """The pool that is in work: the same for the same seed, however many processes share the making."""
        plan, number = self.plan, self.done["pool"]
        share = self.done["pool_step"] / plan.steps
        mine = {
            at: encode(self.tokenizer, self.job.maker(random.Random(f"{plan.seed}/{number}/{at}"), share))
            for at in range(self.rank, POOL, self.ranks)
        }
        parts: list[Any] = [mine]
        if self.ranks > 1:
            parts = [None] * self.ranks
            torch.distributed.all_gather_object(parts, mine)
        whole = {at: talk for part in parts for at, talk in part.items()}
        return arrange([whole[at] for at in range(POOL)], plan, random.Random(f"{plan.seed}/{number}"))

    def batches(self) -> Iterator[list[Encoded]]:
        while True:
            yield from self.pool()[int(self.done["step"] - self.done["pool_step"]) :]
            self.done["pool"] += 1
            self.done["pool_step"] = self.done["step"]

    def step(self, batch: list[Encoded]) -> tuple[float, float]:
        """One update, every process on its rows; the mean losses before it, of a learned token and of a facet."""
        began = time.monotonic()
        learned = sum(sum(talk.learned) for talk in batch)
        asked = max(1, len(FACETS) * sum(len(talk.readings) for talk in batch))
        loss = torch.zeros(2, device=self.device)
        if mine := batch[self.rank :: self.ranks]:
            words, facets = losses(self.model, self.heads, mine, self.device)
            ((words + READING_WEIGHT * facets) / learned).backward()  # type: ignore[no-untyped-call]
            loss = torch.stack((words.detach() / learned, facets.detach() / asked))
        value, missed = self.gather(loss)
        if not math.isfinite(value + missed):
            raise ArithmeticError(f"{self.plan.name}: the loss is {value} and {missed} before step {self.done['step']}")
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["full_rate"] * rate(int(self.done["step"]), self.plan)
            optimizer.step()
            optimizer.zero_grad()
        self.done["step"] += 1
        self.done["tokens"] += sum(map(len, batch))
        self.done["spent_s"] += time.monotonic() - began
        return value, missed

    def gather(self, loss: torch.Tensor) -> list[float]:
        """Sum loss and gradients over the processes."""
        if self.ranks == 1:
            return loss.tolist()
        for weight in self.trained:
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        flat = torch.cat([loss, *(weight.grad.reshape(-1) for weight in self.trained if weight.grad is not None)])
        torch.distributed.all_reduce(flat)
        at = len(loss)
        for weight in self.trained:
            weight.grad = flat[at : at + weight.numel()].view_as(weight)
            at += weight.numel()
        return flat[: len(loss)].tolist()

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
        began = dict(done)
        if done["step"]:
            self.show(f"{plan.name}: going on from step {done['step']}")
        for batch in self.batches():
            if done["step"] >= plan.steps or parent_is_gone():
                break
            self.losses = [*self.losses[-49:], self.step(batch)]
            last = done["step"] == plan.steps
            if done["step"] % 50 == 0 or last:
                left = (done["spent_s"] - began["spent_s"]) / (done["step"] - began["step"]) * (plan.steps - done["step"])
                speed = f"{done['tokens'] / done['spent_s']:,.0f} tokens/s  {done['spent_s']:,.0f} s, {left:,.0f} s left"
                self.show(f"{plan.name}: step {done['step']}/{plan.steps}  loss {self.loss[0]:.4f}, of a facet {self.loss[1]:.3f}  {speed}")
            if done["step"] % 100 == 0 or last:
                self.save()

    @property
    def loss(self) -> tuple[float, float]:
        """Of a learned token and of a facet, means over the latest steps."""
        words, facets = (sum(each) / len(each) for each in zip(*(self.losses or [(0.0, 0.0)]), strict=True))
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
    return run.model, {"plan": asdict(job.plan), "loss": round(run.loss[0], 4), **figures}


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
