"""All that a front may hold: duels as one viewer may see them, where they are shown, and what is listed of many.

Blind by construction: of a duel whose vote has not closed, nothing here tells the sides apart.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.ballots import Choice
from bot.errors import UnknownDuel
from bot.who import Who
from engine.backends.base import Usage
from engine.contestants import Arm
from engine.cost import Cost
from engine.duel import Side
from engine.named import Named

EVERYONE = ""  # the role of everybody in a channel
GONE = "gone"  # what a deleted message shows, as `Post.shown` keeps it

DuelState = Literal[
    "waiting",  # for the model
    "answering",
    "open",  # for ballots
    "closed",  # and revealed
    "void",  # takes no ballots; its note says why
]


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
    """Who was who and how the vote went, of a duel that has closed."""

    sides: dict[Side, RevealedSide]
    tally: dict[Choice, int]
    auto_tie: bool = False  # the answers were identical, nobody was asked


@dataclass(frozen=True, slots=True)
class NextStep:
    """The advice under a duel whose sides said the same, so that there was nothing to vote on."""

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
class Post:
    """The place where a duel is shown in a channel. Ids are the platform's, as text."""

    duel: str
    event: str | None  # what asked, "message:…" or "interaction:…"; None: forgotten
    team: str | None  # None in a direct message
    channel: str
    message: str | None  # that shows the duel; None until it is sent
    private: bool  # shown to its asker alone
    lasting: bool  # can be edited for ever; False: only while its token lives
    closes_at: datetime | None  # UTC, the vote's deadline; None: its asker alone votes
    shown: str = ""  # what the message shows, as `face_of` names it; "gone": it was deleted
    told: bool = False  # the asker knows of the close, or need not be told
    left_out: str = ""  # a sentence about what came with the request and is no part of it
    quorum: int | None = None  # of the duel: ballots that close the vote
    tag: str = ""  # of the duel; "": none

    @property
    def alone(self) -> bool:
        """Whether its asker alone votes, without a deadline: in a direct message, or where nobody else sees the duel."""
        return self.closes_at is None

    @property
    def event_message(self) -> str | None:
        """The message that asked; None where a command or a button did."""
        return self.event.removeprefix("message:") if self.event and self.event.startswith("message:") else None


@dataclass(frozen=True, slots=True)
class Shown:
    """A duel for one viewer with the place where it is shown, both as of one transaction: all that its drawing needs."""

    view: DuelView
    place: Post | None = None  # None: it was asked on the page or in a terminal
    asks_for: Arm | None = None  # the technique that this voter is asked to find before the close; None: they are not asked

    @property
    def post(self) -> Post:
        """The place in a channel. Raises UnknownDuel for a duel that has none."""
        if self.place is None:
            raise UnknownDuel("This duel was not asked in a channel.")
        return self.place


def face_of(view: DuelView) -> str:
    """Name what a message that shows this view shows, as `Post.shown` keeps it: its state, with the ballots of an open vote."""
    return f"open{view.ballots}" if view.state == "open" else view.state


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
    """The state of the model: whether it can answer."""

    state: Literal["loading", "ready", "failed"]
    words: str  # a sentence: what is loading, what is loaded, why it cannot be
    arms: tuple[Arm, Arm] | None = None  # when ready


@dataclass(frozen=True, slots=True)
class Results:
    """How the duels of a team, or of one person in direct messages, went."""

    duels: dict[tuple[str, Who | None], int]  # by kind and who was better: ("better", who), (kind, None); kinds: see bot/store/lists.py
    ballots: int  # on closed votes
    voters: int  # who cast those


@dataclass(frozen=True, slots=True)
class Spending:
    """US dollars that a team's answers cost, against its caps."""

    day_usd: float  # of the last 24 hours
    month_usd: float  # of the last 30 days
    day_cap_usd: float | None  # None: no cap
    month_cap_usd: float | None


@dataclass(frozen=True, slots=True)
class TeamSettings:
    """What a team has settled for its duels; "" as a role is everybody."""

    quorum: int  # ballots that close a vote
    deadline_hours: float
    vote_role: str = EVERYONE
    ask_role: str = EVERYONE
    recipe: str = ""  # engineered recipe by name; "": that of DUEL_RECIPE
    consent: bool = False  # people may agree that their closed duels train adapters


@dataclass(frozen=True, slots=True)
class Batch:
    """A file of requests that are asked one after the other, and how far it is. Ids are the platform's, as text."""

    event: str  # what asked
    asker: str
    team: str | None  # None in a direct message
    channel: str
    total: int  # requests
    moved_at: datetime  # UTC, when one of its requests was last done with
    roles: frozenset[str] = frozenset()  # of the asker when they asked
    solo: bool = False  # one ballot closes each vote
    tag: str = ""
    recipe: str = ""
    message: str | None = None  # that says how far it is; None until it is sent
    answered: int = 0
    failed: int = 0
    why: str = ""  # of the latest that failed
    ended: str = ""  # why it ended before its time


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One request of a file that is still to be answered."""

    number: int  # from 1
    text: str
    breaks: int = 0  # how often the process ended while it was being answered
