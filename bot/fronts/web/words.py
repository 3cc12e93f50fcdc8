"""Figures and states in words, as the page shows them. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.ballots import Choice
from bot.views import DuelState, DuelSummary, DuelView, Reveal, RevealedSide
from engine.contestants import Arm
from engine.cost import Estimate
from engine.duel import Side

ARM_WORDS: Mapping[Arm, str] = {Arm.PROMPTED: "Prompt", Arm.TUNED: "Fine-tune", Arm.PLAIN: "Plain base", Arm.COMBINED: "Fine-tune + prompt"}

_IN_A_SENTENCE: Mapping[Arm, str] = {
    Arm.PROMPTED: "the prompt",
    Arm.TUNED: "the fine-tune",
    Arm.PLAIN: "the plain base",
    Arm.COMBINED: "the fine-tune with the prompt",
}

_MODELS: Mapping[Arm, str] = {
    Arm.PROMPTED: "a prompt-engineered model",
    Arm.TUNED: "a fine-tuned model",
    Arm.PLAIN: "the plain base model",
    Arm.COMBINED: "a fine-tuned model with an engineered prompt",
}

STATE_WORDS: Mapping[DuelState, str] = {
    "waiting": "waiting",
    "answering": "answering",
    "open": "open for votes",
    "closed": "decided",
    "void": "void",
}


def seconds(value_s: float) -> str:
    """1.2 s, 45 ms, 2 min 5 s."""
    if value_s < 0.0995:
        return f"{value_s * 1000:.0f} ms"
    if value_s < 9.95:
        return f"{value_s:.1f} s"
    return f"{value_s:.0f} s" if value_s < 119.5 else f"{round(value_s) // 60} min {round(value_s) % 60} s"


def dollars(value_usd: float | None) -> str:
    """Two figures that count, whatever the size: $0.000031, $0.0042, $1.30; no figure is made up for an unknown price."""
    if value_usd is None:
        return "unknown"
    if value_usd == 0:
        return "$0"
    if value_usd >= 0.1:
        return f"${value_usd:,.2f}"
    if value_usd < 5e-10:
        return "under $0.000000001"
    shown, decimals = f"{value_usd:.1e}", 0
    decimals = -int(shown.split("e")[1]) + 1
    return f"${value_usd:.{decimals}f}".rstrip("0")


def welcome_words(arms: tuple[Arm, Arm] | None) -> str:
    """What this is, for somebody who sees it for the first time. arms: None while the model loads."""
    who = f"one from {_MODELS[arms[0]]}, one from {_MODELS[arms[1]]}" if arms else "each made by another technique"
    return (
        f"Ask anything. Two answers come side by side: {who}, in an order that a coin has chosen. "
        "Vote for the better one, and see which was which, how long it took and what it cost."
    )


def estimate_words(estimate: Estimate | None) -> str:
    """What the next duel will probably take."""
    if estimate is None:
        return "No history yet, so no estimate of time and cost."
    duels = f"{estimate.duels} duel{'s' if estimate.duels != 1 else ''}"
    cost = "; its cost is unknown" if estimate.usd is None else f" and {dollars(estimate.usd)}"
    return f"About {seconds(estimate.total_s)}{cost} per duel, from {duels}."


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the comparison: what is compared, each side's figure, and the sides with the smaller one."""

    name: str
    cells: dict[Side, str]
    less: frozenset[Side] = frozenset()


def comparison(sides: Mapping[Side, RevealedSide]) -> list[Row]:
    """What each side took, line by line. A line says which side took less, by the figures as shown."""
    figures: dict[str, dict[Side, tuple[float | None, str]]] = {
        "Time to first words": {side: (r.usage.first_token_s, seconds(r.usage.first_token_s)) for side, r in sides.items()},
        "Total time": {side: (r.usage.total_s, seconds(r.usage.total_s)) for side, r in sides.items()},
        "Tokens in": {side: (r.usage.prompt_tokens, tokens_in(r)) for side, r in sides.items()},
        "Tokens out": {side: (r.usage.new_tokens, f"{r.usage.new_tokens:,}") for side, r in sides.items()},
        "Cost": {side: (r.cost.usd, dollars(r.cost.usd)) for side, r in sides.items()},
        "Cost of 1,000 such requests": {side: (r.cost.usd_per_1000, dollars(r.cost.usd_per_1000)) for side, r in sides.items()},
    }
    if any(r.usage.queued_s >= 0.1 for r in sides.values()):
        figures["Waited in the queue before"] = {side: (r.usage.queued_s, seconds(r.usage.queued_s)) for side, r in sides.items()}
    return [Row(name, {side: text for side, (_, text) in cells.items()}, _less(cells)) for name, cells in figures.items()]


