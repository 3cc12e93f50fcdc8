"""The training loop that base and adapter share: conversations in, smaller loss out."""

import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from adapters.demo.mix import Talk
from adapters.demo.tokenizer import END

POOL = 400  # conversations that are sorted by length together, so that little is padding
IGNORED = -100
Maker = Callable[[random.Random, float], Talk]  # dice, share of the training that is done
Encoded = tuple[list[int], list[bool]]  # token ids, and whether each is learned


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


def encode(tokenizer: Any, talk: Talk) -> Encoded:
    """Token ids as the chat template makes them; learned are the assistant's words and their end."""
    ids: list[int] = []
    learned: list[bool] = []
    end = tokenizer.convert_tokens_to_ids(END)
    for spoken in talk:
        words = tokenizer(spoken.message.content, add_special_tokens=False)["input_ids"]
        ids += [tokenizer.convert_tokens_to_ids(f"<|{spoken.message.role}|>"), *words, end]
        learned += [False] + [spoken.learned] * (len(words) + 1)
    return ids, learned


def batches(tokenizer: Any, maker: Maker, plan: Plan, done: int = 0) -> Iterator[list[Encoded]]:
    """Batches of conversations of like length, in random order; the same for the same seed and start."""
    rng = random.Random(plan.seed + 1_000_003 * done)
    while True:
        talks = (encode(tokenizer, maker(rng, done / plan.steps)) for _ in range(POOL))
        pool = sorted((talk for talk in talks if len(talk[0]) <= plan.longest and any(talk[1])), key=lambda talk: len(talk[0]))
        ready: list[list[Encoded]] = [[]]
        for talk in pool:
            if (len(ready[-1]) + 1) * padded(len(talk[0])) > plan.batch_tokens:
                ready.append([])
            ready[-1].append(talk)
        rng.shuffle(ready)
        yield from ready
        done += len(ready)


def padded(length: int) -> int:
    """Widths are few, so that the CPU's matrix library prepares its kernels once."""
    return -(-length // 32) * 32


def tensors(batch: list[Encoded], device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and labels, both (rows, longest row); label t is the token after t where that one is learned."""
    width = padded(max(len(ids) for ids, _ in batch))
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    labels = torch.full((len(batch), width), IGNORED)
    for row, (tokens, learned) in enumerate(batch):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        target = [token if wanted else IGNORED for token, wanted in zip(tokens[1:], learned[1:], strict=True)]
        labels[row, : len(target)] = torch.tensor(target)
    return ids.to(device), labels.to(device)


def batch_loss(model: Any, batch: list[Encoded], device: str) -> torch.Tensor:
    """Mean loss over the learned tokens. Right padding needs no mask: the model looks back only."""
    ids, labels = tensors(batch, device)
    wanted = labels != IGNORED
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    with torch.autocast(device, dtype=torch.bfloat16):
        hidden = causal.model(input_ids=ids, use_cache=False).last_hidden_state
        logits = causal.lm_head(hidden[wanted])  # the head is costly; the other rows would be thrown away
    return cross_entropy(logits.float(), labels[wanted])


def rate(step: int, plan: Plan) -> float:
    """Share of the full learning rate: warm-up, plateau, linear cool-down."""
    cool = max(1, int(plan.steps * plan.cool_down))
    return min(1.0, (step + 1) / plan.warm_up, max(0.0, (plan.steps - step) / cool))


def optimizers(model: Any, plan: Plan) -> list[torch.optim.Optimizer]:
    """Muon for the weight matrices inside the layers, AdamW for the rest."""
    trained = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    inner = [
        weight for name, weight in trained if weight.ndim == 2 and "embed" not in name and "lm_head" not in name and "lora" not in name
    ]
    rest = [weight for _, weight in trained if all(weight is not other for other in inner)]
    made: list[torch.optim.Optimizer] = [torch.optim.AdamW(rest, lr=plan.other_rate, betas=(0.9, 0.98), weight_decay=0.0)]
    if inner:
        made.append(torch.optim.Muon(inner, lr=plan.matrix_rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"))
    for optimizer in made:
        for group in optimizer.param_groups:
            group["full_rate"] = group["lr"]
    return made


class Run:
    """A plan under way: the model, its optimizers, and how far it is."""

    def __init__(self, model: Any, plan: Plan, saved: Path) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.manual_seed(plan.seed)
        self.model = model.to(self.device).train()
        self.plan, self.saved = plan, saved
        self.optimizers = optimizers(self.model, plan)
        self.done = {"step": 0, "tokens": 0, "spent_s": 0.0}
        if saved.is_file():
            state = torch.load(saved, weights_only=True, map_location=self.device)
            self.model.load_state_dict(state["model"])
            for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(kept)
            self.done = state["done"]

    def step(self, batch: list[Encoded]) -> float:
        """One update; the loss before it."""
        began = time.monotonic()
        loss = batch_loss(self.model, batch, self.device)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([weight for weight in self.model.parameters() if weight.requires_grad], 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["full_rate"] * rate(int(self.done["step"]), self.plan)
            optimizer.step()
            optimizer.zero_grad()
        if not math.isfinite(value := loss.item()):
            raise ArithmeticError(f"{self.plan.name}: the loss is {value} after step {self.done['step']}")
        self.done["step"] += 1
        self.done["tokens"] += sum(len(ids) for ids, _ in batch)
        self.done["spent_s"] += time.monotonic() - began
        return value

    def save(self) -> None:
        """Written beside and moved into place: a torn checkpoint would stop the resuming."""
        self.saved.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "done": self.done,
        }
        torch.save(state, self.saved.with_suffix(".part"))
        self.saved.with_suffix(".part").replace(self.saved)


def train(model: Any, tokenizer: Any, maker: Maker, *, plan: Plan, work: Path, show: Callable[[str], None]) -> dict[str, Any]:
    """Run the plan, or what a checkpoint in `work` leaves of it. Returns figures for the card."""
    run = Run(model, plan, work / f"{plan.name}.pt")
    done = run.done
    if done["step"]:
        show(f"{plan.name}: going on from step {done['step']}")
    losses: list[float] = []
    for batch in batches(tokenizer, maker, plan, done=int(done["step"])):
        if done["step"] >= plan.steps:
            break
        losses = [*losses[-49:], run.step(batch)]
        last = done["step"] == plan.steps
        if done["step"] % 50 == 0 or last:
            speed = f"{done['tokens'] / done['spent_s']:,.0f} tokens/s  {done['spent_s']:,.0f} s"
            show(f"{plan.name}: step {done['step']}/{plan.steps}  loss {sum(losses) / len(losses):.4f}  {speed}")
        if done["step"] % 250 == 0 or last:
            run.save()
    figures = {"tokens": done["tokens"], "hours": round(done["spent_s"] / 3600, 2), "device": run.device}
    return {"plan": asdict(plan), "loss": round(sum(losses) / max(1, len(losses)), 4), **figures}
