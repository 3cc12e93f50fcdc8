"""All that a front may hold: duels as one viewer may see them, where they are shown, and what is listed of many.

Blind by construction: of a duel whose vote has not closed, nothing here tells the sides apart.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bot.ballots import Choice, Reason
from bot.errors import UnknownDuel
from bot.picks import USUAL, Pick
from bot.who import Who
from engine.backends.base import Usage
from engine.contestants import Arm
from engine.cost import Cost
from engine.duel import Side
from engine.named import Named

EVERYONE = ""  # the role of everybody in a channel
OUTSIDE = ""  # the team that page, terminal and direct messages are together
SHIPPED, FILE = "shipped", "file"  # authors of recipes that are nobody: it came with the program, or from a file of the settings
GONE = "gone"  # what a deleted message shows, as `Post.shown` keeps it

DuelState = Literal[
    "waiting",  # for the model
    "answering",
    "open",  # for ballots
    "closed",  # and revealed
    "void",  # takes no ballots; its note says why
    "answered",  # by one contestant alone, so it is no duel
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
class Collected:
    """The vote of several people outside of channels."""

    quorum: int  # ballots that close it
    closes_at: datetime  # UTC, with the ballots there are
    names: tuple[str, ...] = ()  # of those who voted; empty until the close


@dataclass(frozen=True, slots=True)
class VoterReason:
    """Why one voter chose what they chose; who it was is not told."""

    choice: Choice
    reason: Reason


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
    single: RevealedSide | None = None  # who answered alone, of a turn that is no duel; such a turn has one side
    collected: Collected | None = None  # None: one ballot closes the vote, or a channel's members vote
    held_until: datetime | None = None  # UTC; until then the only ballot can be taken back, then it closes the vote; None: it cannot
    own_reason: Reason | None = None  # the viewer's
    asked_for: Arm | None = None  # of two techniques the one that a voter in a few is asked to find; None: both are one
    reasons: tuple[VoterReason, ...] = ()  # of all voters; empty until the close


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
    edited: str = ""  # the request as its asker has edited it since; "": as it was asked

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
    if view.state == "answered":
        return "void"  # takes no ballots, as the store has it
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


# how the latest duel of a conversation went: its state, or what a closed one's voters said; where one was better, its arm stands there
OUTCOMES = ("open", "answering", "void", "tie", "both_bad", "identical", "unvoted", "answered")


@dataclass(frozen=True, slots=True)
class TalkSummary:
    """A line of the list of conversations."""

    conversation: str
    title: str
    asked_at: datetime  # UTC, the latest request
    turns: int
    outcome: str  # of the latest duel: one of OUTCOMES, or an arm
    winner: Arm | None  # the better one in the latest duel
    tag: str  # the latest
    asker: str  # of the latest request


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
    recipe: str = ""  # engineered recipe by name or name@version; "": that of DUEL_RECIPE
    called: str = ""  # the team's name, for {{team}} in recipes; "": it has none here
    adapter: str = ""  # name@version; "": the one that is in use
    consent: bool = False  # people may agree that their closed duels train adapters
    channels: tuple[str, ...] = ()  # ids of those in which requests are taken, with their threads; none: all
    replies: bool = False  # a reply to an answer asks, whatever it says
    threads: bool = False  # a request by a mention is answered in a thread of its own
    direct: bool = True  # of the team OUTSIDE: direct messages are answered


def place_of(team: str, channel: str) -> str:
    """Name a channel where it has settled something of its own: its team's id and its own, as if it were a team."""
    return f"{team}/{channel}"


@dataclass(frozen=True, slots=True)
class RoleLimit:
    """How much a member with a role may ask; None: as the settings of Duelbot say, above which no role may go."""

    in_flight: int | None = None
    per_minute: int | None = None
    per_day: int | None = None
    usd_per_day: float | None = None


@dataclass(frozen=True, slots=True)
class ProgramKey:
    """A key with which a program asks. The key itself is kept nowhere."""

    id: str
    name: str
    team: str  # OUTSIDE, or a team's id on its platform
    in_flight: int  # requests at the same time
    per_minute: int
    per_day: int
    usd_per_day: float | None  # what its answers may cost in 24 hours, in US dollars; None: no limit
    made_by: str
    made_at: datetime  # UTC
    ended_at: datetime | None = None  # None: it opens the door

    @property
    def asker(self) -> str:
        """The name under which its requests are kept."""
        return f"key:{self.id}"


JobState = Literal["queued", "running", "done", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Job:
    """Work that takes minutes, in a process of its own. Ids are the platform's, as text."""

    id: str
    kind: str
    arguments: Mapping[str, Any]  # of the kind, as JSON has them
    asker: str
    asked_at: datetime
    team: str | None = None
    channel: str = ""  # where a message shows how far it is; "": none does
    message: str | None = None  # None until it is sent
    state: JobState = "queued"
    words: str = ""  # a sentence about its end
    result: Mapping[str, Any] | None = None  # of the kind; None before it is done
    began_at: datetime | None = None  # for the first time
    ended_at: datetime | None = None

    @property
    def going(self) -> bool:
        """Whether it runs, or waits for its turn."""
        return self.state in ("queued", "running")


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
    pick: Pick = USUAL  # who meets
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


@dataclass(frozen=True, slots=True)
class RecipeVersion:
    """A recipe as it stood: who made it of what, when, why, and in how long."""

    named: Named
    digest: str  # of its content, as contestants have it
    parent: str | None  # id of the version that was edited; None: the first of its chain
    author: str
    saved_at: datetime  # UTC
    reason: str
    content: str  # TOML
    edit_s: float | None  # seconds from opening the editor to saving; None: it was not edited here

    @property
    def id(self) -> str:
        """16 hex digits of the SHA-256 of name, version and digest."""
        return hashlib.sha256(json.dumps([self.named.name, self.named.version, self.digest]).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class RecipeUse:
    """A moment from which on a version answered a team."""

    team: str
    recipe: str  # id of the version
    person: str
    used_at: datetime  # UTC
    reason: str


@dataclass(frozen=True, slots=True)
class Rematched:
    """How far a version has come on past requests, and what became of it."""

    equal: int = 0  # auto-ties: the answer of then, word for word
    open: int = 0  # changed, and waiting for a vote
    closed: int = 0  # changed, and voted on
