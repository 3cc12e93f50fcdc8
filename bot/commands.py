"""The commands beside the fronts, python -m bot simulate | bench | export | import …: each prints for people, or JSON with --json."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from bot.settings import Settings
from engine import lineup as lineups
from engine.contestants import Arm
from engine.errors import BadRequest
from engine.lineup import parse_arms
from engine.printable import printable

if TYPE_CHECKING:
    from bot.store import Store

DONE, FAILED = 0, 1
ROWS = """a row is a JSON object a line, with a request and what is expected of an answer:
  {"request": "…", "reference": "…", "tags": ["billing"]}      exact match and token F1; a list of references: any
  {"request": "…", "pattern": "…"}                             a regular expression found in the answer
  {"request": "…", "schema": {"type": "object"}}               the answer is JSON that fits the schema
  {"request": "…", "required": ["…"], "forbidden": ["…"]}      share of phrases that are there, and not there
"""
NAMES = ("simulate", "bench", "export", "import", "evaluate", "aa", "alive")


def main(argv: Sequence[str]) -> int:
    """The exit status. Raises DuelbotError for what a person can mend."""
    options = parser().parse_args(argv)
    match options.command:
        case "simulate":
            return _simulate(options.quick, options.seed, options.json)
        case "export":
            return asyncio.run(_export(options.format, options.out, options.json))
        case "import":
            return asyncio.run(_import(options.source, options.json))
        case "evaluate":
            return asyncio.run(_evaluate(options.file, options.arms, options.json))
        case "aa":
            return asyncio.run(_aa(options.arm, options.duels, options.json))
        case "alive":
            return asyncio.run(_alive(options.json))
        case _:
            return _bench(options.sizes, options.json)


def parser() -> argparse.ArgumentParser:
    """The command line of all of them."""
    root = argparse.ArgumentParser("python -m bot")
    commands = root.add_subparsers(dest="command", required=True)
    simulate = commands.add_parser(
        "simulate",
        help="how often the verdict is wrong",
        description=("Simulate teams that look after every duel, and count wrong verdicts. Exit status 1 when a bar does not hold."),
    )
    simulate.add_argument("--quick", action="store_true", help="2,000 teams, within half a minute; without it 10,000")
    simulate.add_argument("--seed", type=int, default=20261122, help="of the random numbers (default %(default)s)")
    bench = commands.add_parser("bench", help="how long a verdict takes as the store grows")
    bench.add_argument("--sizes", type=_sizes, default=(10_000, 200_000), metavar="N,…", help="duels, five ballots each")
    export = commands.add_parser(
        "export",
        help="the team's tables, or its preference pairs",
        description="Works beside a running Duelbot; DUEL_STORE_PATH names the store.",
    )
    export.add_argument("--format", choices=("jsonl", "csv", "dpo"), default="jsonl", help="csv writes a folder; dpo pairs for training")
    export.add_argument("--out", type=Path, required=True, help="the file or folder to write; nothing is written over")
    back = commands.add_parser("import", help="read what export wrote (jsonl or csv) into an empty store")
    back.add_argument("source", type=Path)
    evaluate = commands.add_parser(
        "evaluate",
        help="answer and score a file of rows with references",
        description="Every row is answered by every arm and scored, and the pair's result stands on its decision card beside the votes. "
        "Broken off, the same call goes on where it stopped. Needs the store for itself: stop the bot first.",
        epilog=ROWS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    evaluate.add_argument("--file", type=Path, required=True, metavar="JSONL")
    evaluate.add_argument("--arms", default="", metavar="ARM,…", help=f"of {', '.join(Arm)}; without it the two of a duel")
    aa = commands.add_parser(
        "aa",
        help="one arm against itself: the verdict must be no difference",
        description="Asks the examples, with the same contestant on both sides and three made-up voters, in a temporary store. "
        "DUEL_AA=prompted does the same with real voters on the page. Exit status 1 when a copy is preferred.",
    )
    aa.add_argument("--arm", choices=list(Arm), default=Arm.PROMPTED)
    aa.add_argument("--duels", type=int, default=60)
    alive = commands.add_parser("alive", help="whether the adapter is alive: a dead one never duels; DUEL_ALIVE_DIFFERENCE sets the bar")
    for command in (simulate, bench, export, back, evaluate, aa, alive):
        command.add_argument("--json", action="store_true", help="write one JSON object to stdout instead of lines for people")
    return root


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _note(line: str) -> None:
    print(printable(line), file=sys.stderr, flush=True)


MEANING = {
    "null_1_voter": "wrong verdicts where there is no difference, one voter a duel (bar: at most 5 %)",
    "null_1_voter_30_ties": "the same with 30 % ties",
    "null_5_voters": "the same with five voters of correlated taste a duel (bar: at most 5 %)",
    "coverage": "teams whose 95 % sequence held the truth at every look (bar: at least 95 %)",
    "decide_70_median": "duels to a decision at theta .70, median (bar: 40 to 55)",
    "direction_right": "of those decided, the better side (bar: at least 99 %)",
    "decided_70_by_400": "decided within 400 duels at theta .70",
    "equal_under_null": "called practically equal within 400 duels where there is no difference",
    "equal_wrongly_at_65": "called practically equal at theta .65",
    "naive_z": "wrong by a z-test after every vote",
    "bayes_95": 'wrong by "Bayes > 95 %" after every vote',
    "votes_counted_singly": "wrong when votes are counted singly",
}


def _simulate(quick: bool, seed: int, as_json: bool) -> int:
    from bot.evidence.simulate import simulate  # numpy and scipy take their time to import

    table = simulate(quick, seed, _note)
    if as_json:
        print(json.dumps(table))
        return DONE if table["passed"] else FAILED
    print(f"{table['teams']:,} teams, each looking after every one of {table['duels']:,} duels; seed {seed}")
    for name, meaning in MEANING.items():
        value = table[name]
        print(f"{value:8g}  {meaning}" if name == "decide_70_median" else f"{value:8.2%}  {meaning}")
    print("All bars hold." if table["passed"] else "A bar does not hold.")
    return DONE if table["passed"] else FAILED


async def _export(form: str, out: Path, as_json: bool) -> int:
    from bot.exchange import export
    from bot.store.exchange import reading_copy

    async with reading_copy(Settings.read().store_file) as store:
        return _counted(await export(store, form, out), f"Written to {out}", as_json)


async def _import(source: Path, as_json: bool) -> int:
    from bot.exchange import read_back
    from bot.store import Store

    settings = Settings.read()
    store = await Store.open(settings.store_file)
    try:
        rows = await read_back(store, source)
        await _fold(store, settings)
        return _counted(rows, f"Read into {store.path}", as_json)
    finally:
        await store.aclose()


async def _fold(store: "Store", settings: Settings) -> None:
    """Read the evidence of every pair now, so that nobody waits for it at the first look."""
    from bot.app.app import utc_now
    from bot.app.evidence import Evidence

    evidence = Evidence(store, settings, utc_now)
    for first, second, duels in await evidence.pairs():
        _note(f"Reading the evidence of {duels:,} duels …")
        await evidence.verdict(evidence.scope((first, second)), (first, second))


async def _evaluate(file: Path, arms: str, as_json: bool) -> int:
    from bot.evaluation.rows import read_rows
    from bot.evaluation.run import evaluate, lines, report
    from bot.store import Store
    from engine.ask import entrants_of

    settings, wanted = Settings.read(), parse_arms(arms)
    try:
        rows = read_rows(await asyncio.to_thread(lambda: file.read_bytes().splitlines()), str(file))
    except OSError as error:
        raise BadRequest(f"{file} cannot be read: {error.strerror}.") from error
    store = await Store.open(settings.store_file)
    try:
        _note("Loading the model …")
        lineup = await lineups.open_lineup(settings)
        try:
            entrants = entrants_of(lineup, wanted)
            at_once = max(1, settings.max_rows // len(entrants))
            await evaluate(store, lineup, entrants, rows, _bar, limit_s=settings.answer_limit_s, at_once=at_once)
        finally:
            await lineup.backend.aclose()
        table = await report(store, entrants, rows)
    finally:
        await store.aclose()
    print(json.dumps(table) if as_json else printable("\n".join(lines(table))))
    return DONE


async def _aa(arm: str, duels: int, as_json: bool) -> int:
    from bot.selfcheck import run_aa

    table = await run_aa(Settings.read().model_copy(update={"aa": arm}), duels, _note)
    print(
        json.dumps(table)
        if as_json
        else f"{printable(str(table['words']))}\n{'Passed.' if table['passed'] else 'Not passed: one of two equals is preferred.'}"
    )
    return DONE if table["passed"] else FAILED


async def _alive(as_json: bool) -> int:
    """A dead adapter is an error of opening; this says how alive a living one is."""
    settings = Settings.read()
    lineup = await lineups.open_lineup(settings)
    try:
        adapter = lineup.kit.adapter
        if adapter is None:
            raise BadRequest("No adapter is set, so there is none to be alive. Set DUEL_ADAPTER.")
        moved = getattr(lineup.backend, "alive", {}).get(adapter.digest)
    finally:
        await lineup.backend.aclose()
    if as_json:
        print(json.dumps({"adapter": adapter.name, "version": adapter.version, "moved": moved, "least": settings.alive_difference}))
    else:
        shown = (
            ""
            if moved is None
            else f": it moves next-token distributions by {moved:.2g} (at least {settings.alive_difference:g} is needed)"
        )
        print(printable(f"The adapter {adapter.name} {adapter.version} is alive{shown}."))
    return DONE


def _bar(done: int, rows: int) -> None:
    """A progress bar on a terminal; nothing in a log."""
    if sys.stderr.isatty():
        filled = 30 * done // rows
        line = f"\r[{'━' * filled}{' ' * (30 - filled)}] {done:,} of {rows:,} rows"
        print(line, end="\n" if done == rows else "", file=sys.stderr, flush=True)


def _counted(rows: dict[str, int], what: str, as_json: bool) -> int:
    told = ", ".join(f"{count:,} {table}" for table, count in rows.items() if count)
    print(json.dumps(rows) if as_json else printable(f"{what}: {told or 'nothing; the store is empty'}."))
    return DONE


def _bench(sizes: tuple[int, ...], as_json: bool) -> int:
    from bot.bench import lines, run

    found = asyncio.run(run(sizes, _note))
    print(json.dumps([asdict(each) for each in found]) if as_json else "\n".join(lines(found)))
    return DONE
