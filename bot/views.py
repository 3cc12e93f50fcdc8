"""What a front shows: a duel as seen by one viewer. Blind by construction, before the close nothing here tells the sides apart."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.ballots import Choice
from engine.backends.base import Usage
from engine.contestants import Arm
from engine.cost import Cost
from engine.duel import Side
from engine.named import Named

DuelState = Literal["waiting", "answering", "open", "closed", "void"]
"""waiting for the model or a place; answering; open for ballots; closed and revealed; void: takes no ballots, says why."""


@dataclass(frozen=True, slots=True)
class SideView:
    """One side as shown. While a duel is answering, both texts are paced by the slower side."""

    text: str
    state: Literal["waiting", "writing", "done", "failed"]
    failure: str = ""  # words, when failed
    cut: bool = False  # ended by the token limit


@dataclass(frozen=True, slots=True)
class RevealedSide:
    """Who a side was and what it took."""

    arm: Arm
    contestant_id: str
    recipe: Named
    adapter: Named | None
    usage: Usage
    cost: Cost


@dataclass(frozen=True, slots=True)
class Reveal:
    """Shown when a duel has closed."""

    sides: dict[Side, RevealedSide]
    tally: dict[Choice, int]
    auto_tie: bool = False  # the answers were identical, nobody was asked


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do where both sides said the same, so that there was nothing to vote on."""

    words: str  # one or two sentences
    request: str = ""  # to ask in a new conversation; "": the words say it all


@dataclass(frozen=True, slots=True)
class DuelView:
    """A duel as one viewer may see it now."""

    id: str
    conversation: str
    turn: int  # 1 for the first duel of its conversation
    asker: str
    request: str
    asked_at: datetime  # UTC
    state: DuelState
    note: str  # one sentence: what it waits for, why it is void, what goes on in the conversation; may be empty
    sides: dict[Side, SideView]
    ballots: int  # how many have voted
    own_choice: Choice | None
    carried: Side | None  # whose answer the conversation goes on with; None while it is undecided
    reveal: Reveal | None
    next_step: NextStep | None = None  # only under equal answers; the same whenever it is looked at


@dataclass(frozen=True, slots=True)
class DuelSummary:
    """A line of the history."""

    id: str
    conversation: str
    turn: int
    request: str
    asked_at: datetime
    state: DuelState
    ballots: int


@dataclass(frozen=True, slots=True)
class ModelState:
    """Whether the model can answer."""

    state: Literal["loading", "ready", "failed"]
    words: str  # a sentence: what is loading, what is loaded, why it cannot be
    arms: tuple[Arm, Arm] | None = None  # when ready
