"""What the loopback Discord knows: people, servers, channels, messages with every edit, and a clock that can be put forward."""

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

from tests.loopback.parts import Button, buttons, texts
from tests.loopback.waiting import Changes

Json = dict[str, Any]
EPOCH_MS = 1_420_070_400_000
TEXT, DM, THREAD = 0, 1, 11
ALL_PERMISSIONS = (1 << 53) - 1
HAS_THREAD, EPHEMERAL, LOADING, COMPONENTS_V2 = 1 << 5, 1 << 6, 1 << 7, 1 << 15


@dataclass(slots=True)
class User:
    id: int
    name: str
    bot: bool = False


@dataclass(frozen=True, slots=True)
class Role:
    name: str
    allowed: int = 0  # permission bits that it adds to everybody's


@dataclass(slots=True)
class Guild:
    id: int
    name: str
    owner: User
    members: dict[int, list[int]] = field(default_factory=dict)  # user id -> role ids
    roles: dict[int, Role] = field(default_factory=dict)  # by id; the bot knows those that are there when it connects
    admins: set[int] = field(default_factory=set)  # user ids


@dataclass(slots=True)
class Channel:
    """`bot_may`: whether the bot can see and write here. A place where the bot is only user-installed is one where it may not.

    archived: of a thread; nothing in it can be edited, and a message opens it again, unless it is locked.
    """

    id: int
    kind: int
    name: str
    guild: Guild | None = None
    recipient: User | None = None
    parent: "Channel | None" = None  # of a thread
    owner: User | None = None  # of a thread: who opened it
    archive_minutes: int = 1440  # of a thread: without a message for so long, it is archived
    slow_s: int = 0  # of a thread: between two messages of a person
    bot_may: bool = True
    archived: bool = False
    locked: bool = False


@dataclass(slots=True)
class File:
    id: int
    name: str
    data: bytes
    channel_id: int
    description: str | None = None


@dataclass(slots=True)
class Revision:
    at: float  # seconds, monotonic
    text: str
    labels: list[str]
    components: list[Json]


@dataclass(slots=True)
class Message:
    id: int
    channel: Channel
    author: User
    posted_at: float  # seconds, the world's clock
    content: str = ""
    components: list[Json] = field(default_factory=list)
    embeds: list[Json] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    flags: int = 0
    reference: int | None = None  # id of the message that this one answers
    nonce: str | None = None
    edited_at: float | None = None
    viewer: User | None = None  # of an ephemeral message
    token: str = ""  # of the interaction that this message answers
    asker: User | None = None  # whose interaction that was
    deleted: bool = False
    pinged: list[str] = field(default_factory=list)  # who was notified
    revisions: list[Revision] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All that can be read in it."""
        return "\n".join(part for part in [self.content, *texts(self.components)] if part)

    @property
    def buttons(self) -> list[Button]:
        return buttons(self.components)

    @property
    def labels(self) -> list[str]:
        """The buttons that can be pressed now."""
        return [button.label for button in self.buttons if not button.disabled]

    @property
    def ephemeral(self) -> bool:
        return bool(self.flags & EPHEMERAL)

    @property
    def link(self) -> str:
        return f"https://discord.com/channels/{self.channel.guild.id if self.channel.guild else '@me'}/{self.channel.id}/{self.id}"


class World:
    """All state. Every change is told to `changes`."""

    def __init__(self) -> None:
        self.changes = Changes()
        self.users: dict[int, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.messages: dict[int, Message] = {}
        self.files: dict[int, File] = {}
        self.commands: dict[int, Json] = {}  # the application's global commands, by id
        self.content_intent_in_portal = False
        self._ahead_s = 0.0
        self._counter = itertools.count(1)
        self.bot = self.user("Duelbot", bot=True)

    # --- time

    def now(self) -> float:
        """Seconds since 1970, as the world sees them."""
        return time.time() + self._ahead_s

    def skip(self, seconds: float) -> None:
        """For Discord time passes at once: tokens expire, messages grow old. The bot's own clock stays."""
        self._ahead_s += seconds

    def snowflake(self) -> int:
        """A fresh id; it holds the true time, as clients read it from there."""
        return (int(time.time() * 1000 - EPOCH_MS) << 22) | (next(self._counter) & 0x3FFFFF)

    # --- people and places

    def user(self, name: str, *, bot: bool = False) -> User:
        user = User(self.snowflake(), name, bot)
        self.users[user.id] = user
        return user

    def guild(self, name: str, owner: User) -> Guild:
        guild = Guild(self.snowflake(), name, owner)
        guild.members = {owner.id: [], self.bot.id: []}
        guild.admins = {owner.id}
        self.guilds[guild.id] = guild
        return guild

    def channel(self, guild: Guild, name: str, *, bot_may: bool = True) -> Channel:
        channel = Channel(self.snowflake(), TEXT, name, guild=guild, bot_may=bot_may)
        self.channels[channel.id] = channel
        return channel

    def role(self, guild: Guild, name: str, allowed: int = 0) -> int:
        """A role with these permission bits; its id."""
        number = self.snowflake()
        guild.roles[number] = Role(name, allowed)
        return number

    def thread(self, parent: Channel, name: str, owner: User, *, on: "Message | None" = None) -> Channel:
        """A public thread; one on a message has the message's id."""
        thread = Channel(on.id if on else self.snowflake(), THREAD, name, guild=parent.guild, parent=parent, owner=owner)
        self.channels[thread.id] = thread
        return thread

    def dm(self, user: User) -> Channel:
        """The one conversation between the bot and this person."""
        for channel in self.channels.values():
            if channel.recipient is user:
                return channel
        channel = Channel(self.snowflake(), DM, user.name, recipient=user)
        self.channels[channel.id] = channel
        return channel

    # --- messages

    def add(self, message: Message) -> Message:
        self.messages[message.id] = message
        self.note(message)
        return message

    def note(self, message: Message) -> None:
        """A message has got its present form: keep it in the edit history."""
        message.revisions.append(Revision(time.monotonic(), message.text, message.labels, message.components))
        self.changes.tell()

    def age_s(self, message: Message) -> float:
        return self.now() - message.posted_at

    def of_bot(self, channel: Channel | None = None) -> list[Message]:
        """The bot's messages that still stand, oldest first."""
        return [m for m in self.messages.values() if m.author is self.bot and not m.deleted and channel in (None, m.channel)]

    def answers_to(self, message: Message) -> list[Message]:
        """The bot's replies to a message."""
        return [m for m in self.of_bot(message.channel) if m.reference == message.id]
