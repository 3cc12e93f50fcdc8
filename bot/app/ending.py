"""How a duel ends and whose answer its conversation goes on with. Pure: records in, records out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.app.agreed import AGREED
from bot.app.saying_who import says_who
from bot.ballots import Entrant, Said, carried, outcome
from bot.store import AnswerRecord, ClosedBy, DuelRecord
from bot.verdict import Who
from bot.words import ARMS, started
from engine.contestants import Contestant
from engine.duel import Answer, Failure, Side
from engine.named import Named
from engine.request import Turn

STILL_OPEN = "The vote on the earlier answers has not closed, so the conversation goes on with their answer A, the left one."
STOPPED = "This was stopped before both answers were complete, so there is nothing to vote on. Ask it again for a full duel."
ON_WITH_A_PART = "The conversation goes on with what there is of answer A, the left one."
BY_HAND = "The vote was closed by hand, so it does not count for the verdict."
ALONE = "{} answered this alone, at once: it has won the votes here. This is no duel and no evidence."
PINNED = "{} answered this alone, as the program wished. This is no duel and no evidence."
HALF = "A program has got one answer. The other one is written when nobody waits for an answer, and then both are voted on."
TELLS = "One answer says which side it is (“{words}”), so this does not count for the verdict."
DIED = "Duelbot stopped while this was being answered. Ask it again."


def turns_of(earlier: Sequence[DuelRecord]) -> tuple[Turn, ...]:
    """Give what both sides are told of the conversation: each request with the answer that was carried on.

    A duel without such an answer, or with an empty one, is left out with its request.
    """
    turns: list[Turn] = []
    for duel in earlier:
        answer = None if duel.carried is None else duel.answers.get(duel.carried)
        if answer and answer.text.strip():
            turns += [Turn("user", duel.request), Turn("assistant", answer.text)]
    return tuple(turns)


def go_on_early(duel: DuelRecord) -> DuelRecord:
    """Let a conversation go on from a duel that is still open: with the left answer, so that no ballot is given away."""
    return replace(duel, carried=duel.left, carried_by="early") if duel.carried is None else duel


def who(contestant: Contestant) -> Who:
    recipe, adapter = contestant.recipe, contestant.adapter
    made = Named(adapter.name, adapter.version) if adapter else None
    return Who(contestant.id, contestant.arm, Named(recipe.name, recipe.version), made, contestant.base.name)


def cut(outcomes: Mapping[Side, Answer | Failure], heard: Mapping[Side, str]) -> dict[Side, str]:
    """Cut each side's text: after a stop both end at the length of the shorter stopped one, which is what was shown."""
    texts = {side: outcome.text if isinstance(outcome, Answer) else heard[side] for side, outcome in outcomes.items()}
    stopped = [len(texts[side]) for side, outcome in outcomes.items() if isinstance(outcome, Answer) and outcome.finish == "stopped"]
    return {side: text[: min(stopped)] if stopped else text for side, text in texts.items()}


def answer_record(contestant: Contestant, outcome: Answer | Failure, text: str) -> AnswerRecord:
    if isinstance(outcome, Failure):
        return AnswerRecord(who(contestant), text, None, outcome.kind, outcome.words, outcome.usage, outcome.cost)
    return AnswerRecord(who(contestant), text, outcome.finish, None, None, outcome.usage, outcome.cost)


def ended(duel: DuelRecord, answers: dict[Entrant, AnswerRecord], now: datetime, stopped: str, closing: int) -> DuelRecord:
    """End a duel whose sides have both ended: open for ballots, closed as identical, or void.

    stopped: why it was stopped, if it was. closing: the number it gets should it close at once.
    """
    duel = replace(duel, answers=answers, answered_at=now)
    if duel.kind != "duel":
        return _ended_alone(duel, stopped)
    duel = replace(duel, says_who=says_who(duel.request, answers))
    finishes = {answer.finish for answer in answers.values()}
    if "stopped" in finishes:
        note = f"{stopped} {ON_WITH_A_PART}" if answers[duel.left].text.strip() else stopped
        return replace(duel, state="void", note=note, carried=duel.left, carried_by="stopped")
    if None in finishes:
        return _failed(duel)
    copies = len({answer.who.id for answer in answers.values()}) == 1  # an A/A check asks nevertheless: the vote is what it checks
    if not copies and len({answer.text.strip() for answer in answers.values()}) == 1:
        duel = replace(duel, state="closed", closed_at=now, closing=closing, closed_by="identical", identical=True)
        return replace(duel, carried=duel.left, carried_by="identical")
    return replace(duel, state="open")


def _ended_alone(duel: DuelRecord, stopped: str) -> DuelRecord:
    """End a turn that one contestant has answered; half a duel shows nothing of it before it is whole."""
    [answer] = duel.answers.values()
    duel = replace(duel, state="void")
    if answer.finish is None:
        return replace(duel, note="There is no answer. Ask it again.")
    if answer.finish == "stopped":
        kept = answer.text.strip() and duel.kind == "single"
        return replace(duel, note=stopped, carried=duel.served if kept else None, carried_by="stopped" if kept else None)
    if duel.kind == "half":
        return replace(duel, note=HALF)
    name = started(ARMS[answer.who.arm].named)
    return replace(duel, note=(ALONE if duel.coin is not None else PINNED).format(name), carried=duel.served, carried_by="only")


def _failed(duel: DuelRecord) -> DuelRecord:
    good = [side for side, entrant in duel.seats.items() if duel.answers[entrant].finish is not None]
    if not good:
        return replace(duel, state="void", note="Neither side could answer, so there is nothing to vote on. Ask it again.")
    [side] = good
    note = f"One side failed, so there is nothing to vote on. The conversation goes on with answer {side.label}; ask again for a full duel."
    return replace(duel, state="void", note=note, carried=duel.seats[side], carried_by="only")


def closed(duel: DuelRecord, closing: int, now: datetime, by: ClosedBy) -> DuelRecord:
    """Close a duel's vote. Where the conversation has already gone on, that stays."""
    duel = replace(duel, state="closed", closed_at=now, closing=closing, closed_by=by)
    if duel.carried is not None:
        return duel
    return replace(duel, carried=duel.seats[carried(duel.ballots, duel.seats)], carried_by="vote")


def goes_on(duel: DuelRecord) -> str:
    """Say in a sentence under a closed duel what its conversation goes on with."""
    match duel.carried_by:
        case "identical":
            return f"{AGREED} The conversation goes on with it."
        case "early":
            goes_on = "The conversation had gone on before the vote closed, with answer A, the left one."
        case _:
            goes_on = f"The conversation goes on with answer {_why_carried(duel)}."
    telling = TELLS.format(words=duel.says_who) if duel.says_who else ""
    return " ".join(filter(None, (goes_on, telling, BY_HAND if duel.closed_by == "hand" else "")))


def _why_carried(duel: DuelRecord) -> str:
    match outcome(duel.ballots):
        case 0 | 1:
            return f"{carried(duel.ballots, duel.seats).label}, the better one"
        case None:
            return "A, the left one, as nobody voted"
        case Said.BOTH_BAD:
            return "A, the left one, although both were found bad"
        case _:
            return "A, the left one, after a tie"
