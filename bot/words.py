"""One voice: arms, states, choices, counts, seconds, dollars and shares read the same on every front and in pictures. Pure.

Figures of an answer are said by engine.report, for `python -m engine` says them too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.ballots import Choice, Reason, Why
from bot.views import FILE, SHIPPED, Collected, Reveal, RevealedSide
from engine.contestants import Arm
from engine.cost import Estimate
from engine.duel import Side
from engine.named import Named
from engine.report import FIRST_WORDS, FULL_ANSWER, PER_1000, UNKNOWN, FigureRow, dollars, price_note, seconds
from engine.report import figures as _figures

__all__ = [
    "ARMS",
    "CANNOT_TELL",
    "CHOICES",
    "FIRST_WORDS",
    "FULL_ANSWER",
    "PER_1000",
    "REASONS",
    "STATES",
    "UNKNOWN",
    "ArmWords",
    "alone_took",
    "are",
    "author_words",
    "counted",
    "dollars",
    "estimated",
    "figures",
    "listed",
    "made_of",
    "own_choice",
    "percent",
    "priced",
    "quantile",
    "reason_words",
    "said_in_a_sentence",
    "seconds",
    "side_named",
    "started",
    "tallied",
    "took",
    "voted_of",
    "when",
    "which_one",
    "who_was",
]


@dataclass(frozen=True, slots=True)
class ArmWords:
    """An arm in words."""

    label: str  # over a column, on a badge
    named: str  # in a sentence
    model: str  # what answers, for somebody who has seen no answer yet
    advice: str  # what to do when it is better


ARMS: Mapping[Arm, ArmWords] = {
    Arm.PROMPTED: ArmWords("Prompt", "the prompt", "a prompt-engineered model", "Use the prompt"),
    Arm.TUNED: ArmWords("Fine-tune", "the fine-tune", "a fine-tuned model", "Fine-tune"),
    Arm.PLAIN: ArmWords("Plain base", "the plain base", "the plain base model", "Use the plain base"),
    Arm.COMBINED: ArmWords(
        "Fine-tune + prompt",
        "the fine-tune with the prompt",
        "a fine-tuned model with an engineered prompt",
        "Fine-tune and use the prompt",
    ),
}
STATES: Mapping[str, str] = {  # by DuelState
    "waiting": "waiting",
    "answering": "being answered",
    "open": "open for votes",
    "closed": "closed",
    "void": "void",
    "answered": "answered alone",
}
CANNOT_TELL = "I can't tell"  # the answer beside both sides
CHOICES: Mapping[Choice, str] = {
    Choice.LEFT: f"{Side.LEFT.label} is better",
    Choice.RIGHT: f"{Side.RIGHT.label} is better",
    Choice.TIE: "Tie",
    Choice.BOTH_BAD: "Both bad",
}
REASONS: Mapping[Why, str] = {
    Why.CORRECT: "more correct",
    Why.CLEARER: "clearer",
    Why.FORMAT: "right format",
    Why.SHORTER: "shorter",
}


# --- counts and names


def counted(number: int, noun: str, nouns: str = "") -> str:
    """Say how many: "1 duel", "0 duels", "1,204 duels". nouns: the plural, where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"


def are(number: int) -> str:
    """Give the verb that goes with so many."""
    return "is" if number == 1 else "are"


def started(words: str) -> str:
    """Turn words into the start of a sentence."""
    return words[:1].upper() + words[1:]


def listed(names: list[str], most: int = 3) -> str:
    """Put names into a sentence: "a", "a and b", "a, b and c", "a, b, c and 4 more"; empty for none."""
    parts = names if len(names) <= most else [*names[:most], f"{len(names) - most:,} more"]
    return "".join(parts) if len(parts) < 2 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def made_of(recipe: Named, adapter: Named | None) -> str:
    """Name the parts of a contestant: "recipe plain 1, adapter demo 1"."""
    return f"recipe {recipe}" + (f", adapter {adapter}" if adapter else "")


# --- figures


def percent(share: float) -> str:
    """Write a share in [0, 1] in percent: "62%"."""
    return f"{share:.0%}"


def quantile(q: float) -> str:
    """Name a quantile: "median", "p95"."""
    return "median" if q == 0.5 else f"p{q * 100:g}"


def figures(sides: Iterable[RevealedSide]) -> list[FigureRow]:
    """Say what both sides of a closed duel took, row by row."""
    return _figures([(side.usage, side.cost) for side in sides])


def priced(sides: Iterable[RevealedSide]) -> str:
    """Say where the costs of a closed duel come from."""
    return price_note([(side.usage, side.cost) for side in sides])


def alone_took(single: RevealedSide) -> str:
    """Say what an answer without a duel took, in a line."""
    return ", ".join(f"{row.label} {row.cells[0]}" for row in _figures([(single.usage, single.cost)]))


