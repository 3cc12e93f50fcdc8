"""One step after the other: check, split, foretell, both crafts, measure, change, report. Each writes its result and is not done again.

A step that comes to nothing leaves a sentence and the rest goes on: no adapter, then the prompt against the plain base.
"""

import asyncio
import json
import math
import shutil
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from adapters.data.check import RowsCheck, check_rows
from adapters.data.reading import read_file, write_rows
from adapters.data.report import as_json as check_json
from adapters.data.rows import answered
from adapters.train.runs import WorkFolder
from bot.deciding.budget import MOST_EPOCHS, CraftBudget, craft_budget, epochs_within, split_words, within_budget
from bot.deciding.change import ROW_PASSES, ClassChange, chosen, rows_to_learn
from bot.deciding.children import ChildPlace, DecisionStopped, run_child, run_for_json
from bot.deciding.classes import classes_for
from bot.deciding.measured import read_answers
from bot.deciding.order import BadDecision, DecisionFolder, DecisionStatus, StepStatus
from bot.words import counted, seconds
from engine.errors import DuelbotError
from engine.processors import count_free
from engine.recipe_text import toml_of
from engine.recipes import load_recipe
from engine.rows import Row, read_rows
from engine.scoring import Metric, guess_kind, key_of, metric_named
from engine.settings import EngineSettings

STEPS = ("check", "foretell", "prompt", "fine-tune", "measure", "change")
CRAFTS = ("prompt", "fine-tune")
LEAST_FORETELL_S = 60.0  # seconds that a probe may take, however short the decision is
LEAST_PROBED = 12  # rows of a probe of which only the timing is looked at
PROBED_ROWS = 200  # at most, of which it is foretold whether a fine-tune pays
PROBED_CHARACTERS = 30_000  # of these rows, some 12,000 tokens with the template: what two cores read within about a minute
ALONE = ("--recipe", "plain", "--engineered", "none")  # of a training: the other arms are measured here, on the test rows
BATCH_ROWS = 8  # rows of a step of the standard plan
UNMEASURED = '[run]\nmeasure = "{}"  # the test rows are, by all arms\n'
CHANGED_S = 55.0  # seconds of the change beside its training: loading, and asking
MEASURED_BY = 0.95  # share of the minutes, at which the change begins at the latest
Tell = Callable[[DecisionStatus], None]


