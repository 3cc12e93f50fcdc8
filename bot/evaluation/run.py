"""Answer every row with every arm, score it, keep it as it comes. A run that was broken off goes on; what failed is asked again."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from statistics import median
from typing import Any

from bot.evaluation.rows import Case, EvaluationSet
from bot.store import Store
from bot.store.contestants import ContestantRows
from bot.store.evaluations import Evaluated, EvaluationRows, pairs_of
from bot.verdict.figures import offline_words
from bot.verdict.offline import paired
from bot.words import FIRST_WORDS, FULL_ANSWER, PER_1000, dollars, seconds
from engine.ask import answer_row
from engine.contestants import Arm, Contestant
from engine.duel import Answer, Failure
from engine.lineup import Lineup
from engine.metrics import metrics_of, score
from engine.report import NOTHING

Tell = Callable[[int, int], None]  # told how many rows are done, of how many


async def evaluate(
    store: Store, lineup: Lineup, entrants: Mapping[Arm, Contestant], rows: EvaluationSet, tell: Tell, *, limit_s: float, at_once: int
) -> None:
    """Answer the rows that some arm has not answered yet, or failed to. Raises StoreError; what was kept stays."""
    async with store.writing() as change:
        await ContestantRows(change).meet(entrants.values(), datetime.now(UTC))
        await EvaluationRows(change).begin(rows.id, rows.name, len(rows.rows), datetime.now(UTC))
        done = await EvaluationRows(change).done(rows.id)
    left = [row for row in rows.rows if any((row.id, each.id) not in done for each in entrants.values())]
    finished, places = len(rows.rows) - len(left), asyncio.Semaphore(at_once)
    tell(finished, len(rows.rows))

    async def one(row: Case) -> None:
        nonlocal finished
        missing = {arm: each for arm, each in entrants.items() if (row.id, each.id) not in done}
        async with places:  # until it is kept: a break loses no more than what is being answered
            answered = await answer_row(replace(row.asked, id=row.id), lineup, missing, limit_s)
            scored = [await asyncio.to_thread(_scored, row, missing[arm], outcome) for arm, outcome in answered.outcomes.items()]
            async with store.writing() as change:
                for each in scored:
                    await EvaluationRows(change).put(rows.id, each)
        finished += 1
        tell(finished, len(rows.rows))

    tasks = [asyncio.create_task(one(row)) for row in left]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _scored(row: Case, contestant: Contestant, outcome: Answer | Failure) -> Evaluated:
    answered = isinstance(outcome, Answer)
    scores = score(outcome.text, row.expected) if isinstance(outcome, Answer) else dict.fromkeys(metrics_of(row.expected), 0.0)
    usage, cost = outcome.usage, outcome.cost
    return Evaluated(
        row=row.id,
        contestant=contestant.id,
        text=outcome.text if isinstance(outcome, Answer) else "",
        failure=None if answered else outcome.words,  # type: ignore[union-attr]
        scores=scores,
        tags=row.expected.tags,
        first_token_s=usage.first_token_s if usage else None,
        total_s=usage.total_s if usage else None,
        usd=cost.usd if cost else None,
    )


async def answers_of(store: Store, entrants: Mapping[Arm, Contestant], rows: EvaluationSet) -> list[Evaluated]:
    """Read what is kept of these rows and contestants."""
    async with store.reading() as look:
        return await EvaluationRows(look).answers(rows.id, [each.id for each in entrants.values()])


async def report(store: Store, entrants: Mapping[Arm, Contestant], rows: EvaluationSet) -> dict[str, Any]:
    """Report what the rows answered so far say, for programs."""
    ids = {arm: each.id for arm, each in entrants.items()}
    answers = await answers_of(store, entrants, rows)
    by_arm = {arm: [one for one in answers if one.contestant == each] for arm, each in ids.items()}
    sides = {
        str(arm): {
            "rows": len(found),
            "failed": sum(one.failure is not None for one in found),
            "median_total_s": _middle([one.total_s for one in found]),
            "median_first_token_s": _middle([one.first_token_s for one in found]),
            "usd_per_1000": _thousand([one.usd for one in found]),
            "scores": _means(found),
        }
        for arm, found in by_arm.items()
    }
    first, *others = ids
    tags = sorted({tag for one in answers for tag in one.tags})
    differences = [
        {"arms": [first, other], "tag": tag, **_line(answers, (ids[first], ids[other]), tag)} for other in others for tag in (None, *tags)
    ]
    return {"evaluation": rows.id, "rows": len(rows.rows), "sides": sides, "differences": differences}


def _line(answers: Sequence[Evaluated], pair: tuple[str, str], tag: str | None) -> dict[str, object]:
    chosen = [one for one in answers if tag is None or tag in one.tags]
    found = paired(pairs_of(chosen, pair))
    return {
        "metrics": [asdict(line) for line in found],
        "words": [list(offline_words(line)) for line in found],
    }


def lines(table: Mapping[str, Any]) -> list[str]:
    """Write the report for people."""
    sides, differences = table["sides"], table["differences"]
    told = [f"Evaluation {table['evaluation']}, {table['rows']:,} rows"]
    for arm, side in sides.items():
        first, total, usd = side["median_first_token_s"], side["median_total_s"], side["usd_per_1000"]
        clocks = ((FIRST_WORDS, first), (FULL_ANSWER, total))
        times = ", ".join(f"{name} {NOTHING if value_s is None else seconds(value_s)}" for name, value_s in clocks)
        told.append(f"{arm}: {side['rows']:,} rows, {side['failed']:,} failed; medians {times}; {dollars(usd)} {PER_1000}")
    for each in differences:
        told.append(f"{each['arms'][1]} against {each['arms'][0]}" + (f", tag {each['tag']}" if each["tag"] else ""))
        told += [f"  {metric}: {second} against {one}, difference {gap}" for metric, one, second, gap in each["words"]]
    return told


def _middle(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _thousand(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) * 1000 if known else None


def _means(found: Sequence[Evaluated]) -> dict[str, float]:
    by_metric: dict[str, list[float]] = {}
    for one in found:
        for metric, value in one.scores.items():
            by_metric.setdefault(metric, []).append(value)
    return {metric: sum(values) / len(values) for metric, values in by_metric.items()}
