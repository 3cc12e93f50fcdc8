"""python -m engine optimise: the verb, its flags, its progress and its end."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console

from engine import lineup as lineups
from engine.backends.base import Stop
from engine.commandline import DONE, INTERRUPTED, verb, whole
from engine.errors import BadRequest, SettingsError
from engine.optimise.asking import Engine
from engine.optimise.budget import Budget
from engine.optimise.race import ANSWERS
from engine.optimise.reflecting import Reflection
from engine.optimise.roles import RowsByRole, by_role
from engine.optimise.run import Optimisation, Optimised, SearchProgress, optimise
from engine.optimise.status import SearchStatus
from engine.optimise.words import json_for, lines_for, standing, toml_for, trail_of
from engine.parsing import shown
from engine.printable import one_line
from engine.recipes import Recipe, load_recipe
from engine.report import json_line, seconds
from engine.rows import read_rows
from engine.scoring import NAMES, guess_metric, metric_named
from engine.settings import EngineSettings

NEW = "new"  # in the place of a recipe: one is written from the rows
ABOUT = (
    "Search for a better recipe on rows with answers. Other wordings, examples, orders and formats are raced on the dev rows, within a "
    "budget; winner and start are measured once on the test rows. The result is a new version of the recipe, which answers nobody until "
    "you say so. Stopped with Ctrl-C, the same call goes on where it was."
)
EXAMPLES = """
%(prog)s desk --rows examples/tickets.csv --calls 600 --metric line:Team --write desk-2.toml
%(prog)s new --rows rows.jsonl --calls 240 --minutes 10
%(prog)s ./support.toml --rows rows.jsonl --calls 240 --state ./search --json
"""
MORE = f"""\
rows are JSON lines, a JSON array or CSV, with a request and the wanted answer each. Examples are taken from rows with the role train or
example, choices are made on dev rows, and test rows are asked at the end alone; rows without a role get one by a digest of their request.
--calls counts the answers of the search; where the model runs in this process most of them are looks at how likely an answer is, and four
looks count as one. The measurement asks each test row twice more (250 rows at most). --tokens, --minutes and --usd
hold for everything, and the search leaves two fifths of them for the measurement, where there is one. No limit is ever exceeded.
metrics: {NAMES}; without --metric the rows' answers tell.
"""


@dataclass(frozen=True, slots=True)
class OptimiseCall:
    """A command line, checked as far as that goes without a model."""

    order: Optimisation
    state: Path
    write: Path | None
    as_json: bool
    reflection: str = ""  # address of the server that rewrites instructions; "": none does
    reflection_model: str = ""
    base: str = ""  # "": as the settings say
    tied: bool = False  # ends with its standard input


def add_verb(verbs: Any) -> argparse.ArgumentParser:
    """Add the verb optimise to a command line. Returns its parser."""
    command = verb(verbs, "optimise", ABOUT, EXAMPLES, MORE)
    command.add_argument("recipe", help=f"where to start: a shipped name, a .toml file, or {NEW} to have one written from the rows")
    command.add_argument("--rows", required=True, metavar="FILE", help="rows with answers")
    command.add_argument("--calls", required=True, type=whole(1, 1_000_000), metavar="N", help="answers that the search may ask for")
    command.add_argument("--tokens", type=whole(1, 10**12), metavar="N", help="tokens of all prompts and answers")
    command.add_argument("--minutes", type=float, metavar="N", help="minutes from the start to the end")
    command.add_argument("--usd", type=float, metavar="N", help="US dollars, by the price that is set")
    command.add_argument("--metric", default="", metavar="NAME", help="how answers are scored, see below")
    command.add_argument("--test", type=whole(0, 100_000), default=250, metavar="N", help="test rows at most (250)")
    command.add_argument("--seed", type=whole(0, 2**63 - 1), default=0, metavar="N", help="of the search's random choices (0)")
    command.add_argument("--state", default="", metavar="FOLDER", help="keeps the answers; without it optimise-NAME in this folder")
    command.add_argument(
        "--write", default="", metavar="FILE.toml", help="the new recipe's file; without it recipe.toml in the state folder"
    )
    command.add_argument(
        "--reflection", default="", metavar="URL", help="a server with OpenAI's interface whose model rewrites instructions"
    )
    command.add_argument("--reflection-model", default="", metavar="NAME", help="of that server")
    command.add_argument("--base", default="", help="base model: a name, a hub id or a folder (default: DUEL_BASE_MODEL)")
    command.add_argument("--json", action="store_true", help="write one JSON object to stdout instead of lines for people")
    command.add_argument("--tied", action="store_true", help="stop when standard input closes, for programs that begin this")
    return command


def read_wanted(options: argparse.Namespace) -> OptimiseCall:
    """Read a command line, its recipe and its rows. Raises BadRequest, BadRecipe, SettingsError."""
    if bool(options.reflection) != bool(options.reflection_model):
        raise BadRequest("--reflection names the server and --reflection-model its model: one does not go without the other.")
    budget = Budget(options.calls, options.tokens, options.minutes, options.usd)
    start = None if options.recipe == NEW else load_recipe(options.recipe)
    rows = read(Path(options.rows), start)
    metric = metric_named(options.metric) if options.metric else guess_metric([row.references[0] for row in rows.train])
    write = Path(options.write) if options.write else None
    if write is not None and (write.suffix != ".toml" or not write.parent.is_dir()):
        raise SettingsError(f"--write names a recipe's file, which ends in .toml in a folder that is there; {shown(str(write))} is none.")
    state = Path(options.state or f"optimise-{start.name if start else NEW}")
    return OptimiseCall(
        Optimisation(start, rows, metric, budget, options.seed, most_test=options.test),
        state,
        write,
        options.json,
        options.reflection,
        options.reflection_model,
        options.base,
        options.tied,
    )


def read(path: Path, start: Recipe | None) -> RowsByRole:
    """Read rows by their roles. Raises BadRequest."""
    try:
        with path.open("rb") as lines:
            return by_role(read_rows(lines, str(path)).rows, start)
    except (OSError, ValueError) as error:
        raise BadRequest(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error


async def run(wanted: OptimiseCall, settings: EngineSettings, out: TextIO) -> int:
    """Load the base, search, measure, write the recipe's file and the report. Returns the exit status."""
    notes = Console(stderr=True, highlight=False, markup=False)
    settings = settings.but({"base_model": wanted.base}) if wanted.base else settings
    rows = wanted.order.rows
    notes.print(
        f"Rows: {len(rows.train):,} to take examples from, {len(rows.dev):,} to choose on{' and training rows behind them' * rows.thin}, "
        f"{len(rows.test):,} for the test, {rows.left_out:,} left out. Metric: {wanted.order.metric.name}."
    )
    with notes.status("Loading the model …"):
        folder = await asyncio.to_thread(lineups.folder_needed, settings, lambda words: notes.print(one_line(words)))
        backend = await lineups.open_backend(folder, settings)
    try:
        engine = Engine(backend, settings.price, settings.max_rows, settings.answer_limit_s)
        found = await _interruptible(wanted, engine, notes)
    finally:
        await backend.aclose()
    if not found.complete:
        notes.print(f"Stopped. The same call goes on from {wanted.state}.")
        return INTERRUPTED
    file = wanted.write or wanted.state / "recipe.toml"
    _write(file, toml_for(found))
    if wanted.as_json:
        out.write(json_line(json_for(found) | {"file": str(file)}) + "\n")
    else:
        written = [f"Written: {file}. It answers nobody until you name it (DUEL_RECIPE={file})."] if found.changed else []
        out.write("".join(f"{one_line(line)}\n" for line in [*trail_of(found), "", *lines_for(found), *written]))
    return DONE


