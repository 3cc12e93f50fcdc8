"""`python -m adapters demo build | eval`: makes the demo model again, or measures the one that is there."""

import argparse
from pathlib import Path
from typing import Any

from adapters.examples.demo.sizes import SIZES
from engine.commandline import verb, whole
from engine.printable import printable


def add_verb(verbs: Any) -> None:
    """Add `demo` with its steps to the verbs of `python -m adapters`."""
    demo = verb(verbs, "demo", "The small model that ships.", "%(prog)s eval\n%(prog)s build --work build/demo")
    steps = demo.add_subparsers(dest="step", required=True, metavar="build | eval")
    build = verb(
        steps,
        "build",
        "Make tokenizer, base, adapter and cards again. It goes on where it was stopped.",
        "%(prog)s --size small\n%(prog)s --work /scratch/demo",
    )
    build.add_argument("--work", type=Path, default=Path("build/demo"), help="where checkpoints lie (default: build/demo)")
    build.add_argument("--size", choices=tuple(SIZES), help="default: large where there is a GPU, small where there is none")
    evaluate = verb(steps, "eval", "The table of bars and every failure.", "%(prog)s\n%(prog)s --generated 200")
    rows = evaluate.add_mutually_exclusive_group()
    rows.add_argument("--file", type=Path, help="rows as JSON lines, with their facts (default: the hand-written ones)")
    rows.add_argument(
        "--generated",
        type=whole(1, 100_000),
        metavar="COUNT",
        help="so many situations of the generator, from a seed that no training uses",
    )


def run(chosen: argparse.Namespace) -> int:
    """Build or measure, as `add_verb`'s arguments say. Returns the exit status."""
    # torch and transformers take seconds to import: not for --help or another verb.
    from adapters.examples.demo.build import build, measure
    from adapters.examples.demo.evaluate import generated_rows
    from adapters.examples.demo.exchanges import HANDWRITTEN, read_rows

    if chosen.step == "build":
        build(chosen.work, show, chosen.size)
    else:
        measure(show, generated_rows(chosen.generated) if chosen.generated else read_rows(chosen.file or HANDWRITTEN))
    return 0


def show(words: str) -> None:
    """Print one thing at once: several processes of a training share the terminal."""
    print(printable(words), flush=True)
