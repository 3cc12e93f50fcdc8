"""A stored or running duel turned into what one viewer may see. Pure, and blind until the close."""

from bot.app.ending import goes_on
from bot.app.progress import Progress
from bot.ballots import Choice, choice_of, tally
from bot.store import AnswerRecord, DuelRecord
from bot.views import Collected, DuelState, DuelView, NextStep, Reveal, RevealedSide, SideView, VoterReason
from engine.contestants import Arm
from engine.duel import Side

BROKEN_OFF = "No answer was kept."


def show(duel: DuelRecord, viewer: str, progress: Progress | None = None, step: NextStep | None = None) -> DuelView:
    """Show a duel to this viewer. progress: what has been heard so far, while it is being answered. step: under equal answers."""
    return DuelView(
        id=duel.id,
        conversation=duel.conversation,
        turn=duel.turn,
        asker=duel.asker,
        request=duel.request,
        asked_at=duel.asked_at,
        state=_state(duel, progress),
        note=_note(duel, progress),
        sides=_sides(duel, progress),
        ballots=len(duel.ballots),
        own_choice=next((choice_of(ballot, duel.seats) for ballot in duel.ballots if ballot.voter == viewer), None),
        carried=duel.carried_side,
        reveal=_reveal(duel) if duel.state == "closed" else None,
        next_step=step,
        collected=_collected(duel),
        held_until=duel.ends_at if duel.held else None,
        asked_for=_asked_for(duel),
        own_reason=duel.reasons.get(viewer),
        reasons=_reasons(duel) if duel.state == "closed" else (),
        single=_single(duel),
    )


def _asked_for(duel: DuelRecord) -> Arm | None:
    """Entrant 1's arm, wherever it sits: that it takes part is all that this says."""
    if duel.state != "open":
        return None
    first, second = (duel.answers[entrant].who.arm for entrant in (0, 1))
    return second if first is not second else None


def _collected(duel: DuelRecord) -> Collected | None:
    """Who has voted is told once the vote has closed, what each has chosen never; the names' order tells nothing, either."""
    if duel.ends_at is None or not duel.collects:
        return None
    assert duel.quorum is not None
    names = tuple(sorted(duel.names.values(), key=str.casefold)) if duel.state == "closed" else ()
    return Collected(duel.quorum, duel.ends_at, names)


def _reasons(duel: DuelRecord) -> tuple[VoterReason, ...]:
    told = {each.voter: each for each in duel.ballots if each.voter in duel.reasons}
    said = [VoterReason(choice_of(ballot, duel.seats), duel.reasons[voter]) for voter, ballot in told.items()]
    return tuple(sorted(said, key=lambda each: (list(Choice).index(each.choice), each.reason.words)))


def _single(duel: DuelRecord) -> RevealedSide | None:
    """Who answered alone; of half a duel nobody is told."""
    answer = duel.answers.get(duel.served) if duel.kind == "single" and duel.served is not None else None
    return _revealed(answer) if answer and answer.usage and answer.cost else None


def _state(duel: DuelRecord, progress: Progress | None) -> DuelState:
    if duel.kind == "half":
        return "void" if duel.state == "void" and not duel.served_well else "waiting"
    if duel.kind == "single" and duel.served_well:
        return "answered"
    return "waiting" if progress and not progress.started and duel.state == "answering" else duel.state


def _note(duel: DuelRecord, progress: Progress | None) -> str:
    if duel.state == "closed":
        return goes_on(duel)
    return " ".join(filter(None, (progress.note if progress else "", duel.note)))


def _sides(duel: DuelRecord, progress: Progress | None) -> dict[Side, SideView]:
    """Before both have ended, both sides have one state: who is ready or has failed first shows nowhere."""
    if duel.kind == "half":
        return dict.fromkeys(Side, SideView("", "waiting"))
    if duel.state == "answering":
        shown = progress.shown() if progress else dict.fromkeys(duel.asked, "")
        state = "writing" if any(shown.values()) else "waiting"
        return {side: SideView(shown[side], "writing" if state == "writing" else "waiting") for side in shown}
    return {side: _ended(duel.answers.get(entrant)) for side, entrant in duel.asked.items()}


def _ended(answer: AnswerRecord | None) -> SideView:
    if answer is None:
        return SideView("", "failed", failure=BROKEN_OFF)
    if answer.finish is None:
        return SideView(answer.text, "failed", failure=answer.failure_words or "")
    return SideView(answer.text, "done", cut=answer.finish == "length")


def _reveal(duel: DuelRecord) -> Reveal:
    sides = {side: _revealed(duel.answers[entrant]) for side, entrant in duel.seats.items()}
    return Reveal(sides, tally(duel.ballots, duel.seats), duel.identical)


def _revealed(answer: AnswerRecord) -> RevealedSide:
    assert answer.usage is not None and answer.cost is not None  # a duel with a failed side never closes
    who = answer.who
    return RevealedSide(who.arm, who.id, who.recipe, who.adapter, answer.usage, answer.cost)
