"""`python -m adapters train`: rows become an adapter."""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adapters.train.runs import BadRun, WorkFolder
from engine.commandline import DONE, FAILED, INTERRUPTED, complain, verb, whole
from engine.printable import printable
from engine.settings import EngineSettings

LAST_STEP_S = 60.0  # seconds that such a step may take
METHODS = "sft: learn the answers of rows (default); dpo: pairs, chosen and rejected; kto: pairs, or answers with good true or false"
STOPS = (signal.SIGINT, signal.SIGTERM)


def add_verb(verbs: Any) -> None:
    """Add `train` to the verbs of `python -m adapters`."""
    train = verb(
        verbs,
        "train",
        "Train a LoRA adapter on rows: requests with their answers, or with those that people chose and rejected. Ctrl+C keeps a "
        "checkpoint, and --resume goes on from it.",
        "%(prog)s rows.jsonl --base ./my-base --name support\n%(prog)s rows.csv --plan quick\n"
        "%(prog)s pairs.jsonl --method dpo --from loras/support-1\n%(prog)s --resume --name support",
    )
    train.add_argument("file", nargs="?", type=Path, help="JSON lines, JSON array or CSV; left out with --resume")
    train.add_argument("--name", default="", help="of the adapter (default: the file's)")
    train.add_argument("--base", default="", help="base model: a name, a hub id or a folder (default: DUEL_BASE_MODEL)")
    train.add_argument(
        "--recipe", default="", help="plain recipe to learn with: a shipped name or a .toml file (default: DUEL_PLAIN_RECIPE)"
    )
    train.add_argument(
        "--engineered",
        default="",
        metavar="RECIPE",
        help="engineered recipe to measure on the same held-out rows, or none (default: DUEL_RECIPE)",
    )
    train.add_argument("--method", choices=("sft", "dpo", "kto"), default="", help=METHODS)
    train.add_argument("--plan", default="", help="quick, standard, gpu or a .toml file (default: gpu where there is one, else standard)")
    train.add_argument("--from", dest="parent", type=Path, metavar="ADAPTER", help="adapter folder to begin with; its shape stays")
    train.add_argument("--resume", action="store_true", help="go on with the run of this --name")
    train.add_argument("--work", type=Path, default=Path("build/train"), help="where runs keep their state (default: build/train)")
    train.add_argument("--out", type=Path, help="where finished adapters come to lie (default: DUEL_ADAPTERS)")
    train.add_argument("--json", action="store_true", help="print one JSON object at the end, and no progress")
    train.add_argument("--tied", action="store_true", help="stop when standard input closes, for programs that begin this")


def add_estimate(verbs: Any) -> None:
    """Add `estimate` to the verbs of `python -m adapters`."""
    told = verb(
        verbs,
        "estimate",
        "What will a training take here, and will it pay? Its parts are timed, and a probe tells what the rows are good for.",
        "%(prog)s rows.jsonl --base ./my-base\n%(prog)s rows.csv --prompt-right 39",
    )
    told.add_argument("file", type=Path, help="JSON lines, JSON array or CSV")
    told.add_argument("--base", default="", help="base model: a name, a hub id or a folder (default: DUEL_BASE_MODEL)")
    told.add_argument(
        "--recipe", default="", help="plain recipe to learn with: a shipped name or a .toml file (default: DUEL_PLAIN_RECIPE)"
    )
    told.add_argument(
        "--engineered", default="", metavar="RECIPE", help="engineered recipe that the training will measure, too (default: DUEL_RECIPE)"
    )
    told.add_argument("--plan", default="", help="quick, standard or a .toml file (default: standard)")
    told.add_argument("--prompt-right", type=_percent, metavar="PERCENT", help="share of such requests that your prompt answers right")
    told.add_argument("--pilot", action="store_true", help="train on a quarter and on half of the rows, which tells of free text, too")
    told.add_argument("--probe", type=whole(12, 100_000), default=800, metavar="ROWS", help="rows at most that the probe looks at (800)")
    told.add_argument("--json", action="store_true", help="print one JSON object")


def _percent(text: str) -> float:
    """Read a share in percent."""
    try:
        share = float(text.removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a percentage from 0 to 100")
    return share


def run_estimate(chosen: argparse.Namespace) -> int:
    """Estimate, as `add_estimate`'s arguments say. Returns the exit status."""
    import json
    from dataclasses import asdict

    from adapters.train.estimate import estimate, told
    from adapters.train.ordering import Wish
    from adapters.train.paying import will_it_pay

    wish = Wish(file=chosen.file, base=chosen.base, recipe=chosen.recipe, plan=chosen.plan, engineered=chosen.engineered)
    started_s = time.process_time()  # this process's imports, as the training's begins with them
    found = estimate(wish, EngineSettings.read(), chosen.probe, piloted=chosen.pilot, started_s=started_s)
    if chosen.json:
        print(json.dumps(asdict(found) | {"words": will_it_pay(found.points, found.rows, chosen.prompt_right)}))
    else:
        print(printable("\n".join(told(found, chosen.prompt_right))))
    return DONE


def run(chosen: argparse.Namespace) -> int:
    """Train, as `add_verb`'s arguments say. Returns the exit status."""
    # torch and transformers take seconds to import: not for --help or another verb.
    from adapters.train.ordering import Wish, ordered
    from adapters.train.showing import as_json, sentences, shown_progress
    from adapters.train.training import TrainingFailed, train

    settings = EngineSettings.read()
    out = chosen.out or Path(settings.adapters)
    wish = Wish(
        file=chosen.file,
        name=chosen.name,
        base=chosen.base,
        recipe=chosen.recipe,
        plan=chosen.plan,
        parent=chosen.parent,
        resume=chosen.resume,
        work=chosen.work,
        out=out,
        engineered=chosen.engineered,
        method=chosen.method,
    )
    with _stopped() as stopped:
        if chosen.tied:
            _tie(stopped)
        order, work = ordered(wish, settings)
        if chosen.tied:
            _wait_alone(work)
        try:
            with shown_progress(not chosen.json) as tell:
                made = train(order, work, settings, tell, lambda: bool(stopped))
        except TrainingFailed as error:
            return complain(error.words, FAILED)
    if made is None:
        where = work.status()
        said = where.words if where else "Stopped."
        return complain(f"{said} To go on: --resume --name {order.name} --work {chosen.work}", INTERRUPTED)
    print(printable(as_json(made) if chosen.json else "\n".join(sentences(made))))
    return DONE


def _wait_alone(work: WorkFolder) -> None:
    """Wait while a process whose program has ended is still in its last step."""
    until = time.monotonic() + LAST_STEP_S
    while time.monotonic() < until:
        try:
            with work.alone():
                return
        except BadRun:
            time.sleep(0.2)


def _tie(came: list[int]) -> None:
    """Wish a stop when standard input closes; nothing that is written there counts."""

    def wait() -> None:
        while os.read(0, 1 << 16):  # not by sys.stdin: its lock, held here, would abort Python at its end
            pass
        came.append(signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def _stopped() -> Iterator[list[int]]:
    """Note a wish to stop instead of ending at once. Yields the list of the signals that came; a second one ends at once."""
    came: list[int] = []

    def note(number: int, _frame: object) -> None:
        if came:
            raise KeyboardInterrupt
        came.append(number)
        sys.stderr.write("Stopping after this step.\n")

    before = {number: signal.signal(number, note) for number in STOPS}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
