"""python -m adapters list | check FOLDER | demo build | demo eval"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from adapters.arguments import parser
from adapters.examples.demo import command as demo
from adapters.registry import SHIPPED, check_adapter, list_adapters
from engine.commandline import ended
from engine.folders import named_base
from engine.printable import printable


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and do what it says. Returns the exit status."""
    return run(parser().parse_args(argv))


def run(options: argparse.Namespace) -> int:
    """Do what a parsed command line says. Returns the exit status."""
    return ended(lambda: _run(options))


def _run(chosen: argparse.Namespace) -> int:
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
