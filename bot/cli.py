"""The commands beside the fronts, python -m bot verdict | simulate | export …: each prints for people, or JSON with --json."""

import argparse
import asyncio
import json
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.settings import Settings
from bot.signals import END, hear, hear_close, there_are
from engine import lineup as lineups
from engine.commandline import DONE, FAILED, INTERRUPTED, complain
from engine.errors import BadRequest
from engine.lineup import parse_arms
from engine.printable import one_line, printable
from engine.scoring import metric_named
from engine.settings import EngineSettings

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bot.store import Store

PICTURES = ("trail", "samples", "alone")  # parts of a verdict that pictures are drawn from, and programs have no use for


def run(options: argparse.Namespace) -> int:
    """The exit status. Raises DuelbotError for what a person can mend."""
    match options.command:
        case "decide":
            return asyncio.run(_decide(options))
        case "verdict":
            return asyncio.run(_verdict(options))
        case "route":
            return asyncio.run(_route(options))
        case "simulate":
            return (_simulate_routes if options.routes else _simulate)(options.quick, options.seed, options.json)
        case "export":
            return asyncio.run(_export(options.format, options.out, options.json))
        case "import":
            return asyncio.run(_import(options.source, options.unsealed, options.json))
        case "backup":
            return asyncio.run(_back_up(options.file, options.over, options.json))
        case "restore":
            return asyncio.run(_restore(options.file, options.json))
        case "evaluate":
            return asyncio.run(_evaluate(options.file, options.arms, options.json, show=options.show))
        case "aa":
            return asyncio.run(_aa(options.arm, options.duels, options.json))
        case "alive":
            return asyncio.run(_alive(options.json))
        case _:
            return _bench(options.sizes, options.json)


def _note(line: str) -> None:
    print(printable(line), file=sys.stderr, flush=True)


def _show(*parts: "RenderableType") -> None:
    """Print what people read, below each other, as it is."""
    from rich.console import Console  # the page, which comes through here as well, needs none of it

    Console(highlight=False, markup=False, emoji=False).print(*parts, sep="\n")


def _json(value: Any) -> None:
    print(json.dumps(plain(value), ensure_ascii=False, allow_nan=False))


def plain(value: Any) -> Any:
    """A value as JSON has it: a figure that is none is null, a moment is text, a table has text for keys."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(content) for key, content in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value


async def _decide(options: argparse.Namespace) -> int:
    from bot.deciding.deciding import DecisionWish, decide_rows, decision_folder, decision_json
    from bot.deciding.showing import decision_shown, shown_steps

    said = {key: getattr(options, key) for key in ("file", "name", "base", "metric", "recipe", "minutes", "usd", "seed", "out")}
    wish, settings = DecisionWish(**said, margin=options.margin / 100), EngineSettings.read()
    folder = await asyncio.to_thread(decision_folder, wish, settings)
    order = folder.order()
    if not options.json:
        _note(f"Right means: {metric_named(order.metric).words}" + (" (guessed; --metric takes another)." if order.guessed else "."))
    with shown_steps(not options.json) as tell, _ended_by(asyncio.current_task(), tied=options.tied):
        try:
            decided = await decide_rows(folder, settings, tell)
        except asyncio.CancelledError:
            return complain("Stopped. The same command goes on.", INTERRUPTED)
    if options.json:
        _json(decision_json(decided.found, decided.advice) | {"folder": str(folder.path)})
    else:
        _show(*decision_shown(decided.found, decided.advice), "", f"The report: {folder['report.html']}")
    return DONE


@contextmanager
def _ended_by(task: "asyncio.Task[Any] | None", *, tied: bool) -> Iterator[None]:
    """Cancel a task when somebody wishes it to end; tied: also when its standard input closes, as that of a job does with the bot's end."""
    assert task
    undo = [hear(there_are(END), task.cancel)]
    if tied:
        undo.append(hear_close(sys.stdin.fileno(), task.cancel))
    try:
        yield
    finally:
        for each in undo:
            each()


async def _verdict(options: argparse.Namespace) -> int:
    from bot.api import read_verdict
    from bot.fronts.terminal.results import results

    found = await read_verdict(pair=options.pair, team=options.team, tag=options.tag, days=options.days, note=_note)
    if options.json:
        _json({each.name: getattr(found, each.name) for each in fields(found) if each.name not in PICTURES})
    else:
        _show(results(found))
    return DONE


async def _route(options: argparse.Namespace) -> int:
    from bot.tools.route import route, route_lines

    found = await route(options, Settings.read())
    if options.json:
        _json(found.values)
    else:
        print("\n".join(printable(line) for line in route_lines(found)))
    return DONE


