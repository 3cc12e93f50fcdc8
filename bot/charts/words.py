"""What each picture shows, in words for those who cannot see it. Needs no drawing library."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from adapters.train.curve import TrainingCurve
from bot.evidence.capital import Interval
from bot.evidence.figure import few
from bot.verdict import Verdict
from bot.verdict.facts import Paired
from bot.verdict.figures import between, break_even_words, favours_words
from bot.verdict.words import names, share_words
from bot.words import FIRST_WORDS, FULL_ANSWER, counted, percent, seconds, started

NO_DUEL = "No duel is decided yet."
NO_TIMES = "No answer has been timed yet."
NO_CARD = "The decision card needs a prompt on one side and a fine-tune on the other."
NO_BOARD = "The board needs two contestants that have met."
ALONE_SAMPLES = 10  # replays from which on times are those of each side alone


@dataclass(frozen=True, slots=True)
class BoardLine:
    """A contestant on the leader board."""

    name: str
    share: float
    interval: Interval | None  # None: too few duels
    duels: int
    adapted: bool
    ahead: bool  # decided better than every other


def share(verdict: Verdict) -> str:
    """Say what the chart of the share shows."""
    if not verdict.trail:
        return NO_DUEL
    told = share_words(verdict.decision, verdict.who, verdict.recent)
    return f"{started(names(verdict.who)[1])}'s share of votes over {counted(verdict.requests, 'request')}, look by look. {told}"


def times(verdict: Verdict) -> tuple[str, dict[str, Paired]]:
    """Choose the condition, and give the seconds of both sides: replays alone where there are enough of them, else as served."""
    if len(verdict.alone.total_s[0]) >= ALONE_SAMPLES:
        return "each side alone", {started(FIRST_WORDS): verdict.alone.first_token_s, started(FULL_ANSWER): verdict.alone.total_s}
    samples = verdict.samples
    return "as served", {
        started(FIRST_WORDS): (tuple(s.first_token_s[0] for s in samples), tuple(s.first_token_s[1] for s in samples)),
        started(FULL_ANSWER): (tuple(s.total_s[0] for s in samples), tuple(s.total_s[1] for s in samples)),
    }


def latency(verdict: Verdict) -> str:
    """Say what the chart of the times shows."""
    how, panels = times(verdict)
    if not panels[started(FULL_ANSWER)][0]:
        return NO_TIMES
    first, second = names(verdict.who)
    said = [
        f"{title}: median {seconds(median(both[0]))} for {first}, {seconds(median(both[1]))} for {second}" for title, both in panels.items()
    ]
    return f"Distributions of times {how}, {counted(len(panels['Full answer'][0]), 'answer')} a side. {'. '.join(said)}."


def cost(verdict: Verdict) -> str:
    """Say what the chart of the costs shows."""
    return f"Cumulative cost against requests. {break_even_words(verdict.even, verdict.no_break_even)}"


def card(verdict: Verdict) -> str:
    """Say what the decision card shows."""
    if not verdict.aspects:
        return NO_CARD
    return "Decision card. " + " ".join(
        f"{aspect.name}: {favours_words(aspect.favours, verdict.who)}. {aspect.reason}" for aspect in verdict.aspects
    )


def board(lines: Sequence[BoardLine]) -> str:
    """Say what the leader board shows."""
    if len(lines) < 2:
        return NO_BOARD
    return f"Leader board, strongest first: {'; '.join(f'{line.name} {standing_words(line)}' for line in lines)}."


def standing_words(line: BoardLine) -> str:
    """Say the share with its interval, or why that is not shown."""
    if line.interval is None:
        return f"{percent(line.share)}; {few(line.duels, noun='duel')}"
    return f"{percent(line.share)} {between(line.interval)}"


def training(curve: TrainingCurve, prompt_right: float | None) -> str:
    """Say how a training went."""
    if not curve.losses:
        return "How the training goes: no step is done yet."
    (first, before), (last, after) = curve.losses[0], curve.losses[-1]
    loss = f"The loss fell from {before:.3f} at step {first:,} to {after:.3f} at step {last:,}."
    right = [f"{each.share:.0%} of {each.rows:,} held-out rows at step {each.step:,}" for each in curve.right]
    told = f" Right were {'; '.join(right)}." if right else ""
    line = "" if prompt_right is None else f" The prompt is right on {prompt_right:.0%}."
    return f"{loss}{told}{line}"
