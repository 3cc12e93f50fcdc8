"""The test rows asked, in a process of its own: of many arms at the same time, until the rows or the seconds are over; then of each alone.

python -m bot.deciding.asking FOLDER SECONDS MORE: the rows come in an order that their content gives, so a measuring that ends early has
measured a random part of them, and one that was broken off goes on where it stopped. The two crafts come first, until it is settled which
is better; then the plain base and both together, on the same rows. These two are asked no more once another arm is proven better, by the
claims that the report makes. MORE seconds are taken only while it is open which craft to take. With the word changed in place of the
seconds, the rows of a class that got another name are asked of both changed sides.
"""

import asyncio
import hashlib
import os
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.deciding.change import ClassChange, rows_to_test
from bot.deciding.classes import classes_for
from bot.deciding.gaps import beaten, compared, is_open
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
CRAFTS = (Arm.PROMPTED, Arm.TUNED)  # what the decision is about
CONTROLS = (Arm.PLAIN, Arm.COMBINED)  # asked until another is proven better
CRAFTS_FIRST = 0.6  # share of the time together, after which the controls begin though the crafts are not told apart
LOOKING = 0.05  # share of the time, at most, in which it is looked at what the answers prove: it takes longer the more there are
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
        self.told_apart = False  # whether it is known which craft is better, or that neither is
        self.settled = False  # whether it is known which to take, the controls considered
        self._next_look = 0.0  # by time.monotonic

    async def together(self, rows: Sequence[Row], until: float, most: int, more_s: float = 0.0) -> float:
        """Have rows answered by all arms that stand, at most so many answers at the same time. Returns when it ended, by time.monotonic."""
        path, began = self.folder["answers.jsonl"], time.monotonic()
        cut_off(path)
        self._look(known := read_answers(path))
        queues = [_Queue.of(arms, rows, known) for arms in (CRAFTS, CONTROLS)]
        running = dict[asyncio.Task[None], _Asked]()

        def begin() -> bool:
            """Begin the next row with the arms whose turn it is, if there is room for their answers, time and a row."""
            now = time.monotonic()
            first = not self.told_apart and now < began + CRAFTS_FIRST * (until - began)

            def goes_on(queue: _Queue) -> bool:
                late = now - until
                in_time = late <= 0 or queue.known < LEAST_ROWS or (late <= more_s and not self.settled)
                return bool(queue.left and self._standing(queue) and in_time)

            open_queues = [queue for queue in queues if goes_on(queue)]
            if not open_queues:
                return False
            queue = open_queues[0] if first else min(open_queues, key=lambda each: each.known)
            arms = self._standing(queue)
            if running and len(running) + len(arms) > most:
                return False
            asked = _Asked(queue.next(), len(arms))
            running.update({asyncio.create_task(self._answer(asked, {arm: who})): asked for arm, who in arms.items()})
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
                    if time.monotonic() >= self._next_look:
                        self._look(read_answers(path))
        return time.monotonic()

    def _standing(self, queue: "_Queue") -> dict[Arm, Contestant]:
        return {arm: who for arm, who in self.arms.items() if arm in queue.arms}

    async def _answer(self, asked: "_Asked", arms: Mapping[Arm, Contestant]) -> None:
        asked.found |= await self.answered(asked.row, arms)

    def _look(self, answers: Sequence[RowAnswers]) -> None:
        """See what is settled, and ask controls no more than which another arm is proven better. The next look comes so much later that
        looking takes LOOKING of the time at most."""
        began = time.monotonic()
        gaps = compared(scores(answers), self.margin)
        worse = beaten(gaps)
        measured = {arm for each in answers for arm in each.arms}
        between = [gap for gap in gaps if {gap.first, gap.second} == set(CRAFTS)]
        self.told_apart = not set(self.arms) >= set(CRAFTS) or any(gap.state is not State.COLLECT for gap in between)
        self.settled = measured >= set(self.arms) and not is_open(gaps)
        self.arms = {arm: contestant for arm, contestant in self.arms.items() if arm not in CONTROLS or arm not in worse}
        self._next_look = began + (time.monotonic() - began) / LOOKING

    async def alone(self, rows: Sequence[Row], until: float) -> None:
        path = self.folder["alone.jsonl"]
        cut_off(path)
        done = {row.line for row in read_answers(path)}
        for row in (row for row in rows[:ALONE_ROWS] if row.line not in done):
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
class _Queue:
    """The rows that some arms have not answered yet, in their order; known: how many they have, or are answering."""

    arms: tuple[Arm, ...]
    left: deque[Row]
    known: int

    @classmethod
    def of(cls, arms: tuple[Arm, ...], rows: Sequence[Row], answers: Sequence[RowAnswers]) -> "_Queue":
        """Find what is left of rows, after a measuring that was broken off."""
        done = {each.line for each in answers if any(arm in each.arms for arm in arms)}
        left = deque(row for row in rows if row.line not in done)
        return cls(arms, left, len(rows) - len(left))

    def next(self) -> Row:
        """Take the next row."""
        self.known += 1
        return self.left.popleft()


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


def main(arguments: Sequence[str]) -> int:
    """Measure as the arguments say: a folder, and seconds."""
    return ended(lambda: _asked(DecisionFolder(Path(arguments[0])), *arguments[1:]))


def _asked(folder: DecisionFolder, what: str, more: str = "0") -> int:
    asyncio.run(ask_changed(folder) if what == "changed" else ask_test(folder, float(what), float(more)))
    return DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