MEANING = {
    "null_1_voter": "a winner is named where there is no difference, one voter a duel (bar: at most 5 %)",
    "null_1_voter_30_ties": "the same with 30 % ties (bar: at most 5 %)",
    "null_5_voters": "the same with five voters of correlated taste a duel (bar: at most 5 %)",
    "winner_65": "duels to a winner at a share of .65, median",
    "winner_70": "the same at .70 (bar: 30 to 55)",
    "winner_80": "the same at .80",
    "direction_right": "of those with a winner at .70, the better side (bar: at least 99 %)",
    "decided_70_by_400": "decided within 400 duels at .70",
    "equal_50": "duels to practically equal where there is no difference, median",
    "equal_50_30_ties": "the same with 30 % ties",
    "equal_50_3_voters": "the same with three voters of correlated taste a duel",
    "equal_65_wrongly": "called practically equal at .65 (bar: at most 5 %)",
    "equal_65_30_ties_wrongly": "the same with 30 % ties (bar: at most 5 %)",
    "equal_65_3_voters_wrongly": "the same with three voters (bar: at most 5 %)",
    "coverage": "teams whose 95 % sequence held the truth at every look (bar: at least 95 %)",
    "changed_wrongly": '"this has changed" where nothing did, the most of three shares (bar: at most 5 %)',
    "changed_rightly": '"this has changed" where .70 turns into .30 half way',
    "versions_uncorrected": "a false winner among ten edited versions in a row, 100 duels each, without the correction",
    "versions_false": "the same with it (bar: at most 5 %)",
    "tournament_uncorrected_winners": "false winners among 190 pairs of 20 equal contestants, 100 duels each, without the correction",
    "tournament_false_winners": "the same with it",
    "tournament_false_any": "tournaments with any false winner (bar: at most 5 %)",
    "naive_z": "wrong by a z-test after every vote",
    "bayes_95": 'wrong by "Bayes > 95 %" after every vote',
    "votes_counted_singly": "wrong when votes are counted singly",
}
COUNTS = ("winner_65", "winner_70", "winner_80", "equal_50", "equal_50_30_ties", "equal_50_3_voters")  # in duels


def _simulate(quick: bool, seed: int, as_json: bool) -> int:
    from bot.evidence.simulate import simulate  # numpy and scipy take their time to import

    table = simulate(quick, seed, _note)
    if as_json:
        _json(table)
        return DONE if table["passed"] else FAILED
    print(f"{table['teams']:,} teams, each looking after every one of {table['duels']:,} duels; seed {seed}")
    for name, meaning in MEANING.items():
        value = table[name]
        print(f"{value:8g}  {meaning}" if name in COUNTS or name.endswith("winners") else f"{value:8.2%}  {meaning}")
    print("All bars hold." if table["passed"] else "A bar does not hold.")
    return DONE if table["passed"] else FAILED


ROUTED = {  # columns of the table of teams that answer with the winner
    "share": "duel share while the winner answers alone",
    "regret": "wins less than an oracle, mean",
    "regret_never_looking": "the same with the first winner for ever",
    "regret_all_duels": "the same with duels alone",
    "duels": "duels, median",
    "named_after": "requests until a winner was named, median",
    "seen": "teams that saw the change",
    "seen_after": "requests until it was seen, median",
    "seen_after_p90": "the same, nine of ten teams",
    "false_alarms": "teams with an alarm before the change",
    "wrong": "teams that ever named a wrong winner",
    "wrong_of_equals": "teams of two equals that ever named a winner (bar: at most 5 %)",
}


def _simulate_routes(quick: bool, seed: int, as_json: bool) -> int:
    from bot.evidence.routed import REQUESTS, passed, routed

    teams = 20 if quick else 200
    rows = routed(seed, teams, _note)
    if as_json:
        _json({"seed": seed, "teams": teams, "requests": REQUESTS, "rows": rows, "passed": passed(rows, teams)})
        return DONE if passed(rows, teams) else FAILED
    print(f"{teams:,} teams, {REQUESTS:,} requests each, .70 turns into .30 half way; seed {seed}")
    for name, meaning in ROUTED.items():
        print("  ".join(f"{row[name]:8,.4g}" for row in rows), f" {meaning}")
    print("The bar holds." if passed(rows, teams) else "The bar does not hold.")
    return DONE if passed(rows, teams) else FAILED


async def _export(form: str, out: Path, as_json: bool) -> int:
    from bot.store.exchange import reading_copy
    from bot.tools.exchange import export

    async with reading_copy(Settings.read().store.file) as store:
        return _counted(await export(store, form, out), f"Written to {out}", as_json)


