"""The command line of python -m adapters: its verbs with their flags, what they do, and calls of them that work."""

import argparse
from pathlib import Path
from typing import Any

from adapters import shelf
from adapters.data import command as data
from adapters.examples.demo import command as demo
from adapters.train import command as training
from engine.commandline import program, verb

ABOUT = "LoRA adapters: rows, training, and which one the tuned side takes."
VERBS = "data | estimate | train | list | info | use | rollback | remove | card | export | check | demo"


def parser() -> argparse.ArgumentParser:
    """Make the parser of python -m adapters."""
    root = program("python -m adapters", ABOUT)
    add_verbs(root.add_subparsers(dest="verb", required=True, metavar=VERBS))
    return root


def add_to(verbs: Any) -> argparse.ArgumentParser:
    """Add all of this as one verb, adapters, to another command line. Returns its parser."""
    command = verb(verbs, "adapters", ABOUT, "%(prog)s list\n%(prog)s check ./my-lora --base ./my-base")
    add_verbs(command.add_subparsers(dest="verb", required=True, metavar=VERBS))
    return command


def add_verbs(verbs: Any) -> None:
    """Add the verbs of adapters to a command line."""
    training.add_verb(verbs)
    training.add_estimate(verbs)
    shelf.add_verbs(verbs)
    check = verb(
        verbs,
        "check",
        "Is this adapter readable and made for the base?",
        "%(prog)s adapters/shipped/desk\n%(prog)s ./my-lora --base ./my-base",
    )
    check.add_argument("folder", type=Path)
    check.add_argument("--base", help="base model: smollm2, demo, a hub id, a folder or a GGUF file (default: DUEL_BASE_MODEL)")
    check.add_argument("--recipe", help="plain recipe of the duel: a shipped name or a .toml file (default: DUEL_PLAIN_RECIPE)")
    data.add_verb(verbs)
    demo.add_verb(verbs)
