"""Interactions: what a person does with the bot, and how the bot has answered it."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.loopback import payloads
from tests.loopback.refusals import already_acknowledged, token_expired, unknown_interaction, unknown_webhook
from tests.loopback.world import ALL_PERMISSIONS, DM, LOADING, Channel, Message, User, World

Json = dict[str, Any]
COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5
ANSWER_S, TOKEN_S = 3.0, 15 * 60.0
FILE_LIMIT = 10 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Interaction:
    id: int
    token: str
    kind: int
    user: User
    channel: Channel
    world: World
    sent_at: float  # seconds, the world's clock
    sent: float = field(default_factory=time.monotonic)
    message: Message | None = None  # that a component belongs to
    by_user_install: bool = False
    ack_kind: int | None = None
    ack_s: float | None = None  # from sending the event to the bot's first answer
    original: Message | None = None
    followups: list[Message] = field(default_factory=list)
    modal: Json | None = None
    choices: list[Json] | None = None

    @property
    def reply(self) -> Message | None:
        """The first answer, once it is more than "thinking"."""
        mine = self.original if self.original is not self.message else None
        return mine if mine and not mine.flags & LOADING and not mine.deleted else None

    @property
    def replies(self) -> list[Message]:
        return [note for note in [self.reply, *self.followups] if note and not note.deleted]

    async def acknowledged(self) -> "Interaction":
        """Waits for the bot's first answer."""
        await self.world.changes.until(lambda: self.ack_kind is not None, f"an answer to {self.user.name}'s interaction")
        return self

    async def answered(self, question: Callable[[Message], Any] = lambda note: True, what: str = "an answer") -> Message:
        """Waits for a message that answers this interaction and fits the question."""
        return await self.world.changes.until(
            lambda: next((note for note in self.replies if question(note)), None),
            lambda: f"{what} for {self.user.name}; there are {[n.text for n in self.replies]}",
        )


class Interactions:
    """All of them, by id and by token."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.all: dict[int, Interaction] = {}

    def start(self, kind: int, user: User, channel: Channel, **more: Any) -> Interaction:
        number = self._world.snowflake()
        token = f"{payloads.TOKEN_MARK}{number}:{secrets.token_urlsafe(48)}"
        made = Interaction(number, token, kind, user, channel, self._world, self._world.now(), **more)
        self.all[number] = made
        return made

    def payload(self, made: Interaction, data: Json) -> Json:
        """As INTERACTION_CREATE has it."""
        place, world = made.channel, self._world
        body: Json = {
            "id": str(made.id),
            "application_id": str(world.bot.id),
            "type": made.kind,
            "data": data,
            "token": made.token,
            "version": 1,
            "channel_id": str(place.id),
            "channel": payloads.channel(place) | {"permissions": str(ALL_PERMISSIONS)},
            "locale": "en-US",
            "app_permissions": str(payloads.MEMBER_PERMISSIONS if place.bot_may else 0),
            "entitlements": [],
            "attachment_size_limit": FILE_LIMIT,
            "context": 0 if place.guild else 1 if place.kind == DM else 2,
            "authorizing_integration_owners": {"1": str(made.user.id)}
            if made.by_user_install
            else {"0": str(place.guild.id if place.guild else 0)},
        }
        if place.guild:
            member = payloads.member(place.guild, made.user, with_permissions=True)
            guild = {"id": str(place.guild.id), "locale": "en-US", "features": []}
            body |= {"guild_id": str(place.guild.id), "guild": guild, "guild_locale": "en-US", "member": member}
        else:
            body["user"] = payloads.user(made.user)
        if made.message:
            body["message"] = payloads.message(world, made.message)
        return body

    # --- what the bot may still do

    def to_answer(self, number: str, token: str) -> Interaction:
        """For the first answer. Raises what Discord answers when there is none to give."""
        made = self.all.get(int(number))
        if made is None or made.token != token:
            raise unknown_interaction(late=False)
        if made.ack_kind is not None:
            raise already_acknowledged()
        if self._world.now() - made.sent_at > ANSWER_S:
            raise unknown_interaction(late=True)
        return made

    def acknowledge(self, made: Interaction, kind: int) -> None:
        made.ack_kind = kind
        made.ack_s = time.monotonic() - made.sent
        self._world.changes.tell()

    def by_token(self, token: str) -> Interaction:
        """For edits and followups, within 15 minutes."""
        made = next((one for one in self.all.values() if one.token == token), None)
        if made is None or made.ack_kind is None:
            raise unknown_webhook()
        if self._world.now() - made.sent_at > TOKEN_S:
            raise token_expired()
        return made

    def settle(self, made: Interaction) -> None:
        """A deferred answer has got its content."""
        if made.original:
            made.original.flags &= ~LOADING
        self._world.changes.tell()
