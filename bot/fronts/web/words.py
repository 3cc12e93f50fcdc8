"""Sentences that only the page says. Pure; what every front says is in bot/words.py."""

from collections.abc import Mapping
from datetime import datetime

from bot.ballots import Choice
from bot.views import DuelView, TalkSummary
from bot.words import ARMS, CHOICES, STATES, counted, own_choice, tallied, when, who_was
from engine.contestants import Arm


def welcome_words(arms: tuple[Arm, Arm] | None) -> str:
    """Say what this is to somebody who sees it for the first time. arms: None while the model loads."""
    who = f"one from {ARMS[arms[0]].model}, one from {ARMS[arms[1]].model}" if arms else "each made by another technique"
    return (
        f"Ask anything. Two answers come side by side: {who}, in an order that a coin has chosen. "
        "Vote for the better one, and see which was which, how long it took and what it cost."
    )


def vote_words(view: DuelView) -> str:
    """Say whose vote closed the duel: the viewer's own, and the tally when there were more."""
    if view.reveal is None or view.reveal.auto_tie:
        return ""
    own = own_choice(view.own_choice, view.reveal)
    return own if own and view.ballots == 1 else f"{own} {tallied(view.reveal.tally)}".strip()


OUTCOME_WORDS: Mapping[str, str] = {  # of a conversation's latest duel
    "open": STATES["open"],
    **{arm.value: f"{ARMS[arm].label} was better" for arm in Arm},
    "tie": "tie",
    "both_bad": "both bad",
    "identical": "same answers",
    "unvoted": "nobody voted",
    "void": STATES["void"],
    "answering": STATES["answering"],
}


def summary_words(talk: TalkSummary, now: datetime) -> str:
    """Write the second line of a conversation in the list."""
    turns = counted(talk.turns, "turn") if talk.turns > 1 else ""
    return " · ".join(filter(None, (when(talk.asked_at, now), OUTCOME_WORDS[talk.outcome], turns, talk.tag)))


def title_of(request: str) -> str:
    """Name a conversation by its first request, in one line of at most 60 characters."""
    line = " ".join(request.split())
    return line if len(line) <= 60 else line[:59] + "…"


def live_words(view: DuelView) -> str:
    """Tell a screen reader that a duel has changed its state."""
    match view.state:
        case "waiting":
            return view.note or "The request waits for the model."
        case "answering":
            return "Both answers are being written." if len(view.sides) > 1 else "The answer is being written."
        case "open":
            keys = ", ".join(f"{key} {CHOICES[choice]}" for key, choice in enumerate(Choice, 1))
            return f"Both answers are complete. Vote with the keys: {keys}."
        case "closed" if view.reveal:
            return f"{who_was(view.reveal)} {vote_words(view)} {view.note}".strip()
        case _:
            return view.note