def estimated(estimate: Estimate | None) -> str:
    """Say what the next duel will probably take, in a sentence."""
    if estimate is None:
        return "No history yet, so no estimate of time and cost."
    cost = f" and {dollars(estimate.usd)} per duel" if estimate.usd is not None else " per duel, at an unknown cost"
    return f"About {seconds(estimate.total_s)}{cost}, from {counted(estimate.duels, 'duel')}."


def when(at: datetime, now: datetime) -> str:
    """Say a time as people near it say it: "14:05" today, "yesterday 14:05", "3 May 14:05"; in the zone of `now`."""
    local = at.astimezone(now.tzinfo)
    days = (now.date() - local.date()).days
    day = {0: "", 1: "yesterday "}.get(days, f"{local.day} {local:%b} " if local.year == now.year else f"{local.day} {local:%b %Y} ")
    return f"{day}{local:%H:%M}"


def author_words(author: str, viewer: str = "") -> str:
    """Say who made a version, as far as a front may tell."""
    if author == viewer:
        return "you"
    known = {SHIPPED: "Duelbot", FILE: "the settings", "terminal": "the terminal"}
    if author.startswith("terminal:"):
        return f"{author.removeprefix('terminal:')} in a terminal"
    places = {"web": "the page", "discord": "Discord"}
    return known.get(author) or (f"somebody on {places[kind]}" if (kind := author.partition(":")[0]) in places else "somebody")


# --- votes


def said_in_a_sentence(choice: Choice) -> str:
    """Put a choice into a sentence: "A is better", "tie"."""
    return CHOICES[choice] if choice in (Choice.LEFT, Choice.RIGHT) else CHOICES[choice].lower()


def voted_of(ballots: int, collected: Collected) -> str:
    """Say how far a vote of several people is: "2 of 3 have voted."."""
    return f"{ballots:,} of {collected.quorum:,} {'has' if ballots == 1 else 'have'} voted."


def reason_words(reason: Reason) -> str:
    """Say why somebody voted as they did: "clearer, shorter: “no small talk”"."""
    ticked = ", ".join(REASONS[kind] for kind in reason.kinds)
    words = f"“{reason.words}”" if reason.words else ""
    late = "" if reason.blind else " (said after the close)"
    return ": ".join(filter(None, (ticked, words))) + late


def which_one(arm: Arm) -> str:
    """Ask which side a voter takes for this technique."""
    return f"One more question, for one ballot in a few: which answer do you take for {ARMS[arm].named}?"


def own_choice(choice: Choice | None, reveal: Reveal | None) -> str:
    """Say what somebody voted; after the close with the name of whom they preferred. Empty for no vote."""
    if choice is None:
        return ""
    if reveal and choice in (Choice.LEFT, Choice.RIGHT):
        side = Side(choice.value)
        return f"You chose {side.label}, {side_named(reveal, side)}."
    return f"You voted: {said_in_a_sentence(choice)}."


def who_was(reveal: Reveal) -> str:
    """Say who sat where: "A was the fine-tune, B was the prompt."."""
    return ", ".join(f"{side.label} was {side_named(reveal, side)}" for side in reveal.sides) + "."


def took(reveal: Reveal, first: Side = Side.LEFT) -> str:
    """Say in a line who was who and what each took: "B was the fine-tune, 0.8 s and $0.02 per 1,000; A the prompt, 1.2 s, $0.03."."""
    parts = []
    for at, side in enumerate(sorted(reveal.sides, key=lambda each: each is not first)):
        usage, usd = reveal.sides[side].usage, reveal.sides[side].cost.usd
        cost = "" if usd is None else f" and {dollars(usd * 1000)} {PER_1000}" if at == 0 else f", {dollars(usd * 1000)}"
        parts.append(f"{side.label} {'was ' if at == 0 else ''}{side_named(reveal, side)}, {seconds(usage.total_s)}{cost}")
    return "; ".join(parts) + "."


def side_named(reveal: Reveal, side: Side) -> str:
    """Name a side in a sentence; where two versions of one recipe met, with the version."""
    named, recipes = ARMS[reveal.sides[side].arm].named, {each.recipe for each in reveal.sides.values()}
    same = len({each.arm for each in reveal.sides.values()}) == 1 and len(recipes) > 1
    return f"{named} {reveal.sides[side].recipe}" if same else named


def tallied(tally: Mapping[Choice, int]) -> str:
    """Say how many voted, and what: "3 votes: A is better (2), tie (1)."."""
    given = {said_in_a_sentence(choice): number for choice, number in tally.items() if number}
    if not given:
        return "Nobody voted."
    parts = given if sum(given.values()) == 1 else [f"{said} ({number:,})" for said, number in given.items()]
    return f"{counted(sum(given.values()), 'vote')}: {', '.join(parts)}."
