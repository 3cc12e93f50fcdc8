"""A verdict in sentences. Pure."""

from typing import NamedTuple

from bot.evidence.decision import Decision, State
from bot.evidence.forecast import Forecast
from bot.evidence.robustness import SPARE_LIMIT, Robustness
from bot.verdict.scope import Who
from engine.contestants import Arm

DO = {
    Arm.PROMPTED: "Use the prompt",
    Arm.TUNED: "Fine-tune",
    Arm.PLAIN: "Use the plain base",
    Arm.COMBINED: "Fine-tune and use the prompt",
}
NAMED = {
    Arm.PROMPTED: "the prompt",
    Arm.TUNED: "the fine-tune",
    Arm.PLAIN: "the plain base",
    Arm.COMBINED: "the fine-tune with the prompt",
}


ARM_NAMES = {Arm.PROMPTED: "Prompt", Arm.TUNED: "Fine-tune", Arm.PLAIN: "Plain base", Arm.COMBINED: "Fine-tune + prompt"}


def names(who: tuple[Who, Who]) -> tuple[str, str]:
    """Both sides in a sentence; told apart by their ids where the arm is the same."""
    if who[0].id == who[1].id:
        return "the one copy", "the other copy"
    if who[0].arm is who[1].arm:
        first, second = (f"{NAMED[each.arm]} {each.id[:6]}" for each in who)
        return first, second
    return NAMED[who[0].arm], NAMED[who[1].arm]


def do(decision: Decision, who: tuple[Who, Who], taken: int | None) -> str:
    """What to do, without an end mark."""
    match decision.state:
        case State.COLLECT:
            return "Keep collecting"
        case State.CHANGED:
            return "Look: this has changed"
        case State.EQUAL if who[0].id == who[1].id:
            return "No difference"
        case _ if who[0].id == who[1].id:
            return "Something favours one of two equal copies; find it before trusting any other verdict"
        case State.EQUAL:
            return "Practically equal, take the cheaper" + ("" if taken is None else f": {names(who)[taken]}")
        case _:
            winner = who[0 if decision.state is State.FIRST else 1]
            other = who[1 if decision.state is State.FIRST else 0]
            return DO[winner.arm] + (f" ({winner.recipe}, {winner.id[:6]})" if winner.arm is other.arm else "")


class Counts(NamedTuple):
    """Duels by what most of their voters said."""

    better: dict[Arm, int]
    ties: int
    both_bad: int
    identical: int  # asked of nobody


def sentence(decision: Decision, who: tuple[Who, Who], taken: int | None, counts: Counts, forecast: Forecast | None) -> str:
    """What to do, on how many duels, with the share and its sequence."""
    said = do(decision, who, taken)
    better, ties, both_bad, identical = counts
    same = f" Answers were identical {identical:,} {'time' if identical == 1 else 'times'}; those are not counted." if identical else ""
    if not decision.n:
        return f"{said}: no duel decided yet.{same}"
    wins = ", ".join(f"{arm} {count:,}" for arm, count in better.items())
    end = ";" if ":" in said else ":"
    told = f"{said}{end} {decision.n:,} {'duel' if decision.n == 1 else 'duels'} decided ({wins}, ties {ties:,}, both bad {both_bad:,})."
    return f"{told} {share_words(decision, who)}{_further(decision, forecast)}{same}"


def share_words(decision: Decision, who: tuple[Who, Who]) -> str:
    """The share of the side that leads, with its confidence sequence."""
    if decision.theta is None:
        return ""
    if decision.drifted:
        return "Earlier and later duels contradict each other, so no single share describes them."
    side = 1 if decision.theta >= 0.5 else 0
    share, low, high = decision.theta, *decision.interval
    if side == 0:
        share, low, high = 1 - share, 1 - high, 1 - low
    name = names(who)[side]
    sure = f"{1 - decision.alpha:.0%} sure however often you look"
    return f"{name[0].upper()}{name[1:]}'s share is {share:.0%}, between {low:.0%} and {high:.0%} ({sure})."


def _further(decision: Decision, forecast: Forecast | None) -> str:
    if decision.state is not State.COLLECT or forecast is None:
        return ""
    if forecast.median is None:
        return f" A decision would take more than {forecast.horizon:,} further duels."
    return f" About {forecast.median:,} further {'duel' if forecast.median == 1 else 'duels'} until a decision."


def robust_words(decision: Decision, robust: Robustness | None, voters: int) -> str:
    """The robustness line."""
    if decision.state is State.COLLECT:
        return "Nothing is decided, so there is nothing to be overturned yet."
    if decision.drifted:
        return "One share does not describe these duels, so there is nothing to be overturned."
    if robust is None:
        return f"With {voters:,} voters, leaving each one out is not computed."
    if robust.voters == 1:
        voter = "All ballots are one person's: without them there is no evidence."
    elif robust.survives_any_voter:
        voter = f"It stands without any one of the {robust.voters:,} voters."
    else:
        voter = f"It hangs on {len(robust.pivotal):,} of {robust.voters:,} voters: without any one of those it would not stand."
    if robust.spare_duels is None:
        return f"{voter} It was reached at an earlier look; the duels since have weakened it."
    most = "at least " if robust.spare_duels >= SPARE_LIMIT else ""
    duels = "loudest duel" if robust.spare_duels == 1 else "loudest duels"
    return f"{voter} It stands without its {most}{robust.spare_duels:,} {duels}."
