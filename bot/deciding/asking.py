"""The test rows asked, in a process of its own: all arms together, until the rows or the seconds are over; then each arm alone.

python -m bot.deciding.asking FOLDER SECONDS MORE: the rows come in an order that their content gives, so a measuring that ends early has
measured a random part of them, and one that was broken off goes on where it stopped. The plain base and both together are asked no more
once another arm is proven better, by the claims that the report makes: what that saves goes to rows of the two crafts. MORE seconds are
taken only while it is not settled which craft is better. With the word changed in place of the seconds, the rows of a class that got
another name are asked of both changed sides.
"""

import asyncio
import hashlib
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.deciding.change import ClassChange, rows_to_test
from bot.deciding.classes import classes_for
from bot.deciding.gaps import beaten, compared
from bot.deciding.measured import ArmAnswer, RowAnswers, cut_off, read_answers, scores
from bot.deciding.order import DecisionFolder, DecisionOrder
from bot.evidence.decision import State
from engine.ask import checked
from engine.commandline import DONE, ended
from engine.contestants import Arm, Contestant
from engine.duel import Answer, Failure, answer_each, prompt_of, seed_of
from engine.lineup import Lineup, base_folder, open_lineup, with_adapter
from engine.recipes import load_recipe
from engine.rows import Row, read_rows
from engine.scoring import metric_named
from engine.settings import EngineSettings

ALONE_ROWS = 12  # rows that each arm answers alone
TOGETHER = 0.85  # share of the time for all arms together; then each answers alone
CONTROLS = (Arm.PLAIN, Arm.COMBINED)  # asked until another is proven better; the two crafts are what the decision is about
LEAST_ROWS = 10  # rows that are measured whatever the clock says: below these no interval is shown


def test_rows(path: Path) -> list[Row]:
    """Read the test rows in the order in which they are measured. Raises BadRequest."""
    rows = [row for row in read_rows([path.read_bytes()], path.name).rows if row.role == "test"]
    return sorted(rows, key=lambda row: hashlib.sha256(row.text.encode(errors="replace")).digest())


def decided_settings(order: DecisionOrder, folder: DecisionFolder, settings: EngineSettings) -> EngineSettings:
    """Make the settings under which what a decision has made answers.

    Where a side is missing the base goes by its folder: by its name, the pair that ships with it would take the empty place.
    """
    adapter = str(folder["adapter"]) if folder["adapter"].is_dir() else ""
    recipe = str(folder["recipe.toml"]) if folder["recipe.toml"].is_file() else ""
    base = order.base if adapter and recipe else str(base_folder(order.base))
    return settings.but({"base_model": base, "adapter": adapter, "recipe": recipe, "plain_recipe": "plain", "arms": "", "aa": ""})


def arms_of(lineup: Lineup) -> dict[Arm, Contestant]:
    """Make the contestants of all arms that what was made allows."""
    kit = lineup.kit
    wanted = [arm for arm in Arm if (kit.engineered or not arm.engineered) and (kit.adapter or not arm.adapted)]
    return {arm: kit.contestant(arm) for arm in wanted}


async def ask_test(folder: DecisionFolder, limit_s: float, more_s: float) -> None:
    """Answer the test rows that are not answered yet, for limit_s seconds, and for more_s more while nothing is settled.

    Raises DuelbotError.
    """
    order = folder.order()
    began, settings = time.monotonic(), decided_settings(order, folder, EngineSettings.read())
    rows = test_rows(folder["rows.jsonl"])
    lineup = await open_lineup(settings)
    try:
        asking = RowAsker(folder, order, lineup, settings.answer_limit_s)
        ended = await asking.together(rows, began + limit_s * TOGETHER, settings.max_rows, more_s)
        await asking.alone(rows, max(began + limit_s, ended + limit_s * (1 - TOGETHER)))
    finally:
        await lineup.backend.aclose()


async def ask_changed(folder: DecisionFolder) -> None:
    """Ask both changed sides for the test rows of the class that got another name. Raises DuelbotError."""
    order, made = folder.order(), folder.read("change.json")
    rows = list(read_rows([folder["rows.jsonl"].read_bytes()], "rows.jsonl").rows)
    classes = classes_for(order, [row.references[0] for row in rows])
    tested = rows_to_test(rows, classes, ClassChange(made["old"], made["new"]))
    settings = decided_settings(order, folder, EngineSettings.read())
    lineup = await open_lineup(settings)
    try:
        began = time.monotonic()
        lineup = await with_adapter(lineup, Path(made["adapter"]))
        loaded_s = time.monotonic() - began
        recipe = replace(load_recipe(str(folder["changed.toml"])), version="changed")
        kit = lineup.kit.with_recipe(recipe)
        adapter = next(each.named for each in kit.adapters.values() if each.folder == made["adapter"])
        arms = {Arm.PROMPTED: kit.pick(recipe.named), Arm.TUNED: kit.using(adapter=adapter).contestant(Arm.TUNED)}
        asking = RowAsker(folder, order, lineup, settings.answer_limit_s)
        right, room = dict.fromkeys(arms, 0.0), asyncio.Semaphore(settings.max_rows)

        async def ask(row: Row, arm: Arm) -> float:
            async with room:
                outcome = (await asking.answered(row, {arm: arms[arm]}))[arm]
            right[arm] += asking.scored(row, outcome)
            return outcome.usage.total_s if outcome.usage else 0.0

        first_s = await ask(tested[0], Arm.PROMPTED)  # alone: a new beginning is read for the first time, as when a person saves it
        rest = [(row, arm) for arm in arms for row in tested if (row, arm) != (tested[0], Arm.PROMPTED)]
        await asyncio.gather(*(ask(row, arm) for row, arm in rest))
    finally:
        await lineup.backend.aclose()
    folder.write("changed-asked.json", {"right": right, "rows": len(tested), "loaded_s": loaded_s, "first_s": first_s})


