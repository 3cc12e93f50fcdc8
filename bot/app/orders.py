"""Orders: a request with the place where it was asked, and what a team has settled for its requests."""

from dataclasses import dataclass
from datetime import timedelta

from engine.errors import BadRequest, DuelbotError
from engine.request import Turn

EVERYONE = ""
"""The role of everybody in a channel."""


class QueueFull(BadRequest):
    """As many requests are being answered as may be at the same time, of everybody."""


class AlreadyAsked(DuelbotError):
    """The same event came before; its duel is being answered or has been."""


@dataclass(frozen=True, slots=True)
class TeamSettings:
    """What a team has settled; "" as a role is everybody."""

    quorum: int
    deadline_hours: float
    vote_role: str = EVERYONE
    ask_role: str = EVERYONE
    recipe: str = ""  # engineered recipe by name; "": that of DUEL_RECIPE


@dataclass(frozen=True, slots=True)
class Order:
    """A request, and where it was asked."""

    text: str
    asker: str
    event: str  # "message:…" or "interaction:…"
    team: str | None
    channel: str
    roles: frozenset[str] = frozenset()  # of the asker
    private: bool = False  # shown to the asker alone, who votes alone
    lasting: bool = True  # False: shown only while a token lives
    solo: bool = False  # one ballot closes the vote
    rolling: bool = False  # goes on with the channel's conversation
    reply_to: tuple[str, ...] = ()  # messages, the nearest first: the conversation goes on from the first one's duel that has one
    again: str | None = None  # duel that is asked once more: what was said before it is said before this one
    before: tuple[Turn, ...] = ()  # what was said before, in a new conversation
    tag: str = ""
    recipe: str = ""  # engineered recipe by name; "": the team's choice
    left_out: str = ""  # a sentence about what came with the request and is no part of it
    batch: bool = False  # one of a file: asked one after the other, so not counted by the minute
    closes_in: timedelta | None = None  # instead of the team's deadline
