"""`python -m adapters demo build`: tokenizer, base, adapter, figures and cards, each step once."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from adapters.examples.demo.evaluate import Answerer, evaluate, failures, figures, table
from adapters.examples.demo.exchanges import HANDWRITTEN, Exchange, read_rows
from adapters.examples.demo.sizes import SEED, SIZES, Size
from adapters.examples.demo.tokenizer import VOCABULARY, build_tokenizer
from adapters.examples.demo.train_adapter import train_adapter
from adapters.examples.demo.train_base import train_base
from adapters.train.record import once
from engine.card import BaseRef, Card, RecipeRef
from engine.contestants import folder_revision
from engine.errors import DuelbotError
from engine.recipes import load_recipe
from engine.shipped import DEMO_ADAPTER, DEMO_BASE

VERSION = "9"
LIMITS = (
    "It is a small demonstration model and knows one subject: prompt engineering or fine-tuning.",
    "It learned from generated English text alone; other languages and unusual wording mislead it.",
    "A time or number that is denied before the right one (not weekly but monthly) is often taken for it; /mo is no month to it.",
    "A question about an aspect of a technique in unusual words is at times answered with another aspect or as a situation.",
    "A message about something else that speaks of models, prompts or labels is at times taken for a situation.",
    "Conversations beyond about 600 tokens are longer than most that it learned from, and answers get worse there.",
    "The adapter was trained on four lines and mostly keeps to them; only the base follows a changed format line reliably.",
    "Without a recipe the base knows no house rule; how it decides then says nothing about the situation.",
)
MISSED = {  # measure -> what the rest of its share says
    "right decision": "of the decisions on messages of strangers are wrong",
    "named facts true": "of the facts that are named there are not so",
    "right after a follow-up": "of the decisions after a follow-up are wrong, often the one before, said again",
    "other subjects recognised": "of the messages about something else are not recognised as such",
}
Show = Callable[[str], None]


class OtherSize(DuelbotError):
    """The error of a build that was begun in another size."""


def build(work: Path, show: Show, size: str | None = None) -> None:
    """Make all of the demo. Every step leaves a file in `work` and is skipped when that is there, so a stopped build goes on.

    Raises OtherSize when `work` holds the beginning of another size.
    """
    work.mkdir(parents=True, exist_ok=True)
    DEMO_BASE.mkdir(parents=True, exist_ok=True)
    DEMO_ADAPTER.mkdir(parents=True, exist_ok=True)
    chosen = size_of(work, show, size)
    once(work / "tokenizer.json", "tokenizer", show, lambda: make_tokenizer(work))
    tokenizer = work / "tokenizer"
    base = once(work / "base-card.json", "base model", show, lambda: train_base(chosen, tokenizer, work / "base", work, show))
    tuned = once(
        work / "adapter-card.json",
        "adapter",
        show,
        lambda: train_adapter(chosen, tokenizer, base=work / "base", folder=work / "adapter", work=work, show=show),
    )
    for source, target in (("tokenizer", DEMO_BASE), ("base", DEMO_BASE), ("adapter", DEMO_ADAPTER)):
        install(work / source, target)  # together, so that no adapter ever lies beside another's base
    shares = once(work / "figures.json", "figures", show, lambda: measure(show, read_rows(HANDWRITTEN)))
    write_card(tuned, shares)
    write_readme(chosen, base, tuned, shares)
    show(f"built: {DEMO_BASE} and {DEMO_ADAPTER}; `git checkout` on these folders brings back what shipped")


def size_of(work: Path, show: Show, wanted: str | None) -> Size:
    """Choose the size that was wanted or begun, else the large one where there is a GPU and the small one where there is none."""
    import torch

    path = work / "size.json"
    begun = json.loads(path.read_text(encoding="utf-8"))["size"] if path.is_file() else None
    if begun and wanted and begun != wanted:
        raise OtherSize(f"{work} holds the beginning of the {begun} size: name another folder with --work, or leave --size out.")
    able = ("large", "there is a GPU") if torch.cuda.is_available() else ("small", "there is no GPU")
    name, why = (wanted, "asked for") if wanted else (begun, "as it was begun") if begun else able
    path.write_text(json.dumps({"size": name}), encoding="utf-8")
    show(f"size: {name} ({why})" + ", weaker than the large one that ships" * (name == "small"))
    return SIZES[name]


def make_tokenizer(work: Path) -> dict[str, Any]:
    """Build the tokenizer in the work folder. Returns what its record tells."""
    build_tokenizer(work / "tokenizer", SEED)
    return {"vocabulary": VOCABULARY, "seed": SEED}


def install(source: Path, target: Path) -> None:
    """Copy a folder's files into another."""
    for path in sorted(source.iterdir()):
        shutil.copyfile(path, target / path.name)


