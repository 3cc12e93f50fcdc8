"""python -m engine ask "…": requests answered by every arm, without votes; optimise: a better recipe; bench: speed and memory.

stdout carries the report and nothing else.
"""

import argparse
import asyncio
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from engine import lineup as lineups
from engine.arguments import parser
from engine.ask import Answered, answer_row, answer_rows, entrants_of
from engine.backends.base import Usage
from engine.bench import page as pages
from engine.bench.running import Extent
from engine.bench.running import run as run_benchmark
from engine.commandline import BAD_INPUT, DONE, FAILED, complain, ended
from engine.contestants import Arm, Contestant
from engine.cost import Cost
from engine.duel import Answer, Failure
from engine.errors import BadRequest, SettingsError
from engine.lineup import Lineup, parse_arms
from engine.optimise import command as optimising
from engine.optimise import linting
from engine.printable import one_line, printable, runs_right_to_left
from engine.report import dollars, duel_json, figures, json_line, price_note, seconds, side_json, summary
from engine.request import Request
from engine.rows import Row, read_rows
from engine.settings import EngineSettings

COLUMN = 42  # cells that an answer needs to stand beside another; with fewer they stand below each other


class PipedConsole(Console):
    """A console whose closed pipe is an error like any other; rich would end the process itself."""

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError."""
        raise BrokenPipeError


@dataclass(frozen=True, slots=True)
class Question:
    """The requests and arms of a command line, checked as far as that goes without a model."""

    rows: Sequence[Row]
    file: str  # its name for people, or "" for a single request
    arms: tuple[Arm, ...]  # none: the duel's two
    as_json: bool


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and do what it says. Returns the exit status."""
    return run(parser().parse_args(argv))


def run(options: argparse.Namespace) -> int:
    """Do what a parsed command line says. Returns the exit status."""
    if options.command == "ask" and (options.text is None) == (options.file is None):
        return complain("Give one request in quotes, or --file with a file of requests; --help shows calls of both.", BAD_INPUT)
    if sys.stdout is None:
        return complain("stdout is closed; there is nowhere to write the answers.", BAD_INPUT)
    return ended(lambda: _run(options), "The answers")


def _run(options: argparse.Namespace) -> int:
    if options.command == "optimise":
        wanted_recipe, settings = optimising.read_wanted(options), EngineSettings.read()
        with sole_stdout() as out:
            return asyncio.run(optimising.run(wanted_recipe, settings, out))
    if options.command == "lint":
        with sole_stdout() as out:
            return linting.run(options, out)
    question = read_question(options) if options.command == "ask" else None
    settings = EngineSettings.read()
    if question is None:
        wanted, page = read_wanted(options, settings)
        with sole_stdout() as out:
            return asyncio.run(measure(wanted, page, settings, out, as_json=options.json))
    with sole_stdout() as out:
        return asyncio.run(ask(question, settings, out))