def reflection_of(wanted: OptimiseCall) -> Reflection | None:
    """Make the other model that rewrites instructions, if one is named; its key is OPENAI_API_KEY, where that is set."""
    if not wanted.reflection:
        return None
    return Reflection(wanted.reflection, wanted.reflection_model, os.environ.get("OPENAI_API_KEY", ""), wanted.state)


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror}.") from error


async def _interruptible(wanted: OptimiseCall, engine: Engine, notes: Console) -> Optimised:
    """Optimise with a line of progress; Ctrl-C gives up the answers that are being written, a second one everything."""
    stop, said = Stop(), ""
    with _stopping(stop, tied=wanted.tied), notes.status("Searching …") as status:

        def tell(progress: SearchProgress) -> None:
            nonlocal said
            _status(progress, wanted.order.budget.calls).write(wanted.state)
            best = f", {standing(progress.best)}" if progress.best else ""
            status.update(f"{progress.stage}: {progress.calls:,} answers, {seconds(progress.seconds)}{best}")
            if progress.words and progress.words != said and progress.best:
                said = progress.words
                notes.print(one_line(f"{progress.calls:,} answers: {said}; {standing(progress.best)} ({progress.best.made})"))

        return await optimise(wanted.order, engine, wanted.state, stop=stop, tell=tell, reflection=reflection_of(wanted))


def _status(progress: SearchProgress, most_calls: int) -> SearchStatus:
    status = SearchStatus(progress.stage, progress.calls, most_calls, progress.seconds)
    if progress.best is None or not progress.best.scores:
        return status
    return replace(status, best=ANSWERS.mean(progress.best), rows=len(progress.best.scores), made=progress.best.made)


@contextmanager
def _stopping(stop: Stop, *, tied: bool) -> Iterator[None]:
    """Have a signal raise the stop; the same signal once more ends everything. tied: so does the end of standard input."""
    loop = asyncio.get_running_loop()

    def interrupt(number: int) -> None:
        stop.raise_()
        loop.remove_signal_handler(number)

    def read() -> None:
        if not os.read(sys.stdin.fileno(), 1 << 10):
            stop.raise_()
            loop.remove_reader(sys.stdin.fileno())

    with suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, interrupt, number)
    if tied:
        loop.add_reader(sys.stdin.fileno(), read)
    try:
        yield
    finally:
        with suppress(NotImplementedError):
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
        if tied:
            loop.remove_reader(sys.stdin.fileno())
