"""python -m adapters list | check FOLDER | demo build [--size small|large] | demo eval [--file rows.jsonl | --generated COUNT]"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from adapters.demo.sizes import SIZES
from adapters.registry import check_adapter, list_adapters
from engine.commandline import ended, program, verb, whole
from engine.folders import named_base
from engine.printable import printable
from engine.settings import EngineSettings
from engine.shipped import SHIPPED_ADAPTERS


def parser() -> argparse.ArgumentParser:
    main = program("python -m adapters", "LoRA adapters: what there is, and how the demo is made.")
    verbs = main.add_subparsers(dest="verb", required=True, metavar="list | check | demo")
    listing = verb(
        verbs, "list", "The adapters that ship, and those in folders of yours.", "python -m adapters list\npython -m adapters list ./loras"
    )
    listing.add_argument("folder", nargs="*", type=Path, help="folders that hold adapter folders")
    check = verb(
        verbs,
        "check",
        "Is this adapter readable and made for the base?",
        "python -m adapters check adapters/shipped/demo\npython -m adapters check ./my-lora --base ./my-base",
    )
    check.add_argument("folder", type=Path)
    check.add_argument("--base", help="base model: demo, a hub id or a folder (default: DUEL_BASE_MODEL)")
    check.add_argument("--recipe", help="plain recipe of the duel: a shipped name or a .toml file (default: DUEL_PLAIN_RECIPE)")
    demo = verb(
        verbs, "demo", "The small model that ships.", "python -m adapters demo eval\npython -m adapters demo build --work build/demo"
    )
    steps = demo.add_subparsers(dest="step", required=True, metavar="build | eval")
    build = verb(
        steps,
        "build",
        "Make tokenizer, base, adapter and cards again. It goes on where it was stopped.",
        "python -m adapters demo build --size small\npython -m adapters demo build --work /scratch/demo",
    )
    build.add_argument("--work", type=Path, default=Path("build/demo"), help="where checkpoints lie (default: build/demo)")
    build.add_argument("--size", choices=tuple(SIZES), help="default: large where there is a GPU, small where there is none")
    evaluate = verb(
        steps, "eval", "The table of bars and every failure.", "python -m adapters demo eval\npython -m adapters demo eval --generated 200"
    )
    rows = evaluate.add_mutually_exclusive_group()
    rows.add_argument("--file", type=Path, help="rows as JSON lines, with their facts (default: the hand-written ones)")
    rows.add_argument(
        "--generated",
        type=whole(1, 100_000),
        metavar="COUNT",
        help="so many situations of the generator, from a seed that no training uses",
    )
    return main


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit status."""
    chosen = parser().parse_args(argv)
    return ended(lambda: run(chosen))


def run(chosen: argparse.Namespace) -> int:
    """Do what the parsed command line says. Returns the exit status; raises DuelbotError for what a person can mend."""
    settings = EngineSettings.read()
    match chosen.verb:
        case "list":
            return show_list((SHIPPED_ADAPTERS, *chosen.folder))
        case "check":
            return show_check(chosen.folder, chosen.base or settings.base_model, chosen.recipe or settings.plain_recipe)
    return run_demo(chosen)


def show_list(folders: tuple[Path, ...]) -> int:
    """Print a line for every adapter in these folders."""
    for listed in list_adapters(folders):
        if listed.adapter is None:
            print(printable(f"{listed.folder.name}  cannot be used: {listed.trouble}"))
        elif (card := listed.adapter.card) is None:
            base_name = named_base(listed.folder) or "a base that it does not name"
            print(printable(f"{listed.folder.name}  for {base_name}, without a card  {listed.folder}"))
        else:
            print(printable(f"{listed.adapter.named}  for {card.base.name or 'a base'} at {card.base.revision}  {listed.folder}"))
    return 0


def show_check(folder: Path, base: str, recipe: str) -> int:
    """Print what is known of an adapter on this base and recipe, and what is not. Raises BadAdapter as a start of the engine would."""
    adapter, notes = check_adapter(folder, base, recipe)
    card = adapter.card
    if card is None:
        unknown = f"whether it fits {base} and lives, only a start can tell"
        print(printable(f"{adapter.name} ({adapter.digest}) is plain LoRA without a card: {unknown}."))
    else:
        fits = f"fits {card.base.name or base} at {card.base.revision} and the recipe {recipe}"
        print(printable(f"{adapter.named} ({adapter.digest}) {fits}."))
    for note in notes:
        print(printable(f"  {note}"))
    known = len(adapter.trained_on)
    listed = f"{known:,} requests of its training data are listed" if known else "requests of its training data are not listed"
    print(f"  {adapter.trainable:,} trainable parameters; {listed}")
    for measure, share in card.figures.items() if card else ():
        print(printable(f"  {measure:38} {share:7.1%}"))
    for limit in card.limits if card else ():
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
    sys.exit(main())
