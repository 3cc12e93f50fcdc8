"""duelbot: one command for all that python -m bot, engine and adapters do. What a verb needs is imported for that verb alone."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from adapters import arguments as adapters
from bot import arguments as bot
from bot.installed import check_installed
from engine import arguments as engine
from engine.commandline import ended, program


def parser() -> argparse.ArgumentParser:
    """Make the parser of duelbot. Each verb says in `package` whose it is; without a verb it is the page."""
    root = program("duelbot", bot.ABOUT, bot.AFTER)
    root.set_defaults(package="bot")
    verbs: Any = root.add_subparsers(dest="command", title="verbs", metavar="VERB")
    bot.add_fronts(verbs)
    for verb in engine.add_verbs(verbs):
        verb.set_defaults(package="engine")
    bot.add_verbs(verbs, bench="bench-store")
    adapters.add_to(verbs).set_defaults(package="adapters")
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and do what it says. Returns the exit status."""
    options = parser().parse_args(argv)
    return ended(lambda: _run(options))  # Ctrl-C during the imports ends like any other


def _run(options: argparse.Namespace) -> int:
    check_installed()
    match options.package:
        case "engine":
            from engine.__main__ import run
        case "adapters":
            from adapters.__main__ import run
        case _:
            from bot.__main__ import run
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
