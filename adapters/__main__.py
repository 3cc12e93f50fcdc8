"""python -m adapters list | check FOLDER | demo build [--size small|large] | demo eval [--file rows.jsonl | --generated COUNT]"""

import argparse
import os
import sys
from pathlib import Path

from adapters.demo.sizes import SIZES
from adapters.registry import DEMO_BASE, SHIPPED, check_adapter, list_adapters
from engine.errors import DuelbotError
from engine.printable import printable

PIPE_CLOSED = 141  # what a shell says of a program that its pipe's reader left


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(prog="python -m adapters", description="LoRA adapters: what there is, and how the demo is made.")
    verbs = main.add_subparsers(dest="verb", required=True)
    listing = verbs.add_parser("list", help="the adapters that ship, and those in a folder")
    listing.add_argument("folder", nargs="*", type=Path, help="folders that hold adapter folders")
    check = verbs.add_parser("check", help="is this adapter readable and made for the base")
    check.add_argument("folder", type=Path)
    check.add_argument("--base", type=Path, default=DEMO_BASE, help="folder of the base model (default: the demo model)")
    demo = verbs.add_parser("demo", help="the small model that ships").add_subparsers(dest="step", required=True)
    build = demo.add_parser("build", help="make tokenizer, base, adapter and cards again; goes on where it was stopped")
    build.add_argument("--work", type=Path, default=Path("build/demo"), help="where checkpoints lie (default: build/demo)")
    build.add_argument("--size", choices=tuple(SIZES), help="default: large where there is a GPU, small where there is none")
    evaluate = demo.add_parser("eval", help="the table of bars and every failure")
    rows = evaluate.add_mutually_exclusive_group()
    rows.add_argument("--file", type=Path, help="rows as JSON lines (default: the hand-written ones)")
    rows.add_argument(
        "--generated", type=count, metavar="COUNT", help="so many situations of the generator, from a seed that no training uses"
    )
    return main


def count(text: str) -> int:
    """A positive integer. Raises ValueError for anything else."""
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


def main(argv: list[str]) -> int:
    chosen = parser().parse_args(argv)
    try:
        status = run(chosen)
        sys.stdout.flush()
        return status
    except DuelbotError as error:
        print(printable(error.words), file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still to be flushed when Python ends
        return PIPE_CLOSED


def run(chosen: argparse.Namespace) -> int:
    match chosen.verb:
        case "list":
            return show_list((SHIPPED, *chosen.folder))
        case "check":
            return show_check(chosen.folder, chosen.base)
    return run_demo(chosen)


def show_list(folders: tuple[Path, ...]) -> int:
    for listed in list_adapters(folders):
        if listed.card is None:
            print(printable(f"{listed.folder.name}  cannot be used: {listed.trouble}"))
        else:
            base = listed.card.base
            print(printable(f"{listed.card.name} {listed.card.version}  for {base.name} at {base.revision}  {listed.folder}"))
    return 0


def show_check(folder: Path, base: Path) -> int:
    adapter, card = check_adapter(folder, base)
    fits = f"fits {card.base.name} at {card.base.revision} and the recipe {card.recipe.name}"
    print(printable(f"{card.name} {card.version} ({adapter.digest}) {fits}."))
    for measure, share in card.figures.items():
        print(printable(f"  {measure:38} {share:7.1%}"))
    for limit in card.limits:
        print(printable(f"  limit: {limit}"))
    return 0


def show(words: str) -> None:
    """One thing said at once: several processes of a training share the terminal."""
    print(printable(words), flush=True)


def run_demo(chosen: argparse.Namespace) -> int:
    from adapters.demo.build import build, measure
    from adapters.demo.evaluate import generated_rows
    from adapters.demo.rows import HANDWRITTEN, read_rows

    if chosen.step == "build":
        build(chosen.work, show, chosen.size)
    else:
        measure(show, generated_rows(chosen.generated) if chosen.generated else read_rows(chosen.file or HANDWRITTEN))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
