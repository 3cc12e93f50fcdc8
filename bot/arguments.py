"""The command line of python -m bot: its verbs with their flags, what they do, and calls of them that work."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.commandline import program, verb, whole, wholes
from engine.contestants import Arm

ABOUT = "Prompt or fine-tune? Ask, get two blind answers, vote, see who was who. Without a verb: web."
AFTER = """\
The settings are environment variables, or lines of a file .env in this folder (DUEL_BASE_MODEL, DUEL_WEB_PORT,
DUEL_STORE_PATH …); .env.example lists them with their meaning.
"""
ROWS = """a row holds a request and what is expected of an answer; JSON lines, a JSON array or CSV, as every command reads them:
  {"request": "…", "reference": "…", "tags": ["billing"]}      exact match and token F1; a list of references: any
  {"request": "…", "pattern": "…"}                             a regular expression found in the answer
  {"request": "…", "schema": {"type": "object"}}               the answer is JSON that fits the schema
  {"request": "…", "required": ["…"], "forbidden": ["…"]}      share of phrases that are there, and not there
  {"messages": [… {"role": "assistant", "content": "…"}]}      the last answer is the reference
request, text and prompt mean the same, as do reference, answer and completion. Other keys are named once and not used.
"""


DECIDED_ROWS = """rows are JSON lines, a JSON array or CSV, as every command reads them:
  {"request": "…", "answer": "…"}               or messages, Alpaca, ShareGPT; "role": train, dev or test keeps a row for that