def read_question(options: argparse.Namespace) -> Question:
    """Read the requests of a command line. Raises BadRequest and SettingsError; nothing has been loaded then."""
    arms = parse_arms(options.arms)
    if options.arms and not arms:
        raise SettingsError(f"--arms names no arm. There are {', '.join(Arm)}.")
    if options.file is None:
        text = _decoded(_stdin().read()) if options.text == "-" else options.text
        return Question([Row("ask", Request.of(text).text)], "", arms, options.json)
    name = "stdin" if options.file == "-" else options.file
    try:
        with nullcontext(_stdin()) if options.file == "-" else Path(options.file).open("rb") as lines:
            file = read_rows(lines, name)
    except (OSError, ValueError) as error:
        raise BadRequest(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    if unused := file.unused("id", "text", "input", "history"):
        print(one_line(f"Not used in {name}: {', '.join(unused)}."), file=sys.stderr)
    return Question(file.rows, name, arms, options.json)


def _stdin() -> BinaryIO:
    if sys.stdin is None:
        raise BadRequest("stdin is closed; there is nothing to read from it.")
    return sys.stdin.buffer


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest("The request on stdin is not UTF-8 text.") from error


@contextmanager
def sole_stdout() -> Iterator[TextIO]:
    """Keep the real stdout for the report alone: whatever else prints meanwhile, from Python or from C, goes to stderr."""
    sys.stdout.flush()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace", newline="\n")
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield out
        out.flush()
    finally:
        sys.stdout.flush()
        os.dup2(out.fileno(), 1)
        with suppress(OSError):  # a pipe that nobody reads, a full disk: the first failure has been raised already
            out.close()


async def measure(wanted: Extent, page: Path | None, settings: EngineSettings, out: TextIO, *, as_json: bool) -> int:
    """Run the benchmark and write its report to `out`, and to a page where one is wanted. Returns the exit status."""
    with Console(stderr=True, highlight=False, markup=False).status("Measuring …") as status:
        found = await run_benchmark(settings, wanted, status.update)
    out.write(json_line(asdict(found)) + "\n" if as_json else pages.text(found))
    if page is not None:
        pages.write(found, page, typed(wanted, page))
    return DONE


def typed(wanted: Extent, page: Path) -> str:
    """Write the command that measures this and writes that page."""
    users = ",".join(map(str, wanted.users))
    more = "--architectures " if wanted.architectures else ""
    base, file = shlex.quote(wanted.base), shlex.quote(str(page))
    return f"python -m engine bench --base {base} --users {users} --rounds {wanted.rounds} {more}--write {file}"


def read_wanted(options: argparse.Namespace, settings: EngineSettings) -> tuple[Extent, Path | None]:
    """Read what a command line wants measured, and where its page goes. Raises SettingsError."""
    page = Path(options.write) if options.write else None
    if page is not None and (page.suffix != ".md" or not page.parent.is_dir()):
        raise SettingsError(f"--write names a page, a file that ends in .md in a folder that is there; {page} is none.")
    return Extent(options.base or settings.base_model, options.users, options.rounds, options.architectures), page


async def ask(question: Question, settings: EngineSettings, out: TextIO) -> int:
    """Load the model, answer everything, write it as it comes. Returns the exit status: FAILED when any answer failed."""
    notes = Console(stderr=True, highlight=False, markup=False)
    with notes.status("Loading the model …"):
        lineup = await lineups.open_lineup(settings, lambda words: notes.print(one_line(words)))
    for note in lineup.notes:
        notes.print(one_line(note))
    try:
        entrants = entrants_of(lineup, question.arms)
        if question.file:
            return await _ask_file(question, lineup, entrants, settings, out=out, notes=notes)
        with notes.status("Answering …"):
            answered = await answer_row(question.rows[0], lineup, entrants, settings.answer_limit_s)
        if question.as_json:
            out.write(json_line(duel_json(answered.row.text, answered.outcomes, entrants)) + "\n")
        else:
            _people(out).print(one_answered(answered, entrants))
        return _status(answered.outcomes.values())
    finally:
        await lineup.backend.aclose()


async def _ask_file(
    question: Question,
    lineup: Lineup,
    entrants: Mapping[Arm, Contestant],
    settings: EngineSettings,
    *,
    out: TextIO,
    notes: Console,
) -> int:
    """Answer a file with a progress bar on stderr, which steps aside for every answer on the same terminal."""
    outcomes: dict[Arm, list[Answer | Failure]] = {arm: [] for arm in entrants}
    console, bar = _people(out), _progress(notes)
    task = bar.add_task("requests", total=len(question.rows))

    def tell(answered: Answered) -> None:
        for arm, outcome in answered.outcomes.items():
            outcomes[arm].append(outcome)
        shared = out.isatty() and notes.is_terminal
        if shared:
            bar.stop()
        if question.as_json:
            for arm, outcome in answered.outcomes.items():
                out.write(json_line({"id": answered.row.id, "arm": arm, **side_json(outcome, entrants[arm])}) + "\n")
            out.flush()
        else:
            console.print(row_answered(answered))
        bar.advance(task)
        if shared:
            bar.start()

    at_once = max(1, settings.max_rows // len(entrants))
    with bar:
        await answer_rows(question.rows, lineup, entrants, tell, limit_s=settings.answer_limit_s, at_once=at_once)
    if not question.as_json:
        console.print(Rule(style="dim"), comparison(list(entrants), summary(outcomes)))
    every = [outcome for each in outcomes.values() for outcome in each]
    failed = sum(isinstance(outcome, Failure) for outcome in every)
    notes.print(f"Requests: {len(question.rows):,}, answers: {len(every) - failed:,}, failures: {failed:,}.")
    return _status(every)


def _status(outcomes: Iterable[Answer | Failure]) -> int:
    return FAILED if any(isinstance(outcome, Failure) for outcome in outcomes) else DONE


def _people(out: TextIO) -> PipedConsole:
    return PipedConsole(file=out, highlight=False, markup=False, emoji=False)


def _progress(notes: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal)


def one_answered(answered: Answered, entrants: Mapping[Arm, Contestant]) -> RenderableType:
    """Draw one request for people: the answers side by side where there is room, then the figures."""
    sides = [_bill(outcome) for outcome in answered.outcomes.values()]
    rows = [("answered by", [_maker(contestant) for contestant in entrants.values()])]
    rows += [("finish", [_finish(outcome) for outcome in answered.outcomes.values()]), *((row.label, row.cells) for row in figures(sides))]
    parts: list[RenderableType] = [Panels(answered), Text(), comparison(list(entrants), rows)]
    if note := price_note(sides):
        parts.append(Text(f"\n{printable(note)}", "dim"))
    return Group(*parts)


@dataclass(frozen=True, slots=True)
class Panels:
    """The answers in boxes of one height beside each other, or below each other where a column would be too narrow.

    Right-to-left text is never put beside another: a terminal that orders text itself could swap the columns.
    """

    answered: Answered

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shown = {arm: _words(outcome) for arm, outcome in self.answered.outcomes.items()}
        beside = options.max_width >= COLUMN * len(shown) and not any(runs_right_to_left(text.plain) for text in shown.values())
        if not beside:
            yield from (Panel(text, title=arm, title_align="left", border_style="dim") for arm, text in shown.items())
            return
        grid = Table.grid(expand=True, padding=0)
        for _ in shown:
            grid.add_column(ratio=1)
        width = options.max_width // len(shown) - 4  # borders and their padding
        height = 2 + max(len(text.wrap(console, width)) for text in shown.values())
        grid.add_row(*(Panel(text, title=arm, title_align="left", border_style="dim", height=height) for arm, text in shown.items()))
        yield grid


def row_answered(answered: Answered) -> RenderableType:
    """Draw one request of a file for people: a heading, then each arm's words with its figures below."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for arm, outcome in answered.outcomes.items():
        grid.add_row(Text(arm), _words(outcome))
        if bill := _bill(outcome):
            usage, cost = bill
            took = f"{seconds(usage.total_s)} · {usage.prompt_tokens:,} tokens in, {usage.new_tokens:,} out · {dollars(cost.usd)}"
            grid.add_row("", Text(took, "dim"))
    heading = Text.assemble((one_line(str(answered.row.id), 24), "bold"), "  ", one_line(answered.row.text, 400))
    return Group(heading, grid, Text())


def comparison(arms: Sequence[Arm], rows: Iterable[tuple[str, list[str]]]) -> Table:
    """Draw figures with a column for each arm; rows: a label, and a cell for each arm."""
    table = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False, header_style="bold")
    table.add_column(style="dim")
    for arm in arms:
        table.add_column(arm, overflow="fold")
    for label, cells in rows:
        table.add_row(label, *(Text(printable(cell)) for cell in cells))
    return table


def _words(outcome: Answer | Failure) -> Text:
    if isinstance(outcome, Failure):
        return Text(f"No answer: {printable(outcome.words)}", "italic")
    return Text(printable(outcome.text).strip(), overflow="fold")


def _finish(outcome: Answer | Failure) -> str:
    if isinstance(outcome, Failure):
        return f"failed ({outcome.kind})"
    return {"end": "ended by itself", "length": "cut at the token limit", "stopped": "stopped"}[outcome.finish]


def _maker(contestant: Contestant) -> str:
    recipe = f"{contestant.recipe.name} {contestant.recipe.version}"
    return f"{contestant.adapter.name} {contestant.adapter.version} + {recipe}" if contestant.adapter else recipe


def _bill(outcome: Answer | Failure) -> tuple[Usage, Cost] | None:
    return (outcome.usage, outcome.cost) if outcome.usage and outcome.cost else None


if __name__ == "__main__":
    sys.exit(main())
