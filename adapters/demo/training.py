"""The training loop that base and adapter share: conversations in, smaller loss out."""

import json
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


def train(model: Any, tokenizer: Any, maker: Maker, plan: Plan, work: Path, show: Callable[[str], None]) -> dict[str, Any]:
    """Run the plan, or what a checkpoint in `work` leaves of it. Returns figures for the card."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(plan.seed)
    model.to(device).train()
    used = optimizers(model, plan)
    saved = work / f"{plan.name}.pt"
    step, tokens, spent_s, losses = 0, 0, 0.0, []
    if saved.is_file():
        state = torch.load(saved, weights_only=True)
        model.load_state_dict(state["model"])
        for optimizer, kept in zip(used, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        step, tokens, spent_s = state["step"], state["tokens"], state["spent_s"]
        show(f"{plan.name}: going on from step {step}")
    feed = batches(tokenizer, maker, plan, done=step)
    began = time.monotonic()
    while step < plan.steps:
        loss = batch_loss(model, batch := next(feed), device)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([weight for weight in model.parameters() if weight.requires_grad], 1.0)
        for optimizer in used:
            for group in optimizer.param_groups:
                group["lr"] = group["full_rate"] * rate(step, plan)
            optimizer.step()
            optimizer.zero_grad()
        step, tokens, losses = step + 1, tokens + sum(len(ids) for ids, _ in batch), [*losses[-49:], loss.item()]
        if not math.isfinite(losses[-1]):
            raise ArithmeticError(f"{plan.name}: the loss is {losses[-1]} at step {step}")
        if step % 50 == 0 or step == plan.steps:
            total_s = spent_s + time.monotonic() - began
            show(
                f"{plan.name}: step {step}/{plan.steps}  loss {sum(losses) / len(losses):.4f}  {tokens / total_s:,.0f} tokens/s  {total_s:,.0f} s"
            )
        if step % 250 == 0 or step == plan.steps:
            checkpoint(saved, model, used, step, tokens, spent_s + time.monotonic() - began)
    total_s = spent_s + time.monotonic() - began
    return {
        "plan": asdict(plan),
        "tokens": tokens,
        "loss": round(sum(losses) / max(1, len(losses)), 4),
        "hours": round(total_s / 3600, 2),
        "device": device,
    }


def checkpoint(path: Path, model: Any, used: list[torch.optim.Optimizer], step: int, tokens: int, spent_s: float) -> None:
    """Written beside and moved into place: a torn checkpoint would stop the resuming."""
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {"model": model.state_dict(), "optimizers": [o.state_dict() for o in used], "step": step, "tokens": tokens, "spent_s": spent_s}
    torch.save(state, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)
    path.with_suffix(".json").write_text(json.dumps({"step": step, "tokens": tokens, "spent_s": round(spent_s)}))