100 test rows are kept apart, or a quarter; below 150 rows there are none, and the report says what to label.
"""


def parser() -> argparse.ArgumentParser:
    """Make the parser of python -m bot."""
    root = program("python -m bot", ABOUT, f'{AFTER}Answers without votes: python -m engine ask "…"\n')
    verbs = root.add_subparsers(dest="command", title="verbs", metavar="VERB")
    add_fronts(verbs)
    add_verbs(verbs)
    return root


def add_fronts(verbs: Any) -> tuple[argparse.ArgumentParser, ...]:
    """Add what people use all day to a command line. Returns the parsers."""
    web = "The page in a browser, and Discord when DISCORD_TOKEN is set."
    return verb(verbs, "web", web, "%(prog)s\nDUEL_WEB_PORT=9000 %(prog)s"), verb(verbs, "chat", "The same in this terminal.", "%(prog)s")


def add_verbs(verbs: Any, bench: str = "bench") -> tuple[argparse.ArgumentParser, ...]:
    """Add the verbs beside the fronts to a command line. Returns their parsers.

    bench: the name of the verb that measures verdicts, where another verb is called bench.
    """
    added = (
        _decide(verbs),
        _verdict(verbs),
        _route(verbs),
        _simulate(verbs),
        _bench(verbs, bench),
        *_exchange(verbs),
        _evaluate(verbs),
        _aa(verbs),
        _alive(verbs),
    )
    for command in added:
        command.add_argument("--json", action="store_true", help="write one JSON object to stdout instead of lines for people")
    return added


def _decide(verbs: Any) -> argparse.ArgumentParser:
    command = verb(
        verbs,
        "decide",
        "From a file of examples to a decision: prompt or fine-tune? The rows are checked and split, both crafts are done at their "
        "best within the minutes, and all is measured on rows that neither has seen. The report is one page to send on. Stopped or "
        "killed, the same command goes on.",
        "%(prog)s tickets.csv\n%(prog)s rows.jsonl --minutes 30 --base Qwen/Qwen3-0.6B\n%(prog)s tickets.csv --metric line:Team --usd 0.05",
        DECIDED_ROWS,
    )
    command.add_argument("file", type=Path, metavar="ROWS", help="requests with the answers that are wanted")
    command.add_argument("--base", default="", help="base model: a name, a hub id or a folder (default: DUEL_BASE_MODEL)")
    command.add_argument("--minutes", type=_amount(2, 10_000), default=15.0, metavar="N", help="for everything (default 15)")
    command.add_argument("--usd", type=_amount(0, 1e6), default=None, metavar="N", help="the same in dollars, at the device's price")
    command.add_argument("--metric", default="", help="exact, json, f1 or line:NAME (default: guessed from the answers, and said)")
    command.add_argument("--recipe", default="", help="where the prompt's search begins (default: at one written from the rows)")
    command.add_argument("--margin", type=_amount(0.1, 50), default=10.0, metavar="POINTS", help="differences below count as none (10)")
    command.add_argument("--seed", type=whole(0, 2**31 - 1), default=0, metavar="N", help="of the search and the training (0)")
    command.add_argument("--name", default="", help="of the decision (default: the file's)")
    command.add_argument("--out", type=Path, default=Path("decisions"), help="where decisions come to lie (default: decisions)")
    command.add_argument("--tied", action="store_true", help="end in order when standard input closes, as a job of the bot does")
    return command


def _amount(least: float, most: float) -> Callable[[str], float]:
    """Make the type of a flag that takes a number from `least` to `most`."""

    def checked(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number from {least:g} to {most:,g}")
        return number

    return checked


def _verdict(verbs: Any) -> argparse.ArgumentParser:
    command = verb(
        verbs,
        "verdict",
        "The verdict of the store: which technique to use, how sure that is, and the decision card. It needs no model and works "
        "beside a running Duelbot. Choose tag and period before you look; each has an error rate of its own.",
        "%(prog)s\n%(prog)s --tag billing --days 30\n%(prog)s --json | jq .words",
    )
    command.add_argument(
        "--pair", type=whole(1, 10_000), default=1, metavar="N", help="the pair that met last (1, the default), before (2) …"
    )
    command.add_argument("--team", help="duels of this team alone, by the number that Discord gives a server")
    command.add_argument("--tag", help="duels with this tag alone")
    command.add_argument("--days", type=whole(1, 36_500), metavar="N", help="votes closed since midnight (UTC), so many days ago")
    return command


def _route(verbs: Any) -> argparse.ArgumentParser:
    command = verb(
        verbs,
        "route",
        "What share of requests become duels, and who answers the others alone. Without a flag it shows that, what the verdict "
        "proposes, and every change with who made it; then it works beside a running Duelbot. Changes need the store for "
        "themselves: while Duelbot runs, make them on its page (/route), in the chat or with /settings on Discord. Keys let a team's own "
        "program ask: docs/route.md.",
        "%(prog)s\n%(prog)s --share 0.1 --winner tuned\n%(prog)s --share 0.3 --tag billing\n%(prog)s --back\n%(prog)s --new-key triage",
    )
    command.add_argument("--team", default="", help="of this team, by the number that Discord gives a server (default: page and terminal)")
    command.add_argument("--tag", default="", help="for requests with this tag alone")
    command.add_argument(
        "--share", type=_amount(0, 1), default=None, metavar="N", help="of requests become duels, 0 to 1; 0.1 after a verdict"
    )
    command.add_argument("--winner", default="", metavar="ARM", help="who answers the others: an arm or a contestant's id")
    command.add_argument("--reason", default="", metavar="WORDS", help="why; kept with the change")
    command.add_argument("--back", action="store_true", help="change back what was changed last")
    command.add_argument("--drop", action="store_true", help="have the tag go by the share of all requests again")
    command.add_argument("--keys", action="store_true", help="list the keys of programs")
    command.add_argument("--new-key", default="", metavar="NAME", help="make a key for a program; it is shown once")
    command.add_argument("--end-key", default="", metavar="NAME", help="end a key")
    for limit, meaning in (("in-flight", "at the same time"), ("per-minute", "in a minute"), ("per-day", "in 24 hours")):
        command.add_argument(f"--{limit}", type=whole(1, 10**9), default=0, metavar="N", help=f"requests of the new key {meaning}")
    command.add_argument(
        "--usd-per-day", type=_amount(0, 1e6), default=None, metavar="N", help="dollars that the new key's answers may cost"
    )
    return command


def _simulate(verbs: Any) -> argparse.ArgumentParser:
    command = verb(
        verbs,
        "simulate",
        "How often the verdict is wrong. Simulates teams that look after every duel, and counts wrong verdicts; "
        "exit status 1 when a bar does not hold.",
        "%(prog)s --quick\n%(prog)s --seed 7 --json\n%(prog)s --routes",
    )
    command.add_argument(
        "--routes", action="store_true", help="teams that answer with the winner: what it costs, how soon a change is seen (docs/route.md)"
    )
    command.add_argument("--quick", action="store_true", help="2,000 teams, within half a minute; without it 10,000")
    command.add_argument(
        "--seed", type=whole(0, 2**63 - 1), default=20261122, metavar="N", help="of the random numbers (default %(default)s)"
    )
    return command


def _bench(verbs: Any, name: str) -> argparse.ArgumentParser:
    command = verb(
        verbs,
        name,
        "How long a verdict takes as the store grows.",
        "%(prog)s\n%(prog)s --sizes 1000,10000 --json",
    )
    command.add_argument("--sizes", type=wholes(2, 5_000_000), default=(10_000, 200_000), metavar="N,…", help="duels, five ballots each")
    return command


def _exchange(verbs: Any) -> tuple[argparse.ArgumentParser, ...]:
    out = verb(
        verbs,
        "export",
        "The team's tables, or its preference pairs. Works beside a running Duelbot; DUEL_STORE_PATH names the store.",
        "%(prog)s --out team.jsonl\n%(prog)s --format dpo --out pairs.jsonl",
    )
    out.add_argument("--format", choices=("jsonl", "csv", "dpo"), default="jsonl", help="csv writes a folder; dpo pairs for training")
    out.add_argument("--out", type=Path, required=True, help="the file or folder to write; nothing is written over")
    back = verb(
        verbs,
        "import",
        "Read what export wrote (jsonl or csv) into an empty store.",
        "DUEL_STORE_PATH=./new.sqlite3 %(prog)s team.jsonl",
    )
    back.add_argument("source", type=Path)
    back.add_argument("--unsealed", action="store_true", help="also what does not end with its seal: edited, cut, or of an early version")
    copy = verb(
        verbs,
        "backup",
        "Copy the store to a file, also while Duelbot uses it. The copy is checked and on the disk before it gets its name.",
        "%(prog)s /backups/duels.sqlite3\n%(prog)s --over duels.copy",
    )
    copy.add_argument("file", type=Path)
    copy.add_argument("--over", action="store_true", help="replace the file if it is there")
    restore = verb(
        verbs,
        "restore",
        "Put a copy that backup made in the place of the store. Stop Duelbot first; the store that was there is kept beside it.",
        "%(prog)s /backups/duels.sqlite3",
    )
    restore.add_argument("file", type=Path)
    return out, back, copy, restore


def _evaluate(verbs: Any) -> argparse.ArgumentParser:
    command = verb(
        verbs,
        "evaluate",
        "Answer and score a file of rows with references. Every row is answered by every arm and scored, and the pair's result stands "
        "on its decision card beside the votes. Broken off, the same call goes on where it stopped, and asks again what failed; exit "
        "status 1 when a row has failed. Needs the store for itself: stop the bot first.",
        "%(prog)s --file rows.jsonl\n%(prog)s --file rows.csv --arms prompted,tuned,plain --show",
        ROWS,
    )
    command.add_argument("--file", type=Path, required=True, metavar="ROWS")
    command.add_argument("--arms", default="", metavar="ARM,…", help=f"of {', '.join(Arm)}; without it the two of a duel")
    command.add_argument("--show", action="store_true", help="print every answer beside its reference, before the scores")
    return command


def _aa(verbs: Any) -> argparse.ArgumentParser:
    command = verb(
        verbs,
        "aa",
        "One arm against itself: the verdict must be no difference. Asks made-up requests, with the same contestant on both sides and "
        "three made-up voters, in a temporary store. DUEL_AA=prompted does the same with real voters on the page. Exit status 1 when a "
        "copy is preferred.",
        "%(prog)s\n%(prog)s --arm tuned --duels 20",
    )
    command.add_argument("--arm", choices=list(Arm), default=Arm.PROMPTED)
    command.add_argument("--duels", type=whole(1, 10_000), default=60, metavar="N", help="how many are asked (60)")
    return command


def _alive(verbs: Any) -> argparse.ArgumentParser:
    return verb(
        verbs,
        "alive",
        "Whether the adapter is alive. A dead one never duels; DUEL_ALIVE_DIFFERENCE sets the bar.",
        "%(prog)s\nDUEL_ADAPTER=./my-lora DUEL_BASE_MODEL=./my-base %(prog)s --json",
    )
