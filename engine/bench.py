"""Speed and memory of the engine on the base and adapter that are set, against the naive way, in one run.

Every way answers the same requests in turn, request by request, so that a machine whose speed drifts treats all alike;
the ratios are what to quote. Times are medians, in seconds.
"""

import asyncio
import resource
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import TypeVar

from engine.backends.base import Prompt
from engine.contestants import Arm
from engine.cost import Price
from engine.duel import Answer, answer_each, prompt_of
from engine.lineup import Lineup, base_folder, open_lineup
from engine.request import Request
from engine.settings import EngineSettings

REQUESTS = (
    "We have 3,500 labelled support tickets, the categories never change and about 80,000 tickets come in a month. Prompt or fine-tune?",
    "no labels at all and we need it by friday, what would you do",
    "Our legal team changes the wording every week. We collected 900 examples so far and can train on our own GPU.",
    "We use a hosted model without access to its weights. 12,000 examples are labelled. Which way?",
)

NaiveAnswer = Callable[[list[Prompt]], tuple[float, list[str]]]  # prompts in; seconds and texts out
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of a benchmark: medians over requests and rounds, times in seconds."""

    requests: int
    rounds: int
    naive_s: float  # both sides, one after the other
    together_s: float  # both sides at once, to the end of the slower one
    alone_s: dict[str, float]  # each side by itself
    first_words_s: dict[str, float]  # each side, together
    four_duels_s: float  # four duels at once
    naive_over_together: float
    together_over_slower_alone: float
    same_texts: bool  # greedy in float32: the naive way and the engine say the same
    peak_mib: int  # resident memory of the process before the naive model is loaded


async def run(settings: EngineSettings, rounds: int = 3) -> Report:
    """Load, warm up, measure each request `rounds` times. Raises what open_lineup raises."""
    lineup = await open_lineup(settings)
    try:
        await _together(lineup, REQUESTS[0])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        from engine.backends.local.loading import pick_device
        from engine.backends.local.naive import Naive

        folder = await asyncio.to_thread(base_folder, lineup.kit.base.name)
        naive = await asyncio.to_thread(Naive, folder, lineup.kit.adapter, settings.dtype, pick_device(settings.device))
        await asyncio.to_thread(naive.answer, list(_prompts(lineup, REQUESTS[0]).values()))
        return await _measure(lineup, naive.answer, rounds, peak)
    finally:
        await lineup.backend.aclose()


async def _measure(lineup: Lineup, naive: NaiveAnswer, rounds: int, peak: int) -> Report:
    times: dict[str, list[float]] = {"naive": [], "together": [], "four": []}
    alone: dict[str, list[float]] = {arm: [] for arm in lineup.arms}
    first: dict[str, list[float]] = {arm: [] for arm in lineup.arms}
    same = True
    for text in REQUESTS * rounds:
        prompts = _prompts(lineup, text)
        took, texts = await asyncio.to_thread(naive, list(prompts.values()))
        times["naive"].append(took)
        took, answers = await _together(lineup, text)
        times["together"].append(took)
        same = same and texts == [answer.text for answer in answers.values()]
        for arm, answer in answers.items():
            first[arm].append(answer.usage.first_token_s)
        for arm, prompt in prompts.items():
            took, _ = await _timed(lineup, {arm: prompt})
            alone[arm].append(took)
        took, _ = await _timed(lineup, {f"{arm} {other}": prompt for other in REQUESTS for arm, prompt in _prompts(lineup, other).items()})
        times["four"].append(took)
    middle = {name: median(values) for name, values in times.items()}
    alone_s = {arm: median(values) for arm, values in alone.items()}
    return Report(
        requests=len(REQUESTS),
        rounds=rounds,
        naive_s=middle["naive"],
        together_s=middle["together"],
        alone_s=alone_s,
        first_words_s={arm: median(values) for arm, values in first.items()},
        four_duels_s=middle["four"],
        naive_over_together=median(n / t for n, t in zip(times["naive"], times["together"], strict=True)),
        together_over_slower_alone=middle["together"] / max(alone_s.values()),
        same_texts=same,
        peak_mib=peak,
    )


def _prompts(lineup: Lineup, text: str) -> dict[Arm, Prompt]:
    prompts = {entrant.arm: prompt_of(entrant, Request.of(text), 0) for entrant in lineup.entrants}
    return {
        arm: replace(prompt, sampling=replace(prompt.sampling, temperature=0.0, repetition_penalty=1.0)) for arm, prompt in prompts.items()
    }


async def _together(lineup: Lineup, text: str) -> tuple[float, dict[Arm, Answer]]:
    return await _timed(lineup, _prompts(lineup, text))


async def _timed(lineup: Lineup, prompts: Mapping[K, Prompt]) -> tuple[float, dict[K, Answer]]:
    start = time.perf_counter()
    outcomes = await answer_each(prompts, lineup.backend, Price(None, "", ""))
    took = time.perf_counter() - start
    if failed := [outcome for outcome in outcomes.values() if not isinstance(outcome, Answer)]:
        raise RuntimeError(failed[0].words)
    return took, {arm: outcome for arm, outcome in outcomes.items() if isinstance(outcome, Answer)}


def lines(report: Report) -> list[tuple[str, str]]:
    """Word the report for people: pairs of a label and a figure."""
    return [
        ("naive, one side after the other", f"{report.naive_s:.2f} s"),
        ("both sides at once", f"{report.together_s:.2f} s"),
        ("naive / at once", f"{report.naive_over_together:.2f}"),
        *((f"{arm} alone", f"{took:.2f} s") for arm, took in report.alone_s.items()),
        ("at once / slower side alone", f"{report.together_over_slower_alone:.2f}"),
        *((f"first words, {arm}", f"{took:.3f} s") for arm, took in report.first_words_s.items()),
        ("four duels at once", f"{report.four_duels_s:.2f} s"),
        ("the same texts as the naive way", "yes" if report.same_texts else "no"),
        ("resident memory, peak", f"{report.peak_mib:,} MiB"),
    ]


def as_json(report: Report) -> dict[str, object]:
    """Turn the report into a table for JSON."""
    return asdict(report)