class RowAsker:
    """Rows answered, scored, and written down as they come."""

    def __init__(self, folder: DecisionFolder, order: DecisionOrder, lineup: Lineup, limit_s: float) -> None:
        self.folder, self.lineup, self.limit_s = folder, lineup, limit_s
        self.arms, self.metric, self.margin = arms_of(lineup), metric_named(order.metric), order.margin
        self.settled = False  # whether it is known which craft is better, or that neither is

    async def together(self, rows: Sequence[Row], until: float, most: int, more_s: float = 0.0) -> float:
        """Have rows answered by all arms that stand, at most so many answers at the same time. Returns when it ended, by time.monotonic."""
        path = self.folder["answers.jsonl"]
        left, known = _left(path, rows)
        self._drop_beaten(read_answers(path))
        running, queue = dict[asyncio.Task[None], _Asked](), iter(left)

        def begin() -> bool:
            """Begin the next row, if there is room for its answers, time and a row."""
            nonlocal known
            room = not running or len(running) + len(self.arms) <= most
            late = time.monotonic() - until
            goes_on = late <= 0 or known < LEAST_ROWS or (late <= more_s and not self.settled)
            row = next(queue, None) if room and goes_on else None
            if row is None:
                return False
            known, asked = known + 1, _Asked(row, len(self.arms))
            running.update({asyncio.create_task(self._answer(asked, {arm: who})): asked for arm, who in self.arms.items()})
            return True

        while begin() or running:
            while begin():
                pass
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
                asked = running.pop(task)
                asked.left -= 1
                if not asked.left:
                    _append(path, self._scored(asked.row, asked.found))
                    self._drop_beaten(read_answers(path))
        return time.monotonic()

    async def _answer(self, asked: "_Asked", arms: Mapping[Arm, Contestant]) -> None:
        asked.found |= await self.answered(asked.row, arms)

    def _drop_beaten(self, answers: Sequence[RowAnswers]) -> None:
        """Ask controls no more than which another arm is proven better; see whether the two crafts are told apart."""
        gaps = compared(scores(answers), self.margin)
        worse = beaten(gaps)
        self.settled = all(gap.state is not State.COLLECT for gap in gaps if {gap.first, gap.second} == {Arm.PROMPTED, Arm.TUNED})
        self.arms = {arm: contestant for arm, contestant in self.arms.items() if arm not in CONTROLS or arm not in worse}

    async def alone(self, rows: Sequence[Row], until: float) -> None:
        path = self.folder["alone.jsonl"]
        for row in _left(path, rows[:ALONE_ROWS])[0]:
            if time.monotonic() > until:
                return
            found: dict[Arm, Answer | Failure] = {}
            for arm, contestant in self.arms.items():
                found |= await self.answered(row, {arm: contestant})
            _append(path, self._scored(row, found))

    def scored(self, row: Row, outcome: Answer | Failure) -> float:
        """Score an outcome; none is worth 0."""
        return self.metric.score(outcome.text, row.references) if isinstance(outcome, Answer) else 0.0

    async def answered(self, row: Row, arms: Mapping[Arm, Contestant]) -> dict[Arm, Answer | Failure]:
        """Answer a row by these arms at once."""
        request = checked(row)
        prompts = {arm: prompt_of(contestant, request, seed_of(row.text, arm)) for arm, contestant in arms.items()}
        return await answer_each(prompts, self.lineup.backend, self.lineup.price, limit_s=self.limit_s)

    def _scored(self, row: Row, outcomes: Mapping[Arm, Answer | Failure]) -> RowAnswers:
        return RowAnswers(row.line, {arm: ArmAnswer.of(outcome, self.scored(row, outcome)) for arm, outcome in outcomes.items()})


@dataclass(slots=True, eq=False)
class _Asked:
    """A row that is being answered: each arm by itself, so that the next row need not wait for the slowest one."""

    row: Row
    left: int  # arms that have not answered yet
    found: dict[Arm, Answer | Failure] = field(default_factory=dict)


def _append(path: Path, answers: RowAnswers) -> None:
    """Keep the answers to a row, safe from a power cut."""
    with path.open("a", encoding="utf-8") as file:
        file.write(answers.written())
        file.flush()
        os.fsync(file.fileno())


def _left(path: Path, rows: Sequence[Row]) -> tuple[list[Row], int]:
    """Find the rows that are not answered yet, and count those that are."""
    cut_off(path)
    done = {row.line for row in read_answers(path)}
    left = [row for row in rows if row.line not in done]
    return left, len(rows) - len(left)


def main(arguments: Sequence[str]) -> int:
    """Measure as the arguments say: a folder, and seconds."""
    return ended(lambda: _asked(DecisionFolder(Path(arguments[0])), *arguments[1:]))


def _asked(folder: DecisionFolder, what: str, more: str = "0") -> int:
    asyncio.run(ask_changed(folder) if what == "changed" else ask_test(folder, float(what), float(more)))
    return DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