async def _import(source: Path, unsealed: bool, as_json: bool) -> int:
    from bot.store import Store
    from bot.tools.importing import read_back

    settings = Settings.read()
    store = await Store.open(settings.store.file)
    try:
        rows = await read_back(store, source, _note, unsealed=unsealed)
        await _fold(store, settings)
        return _counted(rows, f"Read into {store.path}", as_json)
    finally:
        await store.aclose()


async def _back_up(file: Path, over: bool, as_json: bool) -> int:
    from bot.store.exchange import reading_copy

    async with reading_copy(Settings.read().store.file, of_any_version=True) as store:
        await store.back_up(file, over)
        print(json.dumps({"store": str(store.path), "copy": str(file)}) if as_json else f"The store {store.path} is copied to {file}.")
    return DONE


async def _restore(file: Path, as_json: bool) -> int:
    from bot.store.backup import restore

    path = Settings.read().store.file
    kept = await restore(file, path)
    was = f" What was there is now {kept}." if kept else ""
    print(json.dumps({"store": str(path), "kept": kept and str(kept)}) if as_json else f"{path} holds what {file} holds.{was}")
    return DONE


async def _fold(store: "Store", settings: Settings) -> None:
    """Read the evidence of every pair now, so that nobody waits for it at the first look."""
    from bot.app.app import utc_now
    from bot.app.evidence import Evidence

    evidence = Evidence(store, settings, utc_now)
    for first, second, duels in await evidence.pairs():
        _note(f"Reading the evidence of {duels:,} duels …")
        await evidence.verdict(evidence.scope((first, second)), (first, second))


async def _evaluate(file: Path, arms: str, as_json: bool, *, show: bool) -> int:
    from bot.api import evaluate_file
    from bot.evaluation.answers import answers_json, answers_shown
    from bot.evaluation.run import lines

    wanted = parse_arms(arms)
    found = await evaluate_file(file, arms=wanted, note=lambda note: _note(one_line(note)), done=_bar)
    answers = list(found.answers) if show else []
    if as_json:
        _json({**found.report, "answers": answers_json(found.rows, found.entrants, answers)} if show else found.report)
    else:
        shown = "\n".join(lines(found.report))
        _show(*answers_shown(found.rows, found.entrants, answers), printable(shown))
    return FAILED if any(one["failed"] for one in found.report["sides"].values()) else DONE


async def _aa(arm: str, duels: int, as_json: bool) -> int:
    from bot.tools.selfcheck import run_aa

    table = await run_aa(Settings.read().but(aa=arm), duels, _note)
    if as_json:
        _json(table)
    else:
        print(f"{printable(str(table['words']))}\n{'Passed.' if table['passed'] else 'Not passed: one of two equals is preferred.'}")
    return DONE if table["passed"] else FAILED


async def _alive(as_json: bool) -> int:
    """A dead adapter is an error of opening; this says how alive a living one is."""
    settings = Settings.read()
    lineup = await lineups.open_lineup(settings.engine, _note)
    try:
        adapter = lineup.kit.adapter
        if adapter is None:
            raise BadRequest("No adapter is set, so there is none to be alive. Set DUEL_ADAPTER.")
        alive = lineup.alive[adapter.digest]
    finally:
        await lineup.backend.aclose()
    if as_json:
        _json({"adapter": adapter.name, "version": adapter.version, "moved": alive.moved, "least": alive.least})
    else:
        moved = f"it moves next-token distributions by {alive.moved:.2g} (at least {alive.least:g} is needed)"
        print(printable(f"The adapter {adapter.name} {adapter.version} is alive: {moved}."))
    return DONE


def _bar(done: int, rows: int) -> None:
    """A progress bar on a terminal; nothing in a log."""
    if sys.stderr.isatty():
        filled = 30 * done // rows
        line = f"\r[{'━' * filled}{' ' * (30 - filled)}] {done:,} of {rows:,} rows"
        print(line, end="\n" if done == rows else "", file=sys.stderr, flush=True)


def _counted(rows: dict[str, int], what: str, as_json: bool) -> int:
    told = ", ".join(f"{count:,} {table}" for table, count in rows.items() if count)
    if as_json:
        _json(rows)
    else:
        print(printable(f"{what}: {told or 'nothing; the store is empty'}."))
    return DONE


def _bench(sizes: tuple[int, ...], as_json: bool) -> int:
    from bot.tools.bench import lines, run

    found = asyncio.run(run(sizes, _note))
    if as_json:
        _json([asdict(each) for each in found])
    else:
        print("\n".join(lines(found)))
    return DONE
