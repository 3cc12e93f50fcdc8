"""The commands beside the fronts, python -m bot simulate | bench | export | import …: each prints for people, or JSON with --json."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bot.settings import Settings

DONE, FAILED = 0, 1
NAMES = ("simulate", "bench", "export", "import")


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
    for command in (simulate, bench, export, back):
        command.add_argument("--json", action="store_true", help="write one JSON object to stdout instead of lines for people")
    return root


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


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

    store = await Store.open(Settings.read().store_file)
    try:
        return _counted(await read_back(store, source), f"Read into {store.path}", as_json)
    finally:
        await store.aclose()


def _counted(rows: dict[str, int], what: str, as_json: bool) -> int:
    told = ", ".join(f"{count:,} {table}" for table, count in rows.items() if count)
    print(json.dumps(rows) if as_json else f"{what}: {told or 'nothing; the store is empty'}.")
    return DONE


def _bench(sizes: tuple[int, ...], as_json: bool) -> int:
    from bot.bench import lines, run

    found = asyncio.run(run(sizes, _note))
    print(json.dumps([asdict(each) for each in found]) if as_json else "\n".join(lines(found)))
    return DONE