def tokens_in(side: RevealedSide) -> str:
    cached = side.usage.cached_prompt_tokens
    return f"{side.usage.prompt_tokens:,}" + (f" ({cached:,} cached)" if cached else "")


def price_words(sides: Iterable[RevealedSide]) -> str:
    """Where the costs come from, each source once."""
    bases = {"device_hour": "Cost: engine time of the answer at the device's hourly price", "token_price": "Cost: tokens at the price list"}
    lines = {
        f"{bases[side.cost.basis]}: {side.cost.source}, {side.cost.date}."
        if side.cost.basis in bases
        else "Cost: unknown, because no price is set (DUEL_DEVICE_USD_PER_HOUR)."
        for side in sides
    }
    return " ".join(sorted(lines))


def made_of(side: RevealedSide) -> str:
    """The parts of a contestant, for people."""
    return f"recipe {side.recipe}" + (f" · adapter {side.adapter}" if side.adapter else "")


def vote_words(view: DuelView) -> str:
    """Whose vote closed the duel: the viewer's own, and the tally when there were more."""
    if view.reveal is None or view.reveal.auto_tie:
        return ""
    own = _own_words(view.own_choice, view.reveal) if view.own_choice else ""
    if view.ballots == 1:
        return own or f"Decided by one vote: {_tallied(view.reveal)}."
    return f"{own} {view.ballots} votes: {_tallied(view.reveal)}.".strip()


def _own_words(choice: Choice, reveal: Reveal) -> str:
    if choice in (Choice.TIE, Choice.BOTH_BAD):
        return f"You voted: {choice.words.lower()}."
    side = Side(choice.value)
    return f"You chose {side.label}, {_IN_A_SENTENCE[reveal.sides[side].arm]}."


def _tallied(reveal: Reveal) -> str:
    return (
        ", ".join(f"{choice.words} ({count})" if count > 1 else choice.words for choice, count in reveal.tally.items() if count) or "none"
    )


def when(asked_at: datetime, now: datetime) -> str:
    """14:05 today, yesterday 14:05, 3 May 14:05; in the zone of `now`."""
    local = asked_at.astimezone(now.tzinfo)
    days = (now.date() - local.date()).days
    day = {0: "", 1: "yesterday "}.get(days, f"{local.day} {local:%b} " if local.year == now.year else f"{local.day} {local:%b %Y} ")
    return f"{day}{local:%H:%M}"


def summary_words(summary: DuelSummary, now: datetime) -> str:
    """The second line of an entry of the history."""
    turn = f" · turn {summary.turn}" if summary.turn > 1 else ""
    return f"{when(summary.asked_at, now)} · {STATE_WORDS[summary.state]}{turn}"


def title_of(request: str) -> str:
    """A line that names a conversation."""
    line = " ".join(request.split())
    return line if len(line) <= 60 else line[:59] + "…"


def live_words(view: DuelView) -> str:
    """What a screen reader is told when a duel changes its state."""
    match view.state:
        case "waiting":
            return view.note or "The request waits for the model."
        case "answering":
            return "Both answers are being written."
        case "open":
            keys = ", ".join(f"{key} {choice.words}" for key, choice in enumerate(Choice, 1))
            return f"Both answers are complete. Vote with the keys: {keys}."
        case "closed" if view.reveal:
            names = ", ".join(f"{side.label} was {ARM_WORDS[revealed.arm]}" for side, revealed in view.reveal.sides.items())
            return f"{names}. {vote_words(view)} {view.note}".strip()
        case _:
            return view.note


def _less(cells: Mapping[Side, tuple[float | None, str]]) -> frozenset[Side]:
    values = {side: value for side, (value, _) in cells.items() if value is not None}
    if len(values) < len(cells) or len({text for _, text in cells.values()}) == 1:
        return frozenset()
    return frozenset(side for side, value in values.items() if value == min(values.values()))
