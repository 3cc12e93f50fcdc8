"""python -m adapters list | check FOLDER | demo build | demo eval"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from adapters.examples.demo import command as demo
from adapters.registry import DEMO_BASE, SHIPPED, check_adapter, list_adapters
from engine.commandline import ended, program, verb
from engine.folders import named_base
from engine.printable import printable


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
    check.add_argument("--base", type=Path, default=DEMO_BASE, help="folder of the base model (default: the demo model)")
    check.add_argument("--recipe", default="plain", help="plain recipe of the duel: a shipped name or a .toml file (default: plain)")
    demo.add_verb(verbs)
    return main


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status."""
    chosen = parser().parse_args(argv)
    return ended(lambda: run(chosen))


def run(chosen: argparse.Namespace) -> int:
    match chosen.verb:
        case "list":
            return show_list((SHIPPED, *chosen.folder))
        case "check":
            return show_check(chosen.folder, chosen.base, chosen.recipe)
    return demo.run(chosen)


def show_list(folders: tuple[Path, ...]) -> int:
    for listed in list_adapters(folders):
        if listed.trouble:
            print(printable(f"{listed.folder.name}  cannot be used: {listed.trouble}"))
        elif listed.card is None:
            base_name = named_base(listed.folder) or "a base that it does not name"
            print(printable(f"{listed.folder.name}  for {base_name}, without a card  {listed.folder}"))
        else:
            base = listed.card.base
            print(printable(f"{listed.card.name} {listed.card.version}  for {base.name} at {base.revision}  {listed.folder}"))
    return 0


def show_check(folder: Path, base: Path, recipe: str) -> int:
    adapter, card, notes = check_adapter(folder, base, recipe)
    if card is None:
        unknown = f"whether it fits {base} and lives, only a start can tell"
        print(printable(f"{adapter.name} ({adapter.digest}) is plain LoRA without a card: {unknown}."))
    else:
        fits = f"fits {card.base.name} at {card.base.revision} and the recipe {recipe}"
        print(printable(f"{card.name} {card.version} ({adapter.digest}) {fits}."))
    for note in notes:
        print(printable(f"  {note}"))
    for measure, share in card.figures.items() if card else ():
        print(printable(f"  {measure:38} {share:7.1%}"))
    for limit in card.limits if card else ():
        print(printable(f"  limit: {limit}"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
