"""The command line of python -m engine: its verbs with their flags, what they do, and calls of them that work."""

import argparse
from typing import Any

from engine.commandline import program, verb, whole
from engine.contestants import Arm

ABOUT = "Answer requests with the base model under a prompt and with the fine-tuned adapter, side by side and without votes."
EXAMPLES = """
%(prog)s "The blue teapot arrived without its lid, order 52871. What now?"
%(prog)s --json "…" | jq .sides.tuned.text
%(prog)s --arms prompted,tuned,plain --file requests.jsonl
%(prog)s --file requests.csv --json > answers.jsonl
"""
FILES = """\
a file of requests is JSON lines, a JSON array or CSV, told by what it holds; every command reads the same rows:
  {"request": "What should we do?"}
  {"id": "2", "text": "And with 50?", "history": [{"role": "user", "text": "…"}, {"role": "assistant", "text": "…"}]}
  {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}, {"role": "user", "content": "…"}]}
request, text and prompt mean the same; a row without an id gets its number. What is not used here (references, tags, columns
of your own) is named once. The answers come in the order of the file. A request that cannot be asked (empty, too long, control
characters) is a failure of its own; a line that is no row stops everything before it begins.

--json writes {request, sides: {arm: {text, finish, contestant, usage, cost}}}, and for a file a line for every
request and arm: {id, arm, text, finish, contestant, usage, cost}; "failure": {kind, words} stands in place of text
and finish where there is no answer. Times are in seconds, costs in US dollars.
"""
SETTINGS = "The settings are environment variables (DUEL_BASE_MODEL, DUEL_ADAPTER …); .env.example lists them with their meaning.\n"


def parser() -> argparse.ArgumentParser:
    """Make the parser of python -m engine."""
    root = program("python -m engine", "The engine: a request in, an answer from each arm out.", SETTINGS)
    add_verbs(root.add_subparsers(dest="command", required=True, metavar="ask | bench"))
    return root


def add_verbs(verbs: Any) -> tuple[argparse.ArgumentParser, ...]:
    """Add the engine's verbs to a command line. Returns their parsers."""
    return _ask(verbs), _bench(verbs)


def _ask(verbs: Any) -> argparse.ArgumentParser:
    command = verb(verbs, "ask", ABOUT, EXAMPLES, FILES)
    command.add_argument("text", nargs="?", help="the request; - reads it from stdin")
    command.add_argument("--file", metavar="ROWS", help="answer every request of this file; - is stdin")
    command.add_argument("--arms", default="", metavar="ARM,…", help=f"who answers, of {', '.join(Arm)}; without it the two of a duel")
    command.add_argument("--json", action="store_true", help="write JSON, one line each, instead of a table for people")
    return command


def _bench(verbs: Any) -> argparse.ArgumentParser:
    command = verb(verbs, "bench", "Measure speed and memory, against the naive way.", "%(prog)s\n%(prog)s --rounds 1 --json")
    command.add_argument("--rounds", type=whole(1, 100), default=3, metavar="N", help="times that each request is answered (3)")
    command.add_argument("--json", action="store_true", help="write one JSON line instead of a table for people")
    return command
