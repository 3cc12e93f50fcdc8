"""Orders: a request with who asked it and where. All fronts ask by them; the app applies its rules from them alone."""

from dataclasses import dataclass
from datetime import timedelta

from bot.picks import USUAL, Pick
from engine.errors import BadRequest, DuelbotError
from engine.request import Turn


class QueueFull(BadRequest):
    """As many requests of everybody are being answered as may be at the same time."""


class StillLoading(BadRequest):
    """The base on which the picked two stand has not loaded yet."""


class LimitMet(BadRequest):
    """A key has asked as much as it may for now."""


class BudgetSpent(LimitMet):
    """The answers of a key, or of its team, have cost as much as they may."""


class NotHere(BadRequest):
    """The team takes no requests in this channel; `channels` are those in which it does."""

    def __init__(self, channels: tuple[str, ...]) -> None:
        super().__init__("In this server I answer in certain channels only. A server admin sets them with /settings.")
        self.channels = channels


class AlreadyAsked(DuelbotError):
    """The same event came before; its duel is being answered or has been."""


@dataclass(frozen=True, slots=True)
class Order:
    """A request, and where it was asked. On the page and in a terminal there is no event, no team and no channel.

    What it goes on with is named by one of: conversation, rolling, again, reply_to; by none of them it begins a conversation.
    """

    text: str
    asker: str
    event: str | None = None  # "message:…" or "interaction:…", which may come twice and asks once
    team: str | None = None
    channel: str = ""
    within: str = ""  # the channel that the channel is a thread of
    conversation: str | None = None  # goes on with this one
    roles: frozenset[str] = frozenset()  # of the asker
    private: bool = False  # shown to the asker alone, who votes alone
    lasting: bool = True  # False: shown only while a token lives
    solo: bool = False  # one ballot closes the vote
    owner: bool = False  # asked by whoever runs Duelbot, at its own machine; limits of persons are for those who share it
    rolling: bool = False  # goes on with the channel's conversation
    reply_to: tuple[str, ...] = ()  # messages, the nearest first: goes on from the first one's duel that has one
    again: str | None = None  # duel that is asked once more: what was said before it is said before this one
    before: tuple[Turn, ...] = ()  # what was said before, in a new conversation
    tag: str = ""  # what it is about, in a word; "": the team's rules guess it
    recipe: str = ""  # engineered recipe by name; "": the team's choice
    adapter: str = ""  # of the fine-tuned side, by name; "": the team's choice, else the one in use
    against: str = ""  # an adapter that meets that one, in place of the other side
    pick: Pick = USUAL  # who meets, in place of all of the above
    left_out: str = ""  # a sentence about what came with the request and is no part of it
    batch: bool = False  # one of a file: asked one after the other, so not counted by the minute
    quorum: int | None = None  # ballots that close the vote; None: as the team has settled, one outside of teams
    closes_in: timedelta | None = None  # instead of the team's deadline; outside of channels, with a quorum: how long votes are collected
    compare: bool = False  # becomes a duel, whatever the team's duel share
    program: bool = False  # asked with a key: one answer goes out at once, and of a duel the other one is written later
    only: str = ""  # contestant id of the one that shall answer alone; "": as the team's route says

    @property
    def placed(self) -> bool:
        """Whether the duel belongs to a channel, or to the team of a program's key, so that it has a post."""
        return bool(self.channel) or (self.program and self.team is not None)

    @property
    def drawn(self) -> bool:
        """Whether the duel share decides what it becomes: not where the asker says who meets, nor for files, which are asked for votes."""
        said = self.only or self.recipe or self.adapter or self.against or self.pick
        return not (said or self.compare or self.collects or self.batch)

    @property
    def collects(self) -> bool:
        """Whether several people vote on it outside of channels."""
        return self.closes_in is not None and not self.placed

    @property
    def places(self) -> tuple[str, ...]:
        """The channels that it is asked in: a thread and the channel around it, the nearest first."""
        return tuple(filter(None, (self.channel, self.within)))

    @property
    def direct(self) -> bool:
        """Whether it is asked in a direct message to the bot."""
        return self.placed and self.team is None and self.solo

    @property
    def alone(self) -> bool:
        """Whether the asker alone votes, without a deadline."""
        return self.private or self.solo
