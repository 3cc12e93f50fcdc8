"""python -m adapters data | estimate | train | list | info | use | rollback | remove | card | export | check | demo"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adapters import shelf
from adapters.arguments import parser
from adapters.data import command as data
from adapters.examples.demo import command as demo
from adapters.registry import check_adapter
from adapters.train import command as training
from engine.commandline import ended
from engine.printable import printable
from engine.settings import EngineSettings


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and do what it says. Returns the exit status."""
    return run(parser().parse_args(argv))


def run(options: argparse.Namespace) -> int:
    """Do what a parsed command line says. Returns the exit status."""
    return ended(lambda: _run(options))


def _run(chosen: argparse.Namespace) -> int:
    settings = EngineSettings.read()
    if chosen.verb in shelf.VERBS:
        for line in shelf.lines(chosen, settings):
            print(printable(line))
        return 0
    match chosen.verb:
        case "train":
            return training.run(chosen)
        case "estimate":
            return training.run_estimate(chosen)
        case "check":
            return show_check(chosen.folder, chosen.base or settings.base_model, chosen.recipe or settings.plain_recipe)
        case "data" if chosen.data_verb == "from-duels":
            return write_from_duels(chosen.store, chosen.form, chosen.write)
        case "data":
            return data.run(chosen, settings, evidence_of(chosen.store) if getattr(chosen, "store", None) else ())
    return demo.run(chosen)


def evidence_of(store: Path) -> list[str]:
    """Read the requests that were voted on in a store. Raises StoreError."""
    from bot.store.evidence import EvidenceRows
    from bot.store.exchange import reading_copy

    async def read() -> list[str]:
        async with reading_copy(store) as copy, copy.reading() as look:
            return await EvidenceRows(look).requests()

    return asyncio.run(read())


def write_from_duels(store: Path, form: Any, file: Path) -> int:
    """Write rows out of the closed duels of people who agreed. Raises StoreError, BadRequest."""
    from bot.app.learnable import decided_in, rows_of
    from bot.store.exchange import reading_copy

    async def read() -> list[Any]:
        async with reading_copy(store) as copy, copy.reading() as look:
            return await decided_in(look)

    duels = asyncio.run(read())
    return data.write_from_duels(file, rows_of(duels, form), len(duels))


def show_check(folder: Path, base: str, recipe: str) -> int:
    """Print what is known of an adapter on this base and recipe, and what is not. Raises BadAdapter as a start of the engine would."""
    adapter, notes = check_adapter(folder, base, recipe)
    card = adapter.card
    if card is None:
        unknown = f"whether it fits {base} and lives, only a start can tell"
        print(printable(f"{adapter.name} ({adapter.digest}) is plain LoRA without a card: {unknown}."))
    else:
        fits = f"fits {card.base.name or base} at {card.base.revision} and the plain recipe {card.recipe.name or recipe}"
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


if __name__ == "__main__":
    sys.exit(main())