class Deciding:
    """A decision while it is made."""

    def __init__(self, folder: DecisionFolder, settings: EngineSettings, tell: Tell) -> None:
        self.folder, self.order, self.settings, self._tell = folder, folder.order(), settings, tell
        minutes = within_budget(self.order.minutes, self.order.usd, settings.price.usd_per_hour)
        self.budget: CraftBudget = craft_budget(minutes, settings.price.usd_per_hour)
        self.limit_s = minutes * 60
        self._training_place = ChildPlace(self.order.base, settings.threads or count_free())
        before = folder.status()
        known = {step.name: step for step in before.steps} if before else {}
        self.steps = {name: known.get(name, StepStatus(name)) for name in STEPS}

    async def run(self) -> None:
        """Do every step that is not done. Raises DecisionStopped, and BadDecision where the rows cannot be decided on."""
        doing: dict[str, Callable[[], Awaitable[str]]] = {
            "check": self._check,
            "foretell": self._foretell,
            "prompt": self._prompt,
            "fine-tune": self._tune,
            "measure": self._measure,
            "change": self._change,
        }
        if self.folder["rows.jsonl"].is_file() and not self.folder["known.jsonl"].is_file():
            self._write_known()  # of a decision that was begun before this file was written
        for name in STEPS:
            if self.steps[name].state not in ("done", "skipped"):
                await self._step(name, doing[name])
                if name in CRAFTS and self.steps[name].state == "done":
                    self._measure_anew()

    def _measure_anew(self) -> None:
        """A side is there now that was not measured: what was measured without it is of no use."""
        for name in ("measure", "change"):
            self.steps[name] = replace(self.steps[name], state="waiting", words="", part=None)
        for file in ("answers.jsonl", "alone.jsonl", "change.json", "changed-asked.json"):
            self.folder[file].unlink(missing_ok=True)

    async def _step(self, name: str, do: Callable[[], Awaitable[str]]) -> None:
        before_s, began = self.steps[name].spent_s, time.monotonic()

        def now(**more: Any) -> None:
            self.steps[name] = replace(self.steps[name], spent_s=before_s + time.monotonic() - began, **more)
            self.tell()

        self._now = now
        now(state="running", words="", part=None)
        try:
            words = await do()
        except NotApplicable as error:
            now(state="skipped", words=error.words, part=None)
        except (DecisionStopped, asyncio.CancelledError):
            now(state="waiting", part=None)
            raise
        except DuelbotError as error:
            ends = name == "check"  # its sentence is the decision's, and is said once
            now(state="failed", words="" if ends else error.words, part=None)
            if ends:
                raise
        else:
            now(state="done", words=words, part=1.0)

    def tell(self, *, ended: bool = False, words: str = "") -> None:
        """Write down how far it is, and tell whoever looks."""
        status = DecisionStatus(tuple(self.steps.values()), ended, words)
        self.folder.tell(status)
        self._tell(status)

    @property
    def spent_s(self) -> float:
        """Seconds that have gone into it."""
        return sum(step.spent_s for step in self.steps.values())

    # --- the steps: each returns a sentence

    async def _check(self) -> str:
        order = self.order
        checked: RowsCheck = await asyncio.to_thread(lambda: check_rows(read_file(Path(order.file))))
        self.folder.write("check.json", check_json(checked))
        empty = [row.line for row in checked.rows.rows if not answered(row)]
        if empty:
            raise BadDecision(f"Line {empty[0]:,} of {order.file} has no answer ({len(empty):,} rows in all): give each its wanted answer.")
        if checked.wrong:
            raise BadDecision(
                f"A decision on these rows would be wrong: {_wrongs(checked)}. Look with: duelbot data check {order.file}; "
                "--accept KIND --write FILE makes a clean file."
            )
        if words := not_scored(checked.rows.rows, metric_named(order.metric)):
            raise BadDecision(words)
        assert checked.split is not None  # else two roles were found, which is wrong
        with suppress(FileNotFoundError):
            self.folder["rows.jsonl"].unlink()
        write_rows(self.folder["rows.jsonl"], checked.rows.rows, checked.split.roles, checked.split.folds)
        self._write_known()
        counts = checked.split.counts
        parts = ", ".join(f"{counts[role]:,} {role}" for role in ("train", "example", "dev", "test") if counts[role])
        kind = guess_kind([answered(row) for row in checked.rows.rows])
        return f"{counted(len(checked.rows.rows), 'row')}, answers: {kind}; {parts}. {split_words(self.budget)}"

    async def _foretell(self) -> str:
        limit_s = max(LEAST_FORETELL_S, self.budget.minutes * 60)
        try:
            async with asyncio.timeout(limit_s):
                found = await run_for_json(self._estimating(self._probed()), self._training_place, self._log("foretell"), self._look)
        except TimeoutError as error:
            raise NotApplicable(f"To foretell what a fine-tune would reach took longer than {seconds(limit_s)}, so it was left.") from error
        self.folder.write("foretold.json", found)
        if not found["points"]:
            return "The answers are no closed set, so nothing is foretold of what a fine-tune would reach."
        now = found["points"][-1]
        return f"A fine-tune of {now['rows']:,} rows would be right on about {now['right']:.0%} ({now['least']:.0%} to {now['most']:.0%})."

    async def _prompt(self) -> str:
        order, budget = self.order, self.budget
        arguments = [
            *("-m", "engine", "optimise", order.recipe or "new", "--rows", str(self.folder["known.jsonl"]), "--metric", order.metric),
            *("--calls", str(budget.calls), "--minutes", f"{budget.minutes:.2f}", "--seed", str(order.seed), "--test", "0"),
            *("--state", str(self.folder["optimise"]), "--write", str(self.folder["found.toml"]), "--json"),
        ]
        self.folder["found.toml"].unlink(missing_ok=True)
        found = await run_for_json(arguments, ChildPlace(order.base), self._log("prompt"), self._look)
        self.folder.write("prompt.json", found)
        _write_named(self.folder["found.toml"], order.name, self.folder["recipe.toml"])
        dev, outlay = found["dev"], found["outlay"]
        right = f" {dev['mean']:.0%} of {dev['rows']:,} dev rows, where it was chosen." if dev else " no dev row was answered in time."
        looks = f" and {outlay['looks']:,} looks" if outlay.get("looks") else ""
        return f"{len(found['trail']):,} candidates, {outlay['calls']:,} answers{looks};{right}"

    async def _tune(self) -> str:
        work = WorkFolder(self.folder["train"] / self.order.name)

        def look() -> None:
            if status := work.status():
                self._now(words=status.words or f"{status.phase}", part=status.step / status.steps if status.steps else None)

        arguments = ["-m", "adapters", "train", *await self._training(work)]
        arguments += ["--work", str(self.folder["train"]), "--out", str(self.folder["made"]), "--json"]
        if work.begun:
            arguments = [*arguments[:3], "--resume", "--name", self.order.name, *arguments[-5:]]
        made = await run_for_json(arguments, self._training_place, self._log("fine-tune"), look)
        self.folder.write("fine-tune.json", made)
        shutil.rmtree(self.folder["adapter"], ignore_errors=True)
        shutil.copytree(made["folder"], self.folder["adapter"])
        training = made["training"]
        short = ""
        if training["not_finished"]:
            most = round(training["steps"] * BATCH_ROWS / training["examples"]) >= MOST_EPOCHS
            short = " It is not finished" + ("." if most else ": more --minutes would let it learn longer.")
        return f"{training['examples']:,} rows, {training['steps']:,} steps; loss {training['loss']:.3f} at the end.{short}"

    async def _training(self, work: WorkFolder) -> list[str]:
        """Write the flags of a new training, which learns its rows as often as the budget lets it.

        The machine may have been busy when it was foretold, so a training is cut only where it is foretold twice.
        """
        order = self.order
        plan = self.folder["plan.toml"]
        flags = [str(self.folder["known.jsonl"]), "--name", order.name, "--base", order.base, *ALONE, "--plan", str(plan)]
        if not plan.is_file():
            plan.write_text(self._plan("forgetting"))
        if not self.folder["foretold.json"].is_file() or work.begun:
            return flags
        foretold = self.folder.read("foretold.json")
        usual = round(foretold["steps"] / math.ceil(foretold["rows"] / BATCH_ROWS))
        epochs = self._epochs(foretold, usual)
        if epochs < usual:
            again = await run_for_json(self._estimating(LEAST_PROBED), self._training_place, self._log("fine-tune"), self._look)
            foretold = min((foretold, again), key=lambda each: float(each["seconds"]["value"]))
            epochs = self._epochs(foretold, usual)
        takes = f"{usual:,} epochs would take {foretold['seconds']['value'] / 60:.1f} minutes, the budget is {self.budget.minutes:.1f}"
        plan.write_text(f"{self._plan('forgetting')}# {takes}.\n[steps]\nepochs = {epochs}\n")
        return flags

    def _plan(self, measure: str) -> str:
        """Write a training's plan: how much it measures, and the line by which an answer is right, if it is one."""
        line = metric_named(self.order.metric).line
        return UNMEASURED.format(measure) + (f"[focus]\nline = {json.dumps(line, ensure_ascii=False)}\n" if line else "")

    def _epochs(self, foretold: dict[str, Any], usual: int) -> int:
        return epochs_within(self.budget, foretold["seconds"]["value"], foretold.get("step_s", 0.0), foretold["steps"], usual)

    def _probed(self) -> int:
        """Count the rows that are read to foretell, fewer where they are long."""
        learned = [len(row.text) + len(answered(row)) for row in self._rows() if row.role == "train"]
        return max(LEAST_PROBED, min(PROBED_ROWS, PROBED_CHARACTERS * len(learned) // max(1, sum(learned))))

    def _estimating(self, probed: int) -> list[str]:
        """Write the command that foretells a training, and reads so many rows for what it will reach."""
        plan = self.folder["plan.toml"]
        plan.write_text(self._plan("forgetting"))
        arguments = ["-m", "adapters", "estimate", str(self.folder["known.jsonl"]), "--base", self.order.base, *ALONE]
        return [*arguments, "--plan", str(plan), "--probe", str(probed), "--json"]

    async def _measure(self) -> str:
        if not any(row.role == "test" for row in self._rows()):
            raise NotApplicable("There are no test rows, so nothing is measured on rows that no side has seen.")
        if not (self.folder["recipe.toml"].is_file() or self.folder["adapter"].is_dir()):
            raise BadDecision("There is neither a prompt nor a fine-tune to measure.")
        change_s = self._change_s() or 0.0
        left_s = self.limit_s * MEASURED_BY - self.spent_s - change_s
        total = sum(row.role == "test" for row in self._rows())

        def look() -> None:
            done = len(read_answers(self.folder["answers.jsonl"]))
            self._now(words=f"{done:,} of {total:,} test rows", part=done / total)

        arguments = ["-m", "bot.deciding.asking", str(self.folder.path), f"{max(left_s, 20):.0f}", f"{change_s:.0f}"]
        await run_child(arguments, ChildPlace(self.order.base), self._log("measure"), look)
        return f"{len(read_answers(self.folder['answers.jsonl'])):,} of {total:,} test rows answered."

    async def _change(self) -> str:
        change, seconds = self._to_change(), self._change_s()
        if change is None or seconds is None:
            raise NotApplicable("No change was tried: that takes a class with test rows, a prompt and a fine-tune.")
        if self.limit_s - self.spent_s < 0.5 * seconds:
            raise NotApplicable(
                "No small change was tried on both sides: the time for it was needed to measure. More --minutes leave room for it."
            )
        rows = self._rows()
        learned = rows_to_learn(rows, self._classes(), change, self.order.seed)
        (self.folder["changed.jsonl"]).unlink(missing_ok=True)
        write_rows(self.folder["changed.jsonl"], [replace(row, role="train") for row in learned])
        self.folder["changed.toml"].write_text(change.in_text(self.folder["recipe.toml"].read_text(encoding="utf-8")), encoding="utf-8")
        self.folder["changed-plan.toml"].write_text(
            f"{self._plan('none')}[steps]\nrow_passes_least = {ROW_PASSES}\nrow_passes_most = {ROW_PASSES}\n"
        )
        for left in ("changed", "changed-made"):
            shutil.rmtree(self.folder[left], ignore_errors=True)
        began = time.monotonic()
        arguments = [
            *("-m", "adapters", "train", str(self.folder["changed.jsonl"]), "--name", "changed", "--base", self.order.base),
            *(*ALONE, "--plan", str(self.folder["changed-plan.toml"]), "--from", str(self.folder["adapter"])),
            *("--work", str(self.folder["changed"]), "--out", str(self.folder["changed-made"]), "--json"),
        ]
        made = await run_for_json(arguments, self._training_place, self._log("change"), self._look)
        self.folder.write("change.json", asdict(change) | {"adapter": made["folder"], "trained_s": time.monotonic() - began})
        await run_child(
            ["-m", "bot.deciding.asking", str(self.folder.path), "changed"], ChildPlace(self.order.base), self._log("change"), self._look
        )
        return f"“{change.old}” was named “{change.new}” on both sides."

    def _write_known(self) -> None:
        """Write the rows that both crafts may look at: all but the test rows, which are read once, by the measuring."""
        self.folder["known.jsonl"].unlink(missing_ok=True)
        write_rows(self.folder["known.jsonl"], [row for row in self._rows() if row.role != "test"])

    # --- what the steps look at

    def _rows(self) -> list[Any]:
        path = self.folder["rows.jsonl"]
        return list(read_rows([path.read_bytes()], path.name).rows)

    def _classes(self) -> list[str]:
        """The class of each row: what the metric looks at, by the field of JSON answers that tells most apart."""
        return classes_for(self.order, [answered(row) for row in self._rows()])

    def _to_change(self) -> ClassChange | None:
        if not (self.folder["recipe.toml"].is_file() and self.folder["adapter"].is_dir()):
            return None
        return chosen(self._classes(), [row.role for row in self._rows()])

    def _change_s(self) -> float | None:
        """Seconds that the change will take, about: as the training did, by its row passes, and loading."""
        if self._to_change() is None:
            return None
        spent_s, steps = self.steps["fine-tune"].spent_s, int(self.folder.read("fine-tune.json")["training"]["steps"])
        return CHANGED_S + spent_s * min(1.0, ROW_PASSES / max(1, steps * BATCH_ROWS))

    def _look(self) -> None:
        self._now()

    def _log(self, step: str) -> Path:
        return self.folder[f"{step.replace(' ', '-')}.log"]


def _write_named(found: Path, name: str, path: Path) -> None:
    """Write the recipe that was found under the decision's name; what its head says of the search stays."""
    head = [line for line in found.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    new = path.with_suffix(".new")
    new.write_text("\n".join([*head, toml_of(replace(load_recipe(str(found)), name=name, version="1"))]), encoding="utf-8")
    new.replace(path)


class NotApplicable(DuelbotError):
    """A step that does not apply here."""


def not_scored(rows: Sequence[Row], metric: Metric) -> str:
    """Say why a metric cannot tell right from wrong on these rows; "" where it can."""
    wrong = [row.line for row in rows if metric.score(answered(row), row.references) < 1]
    if wrong:
        return (
            f"By this metric ({metric.words}) the wanted answer of line {wrong[0]:,} is itself not right "
            f"({counted(len(wrong), 'row')} in all): take another --metric, and another --name."
        )
    if len(rows) > 1 and len({key_of(metric, answered(row)) for row in rows}) == 1:
        return "All rows want the same answer, so there is nothing to decide: whoever always gives it is right. Add rows of other answers."
    return ""


def _wrongs(checked: RowsCheck) -> str:
    """Count what is wrong by its kind, with the first lines."""
    wrong = [finding for finding in checked.findings if finding.wrong]
    counts = Counter(finding.kind for finding in wrong)
    first = {kind: next(finding for finding in wrong if finding.kind is kind) for kind in counts}
    return "; ".join(
        f"{counted(count, kind.value)} (lines {' and '.join(f'{line:,}' for line in checked.lines(first[kind])[:3])}…)"
        for kind, count in counts.items()
    )
