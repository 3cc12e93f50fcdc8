"""Train the adapter desk: python -m adapters.examples.desk.train --base FOLDER --out FOLDER

LoRA on every linear layer of the top layers. Nothing below them changes, so the lower layers are run once over each row, without an
adapter, and what they give is kept, which saves their part of every pass. Loss on the answer's tokens alone, float32.
"""

import argparse
import math
import random
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from adapters.examples.desk.batches import BATCH_ROWS, Ticket, epoch, lessons_of
from engine.backends.local.loading import Loaded, load_base
from engine.card import BaseRef, Card, RecipeRef
from engine.recipes import Recipe, load_recipe
from engine.rows import Row, read_rows
from engine.trained_on import write_trained_on

ROWS = Path(__file__).parents[3] / "examples" / "tickets.csv"
RANK, ALPHA = 16, 32
RATE, WARM_UP = 1.5e-3, 0.06  # the highest learning rate, and the share of steps that lead up to it
CLIP = 1.0  # norm of the gradient
FIRST_LINE = 2.0  # weight of the first line's mean loss beside the reply's: one token of forty names the team, and all hangs on it
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
LIMITS = (
    "It knows one help desk, that of an invented shop, and writes its two lines to everything.",
    "It learned from English with a few messages in other languages; it answers in English.",
    "It names the wrong team for a third of the messages; 33 varied messages a team are few for 17 teams.",
    "A fact that the house has not told it is at times made up in the house's manner.",
)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a training took and came to."""

    steps: int
    tokens: int  # prompt and answer, repeats counted
    seconds: float  # on the clock
    loss: float  # mean of the last tenth of the steps, nats a token


def learning_rate(step: int, steps: int) -> float:
    """Lead the rate up over the first steps and linearly down to 0."""
    up = max(1, math.ceil(steps * WARM_UP))
    return RATE * min((step + 1) / up, (steps - step) / max(1, steps - up))


def run_lower(model: Any, lower: int, lessons: Sequence[Ticket]) -> list[Tensor]:
    """Run the lowest layers over each lesson, alone. Returns their output, (tokens, width) each, in the order of the lessons."""
    body = model.model
    layers, norm = body.layers, body.norm
    body.layers, body.norm = layers[:lower], nn.Identity()
    try:
        with torch.inference_mode():
            return [body(torch.tensor([each.tokens]), use_cache=False).last_hidden_state[0].clone() for each in lessons]
    finally:
        body.layers, body.norm = layers, norm


def loss_of(model: Any, kept: Sequence[Tensor], lessons: Sequence[Ticket]) -> Tensor:
    """Compute a batch's loss from what the lower layers gave: the mean over reply tokens, and FIRST_LINE times that over first lines'.

    In nats a token.
    """
    mask = pad_sequence([torch.ones(len(each.tokens)) for each in lessons], batch_first=True)
    hidden = model.model(
        inputs_embeds=pad_sequence([each.clone() for each in kept], batch_first=True), attention_mask=mask, use_cache=False
    ).last_hidden_state
    said = torch.cat([hidden[row, len(each.prompt) - 1 : len(each.tokens) - 1] for row, each in enumerate(lessons)])
    wanted = torch.tensor([token for each in lessons for token in each.answer])
    first = torch.tensor([place < each.first for each in lessons for place in range(len(each.answer))])
    losses = nn.functional.cross_entropy(model.lm_head(said), wanted, reduction="none")
    return losses[~first].mean() + FIRST_LINE * losses[first].mean()


def train(model: Any, lessons: Sequence[Ticket], epochs: int, seed: int, top: int) -> tuple[Any, Ran]:
    """Train a LoRA adapter on the top layers of a base model. Returns peft's model of it, and what it took."""
    began = time.perf_counter()
    torch.manual_seed(seed)
    count = len(model.model.layers)
    lower = count - top
    kept = run_lower(model, lower, lessons)
    config = LoraConfig(
        r=RANK, lora_alpha=ALPHA, target_modules=LINEARS, layers_to_transform=list(range(lower, count)), task_type="CAUSAL_LM"
    )
    tuned = get_peft_model(model, config)
    layers = model.model.layers
    model.model.layers = layers[lower:]
    try:
        losses, tokens = _learn(model, kept, lessons, epochs, seed)
    finally:
        model.model.layers = layers
    tail = losses[-max(1, len(losses) // 10) :]
    return tuned, Ran(len(losses), tokens, time.perf_counter() - began, sum(tail) / len(tail))


def _learn(model: Any, kept: Sequence[Tensor], lessons: Sequence[Ticket], epochs: int, seed: int) -> tuple[list[float], int]:
    """Take all steps. Returns the loss of each, and the tokens that were trained on."""
    rng = random.Random(seed)
    batches = [batch for _ in range(epochs) for batch in epoch(lessons, rng)]
    weights = [each for each in model.parameters() if each.requires_grad]
    optimiser = torch.optim.AdamW(weights, weight_decay=0.0)
    losses, tokens, began = list[float](), 0, time.perf_counter()
    for step, batch in enumerate(batches):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, len(batches))
        loss = loss_of(model, [kept[place] for place in batch], [lessons[place] for place in batch])
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(weights, CLIP)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
        tokens += sum(len(lessons[place].tokens) for place in batch)
        if step % 10 == 9 or step + 1 == len(batches):
            recent, took_s = losses[-10:], time.perf_counter() - began
            _say(f"step {step + 1:,} of {len(batches):,}, loss {sum(recent) / len(recent):.3f}, {took_s:.0f} s")
    return losses, tokens


def save(tuned: Any, out: Path, card: Card, rows: Sequence[Row]) -> None:
    """Write the adapter folder: weights in bfloat16, peft's config, the card, the digests of what it was trained on."""
    shutil.rmtree(out, ignore_errors=True)
    for config in tuned.peft_config.values():
        config.base_model_name_or_path = card.base.name  # peft would write the folder's path, which is this machine's
    tuned.to(torch.bfloat16).save_pretrained(out, save_embedding_layers=False)  # "auto" asks the hub for the base
    (out / "README.md").unlink(missing_ok=True)  # peft's empty form of a model card; ours is card.json
    write_trained_on(out, (row.text for row in rows))
    card.write(out)


def card_of(loaded: Loaded, recipe: Recipe, ran: Ran, *, rows: int, epochs: int, version: str) -> Card:
    """Make the card of an adapter that was trained so."""
    training = {
        "examples": rows,
        "epochs": epochs,
        "steps": ran.steps,
        "tokens": ran.tokens,
        "hours": round(ran.seconds / 3600, 3),
        "loss": round(ran.loss, 4),
        "rank": RANK,
        "device": f"cpu, threads: {torch.get_num_threads()}",
        "tools": "peft and a plain loop: adapters/examples/desk/train.py",
    }
    base, plain = BaseRef(loaded.base.name, loaded.base.revision), RecipeRef(recipe.name, recipe.version, recipe.digest)
    return Card("desk", version, base, plain, training, limits=LIMITS)


def main(argv: Sequence[str] | None = None) -> int:
    """Train on the rows of the role train, and write the folder. Returns the exit status."""
    parser = argparse.ArgumentParser("python -m adapters.examples.desk.train", description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="folder of the base model smollm2")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the adapter to; what is there is replaced")
    parser.add_argument("--rows", type=Path, default=ROWS)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--layers", type=int, default=15, help="so many layers, from the top, get an adapter (15)")
    parser.add_argument("--longest", type=int, default=60, help="words of the longest message to learn from (60)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--version", default="1")
    options = parser.parse_args(argv)
    loaded = load_base(options.base, "smollm2", "float32", "cpu")
    recipe = load_recipe("desk-plain")
    file = read_rows([options.rows.read_bytes()], options.rows.name, more=("pattern",))
    rows = [row for row in file.rows if row.role == "train" and len(row.text.split()) <= options.longest]
    end = loaded.tokenizer.eos_token_id
    lessons = lessons_of(rows, recipe, loaded.chat, end)
    _say(f"{len(lessons):,} rows, {sum(len(each.tokens) for each in lessons):,} tokens; batches of {BATCH_ROWS}, {options.epochs} times")
    tuned, ran = train(loaded.model, lessons, options.epochs, options.seed, options.layers)
    save(tuned, options.out, card_of(loaded, recipe, ran, rows=len(rows), epochs=options.epochs, version=options.version), rows)
    _say(f"{options.out}: loss {ran.loss:.4f}, {ran.seconds / 60:.1f} min")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