def measure(show: Show, rows: Sequence[Exchange]) -> dict[str, float]:
    """Measure these rows and show the bars with every failure. Returns measure -> share."""
    answerer = Answerer(DEMO_BASE, DEMO_ADAPTER)
    outcomes = evaluate(answerer, rows, show)
    shares = figures(outcomes)
    show(failures(outcomes))
    show("\n" + table(shares, outcomes))
    show("prompt tokens, mean: " + ", ".join(f"{arm} {mean:.0f}" for arm, mean in answerer.prompt_lengths().items()))
    return shares


def limits(shares: dict[str, float]) -> tuple[str, ...]:
    """List what a person should know before trusting a build with these figures, one sentence each."""
    missed = (
        f"Tuned, {1 - shares[f'tuned: {measure}']:.1%} {what}; prompted, {1 - shares[f'prompted: {measure}']:.1%}."
        for measure, what in MISSED.items()
    )
    return (*LIMITS, *missed)


def write_card(tuned: dict[str, Any], shares: dict[str, float]) -> None:
    """Write the adapter's card beside the shipped adapter."""
    plain = load_recipe("plain")
    Card(
        name="demo",
        version=VERSION,
        base=BaseRef("duelbot-demo", folder_revision(DEMO_BASE)),
        recipe=RecipeRef(plain.name, plain.version, plain.digest),
        training=tuned,
        figures=shares,
        limits=limits(shares),
    ).write(DEMO_ADAPTER)


def write_readme(size: Size, base: dict[str, Any], tuned: dict[str, Any], shares: dict[str, float]) -> None:
    """Write the base model's card, for people."""
    run, tune = base["plan"], tuned["plan"]
    rows = "\n".join(f"| {measure} | {share:.1%} |" for measure, share in shares.items())
    known = "\n".join(f"- {limit}" for limit in limits(shares))
    text = f"""# The demo model

A small Llama (transformers' own classes) trained from scratch on generated text, so that a first duel needs no download and no GPU.
It is a demonstration model and knows one subject: prompt engineering or fine-tuning. Rebuild: `python -m adapters demo build`, which
makes the large size where there is a GPU (minutes) and the small one, weaker and half as big, where there is none (some three hours on
two cores; `--size` asks for one). This is the {size.name} one.

| | |
|---|---|
| parameters | {base["parameters"]:,} |
| shape | {", ".join(f"{name} {value}" for name, value in base["shape"].items())} |
| vocabulary | {VOCABULARY}, byte-level BPE, up to three digits of a number in a token |
| text | generated by adapters/examples/demo: the subject under many recipes, other rules and subjects, fact lists, number drills, chat |
| base training | {base["tokens"]:,} tokens, {run["steps"]} steps, seed {run["seed"]}, {base["hours"]} h on {base["device"]} |
| adapter | LoRA rank {tuned["lora"]["r"]}, all linear layers, {tuned["tokens"]:,} tokens, seed {tune["seed"]}, {tuned["hours"]} h |

## Figures
Measured on adapters/examples/demo/handwritten.jsonl: questions written by hand without knowledge of the generator, used in no training
text and for no choice but those that adapters/examples/demo/LOG.md names.

| measure | share |
|---|---|
{rows}

## Limits
{known}
"""
    (DEMO_BASE / "README.md").write_text(text, encoding="utf-8")
