"""People: they post, mention, run commands, press buttons, delete; and they see what the bot shows them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.loopback import payloads, posting, routes
from tests.loopback.interactions import AUTOCOMPLETE, COMMAND, COMPONENT, MODAL, Interaction
from tests.loopback.parts import LABEL, SELECTS, walk
from tests.loopback.server import Loopback
from tests.loopback.world import Channel, File, Message, Role

Json = dict[str, Any]
SUBCOMMANDS, CHANNEL, ROLE, ATTACHMENT = (1, 2), 7, 8, 11
EVERYONE = Role("@everyone", payloads.MEMBER_PERMISSIONS)
_INTERACTIONS = None  # interactions come whatever the intents are


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that a person gives."""

    name: str
    data: bytes


class Person:
    """One human. Everything returns at once; what the bot makes of it is waited for with `sees` or on the interaction."""

    def __init__(self, discord: Loopback, name: str) -> None:
        self.discord = discord
        self.world = discord.world
        self.user = discord.world.user(name)

    def join(self, guild: Any, *roles: int) -> "Person":
        guild.members[self.user.id] = list(roles)
        return self

    # --- messages

    async def post(self, channel: Channel, text: str, *, reply_to: Message | None = None, files: tuple[Attached, ...] = ()) -> Message:
        world = self.world
        number = world.snowflake()
        stored = [self._upload(channel, file) for file in files]
        reference = reply_to.id if reply_to else None
        note = Message(number, channel, self.user, world.now(), content=text, files=stored, reference=reference)
        world.add(note)
        posting.tell(self.discord, "MESSAGE_CREATE", note)
        return note

    async def mention(self, channel: Channel, text: str, **more: Any) -> Message:
        return await self.post(channel, f"<@{self.world.bot.id}> {text}", **more)

    async def dm(self, text: str, **more: Any) -> Message:
        return await self.post(self.world.dm(self.user), text, **more)

    async def edit(self, note: Message, text: str) -> None:
        """Change one's own words; the bot is told."""
        assert note.author is self.user, f"{self.user.name} did not write {note.content!r}"
        note.content, note.edited_at = text, self.world.now()
        self.world.note(note)
        posting.tell(self.discord, "MESSAGE_UPDATE", note)

    async def start_thread(self, channel: Channel, name: str) -> Channel:
        """A public thread; the bot is told of it."""
        thread = self.world.thread(channel, name, self.user)
        self.discord.gateway.tell("THREAD_CREATE", payloads.channel(thread), thread)
        return thread

    async def archive(self, thread: Channel, *, locked: bool = False) -> None:
        routes.set_archived(self.discord, thread, archived=True, locked=locked)

    async def open_again(self, thread: Channel) -> None:
        routes.set_archived(self.discord, thread, archived=False)

    async def delete(self, note: Message) -> None:
        """One's own message, or as a moderator anybody's."""
        posting.delete(self.discord, note)

    def _upload(self, channel: Channel, file: Attached) -> File:
        stored = File(self.world.snowflake(), file.name, file.data, channel.id)
        self.world.files[stored.id] = stored
        return stored

    async def sees(self, channel: Channel, question: Callable[[Message], Any], what: str = "such a message") -> Message:
        """The first message of the bot in the channel that fits, now or as soon as there is one."""

        def find() -> Message | None:
            return next((note for note in self.world.of_bot(channel) if note.viewer in (None, self.user) and question(note)), None)

        return await self.world.changes.until(
            find, lambda: f"{what} in {channel.name}; there are {[n.text for n in self.world.of_bot(channel)]}"
        )

    async def answer_to(self, note: Message, question: Callable[[Message], Any] = lambda note: True) -> Message:
        """The bot's reply to a message, once it fits."""
        return await self.sees(note.channel, lambda found: found.reference == note.id and question(found), f"an answer to {note.content!r}")

    # --- commands

    async def slash(self, channel: Channel, name: str, /, *, user_installed: bool = False, **options: Any) -> Interaction:
        """Run "compare" or "recipe list" as Discord's own client would: with the options that the command has, and no others."""
        command, data = self._command(name, 1), {}
        needed = int(command[0].get("default_member_permissions") or 0)
        has = payloads.permissions(channel.guild, self.user) if channel.guild else needed
        assert has & needed == needed, f"{self.user.name} may not use /{name}"
        made = self._start(COMMAND, channel, user_installed)
        resolved: Json = {}
        values = [
            self._option(channel, found, options.pop(found["name"]), resolved)
            for found in command[-1].get("options", [])
            if found["name"] in options
        ]
        assert not options, f"/{name} has no {', '.join(options)}"
        missing = [o["name"] for o in command[-1].get("options", []) if o.get("required") and o["name"] not in {v["name"] for v in values}]
        assert not missing, f"/{name} needs {', '.join(missing)}"
        data = _nested(command, values)
        return self._send(made, data | ({"resolved": resolved} if resolved else {}))

    async def autocomplete(self, channel: Channel, name: str, option: str, typed: str, **options: Any) -> list[str]:
        """The names that the bot proposes for what has been typed."""
        command = self._command(name, 1)
        found = next(o for o in command[-1].get("options", []) if o["name"] == option)
        assert found.get("autocomplete"), f"/{name} {option} does not complete"
        made = self._start(AUTOCOMPLETE, channel, False)
        values = [{"name": key, "type": 3, "value": value} for key, value in options.items()]
        self._send(made, _nested(command, [*values, {"name": option, "type": found["type"], "value": typed, "focused": True}]))
        await made.acknowledged()
        return [choice["name"] for choice in made.choices or []]

    async def menu(self, channel: Channel, name: str, note: Message, *, user_installed: bool = False) -> Interaction:
        """A message's context menu."""
        [command] = self._command(name, 3)
        made = self._start(COMMAND, channel, user_installed)
        shown = payloads.message(self.world, note, for_bot=False)  # the target of a menu is always readable
        data = {"id": command["id"], "name": name, "type": 3, "target_id": str(note.id), "resolved": {"messages": {str(note.id): shown}}}
        return self._send(made, data)

    def _command(self, path: str, kind: int) -> list[Json]:
        """The registered command, and the subcommands below it that the path names."""
        words = path.split(" ") if kind == 1 else [path]
        there = list(self.world.commands.values())
        found = [next((c for c in there if c["type"] == kind and c["name"] == words[0]), None)]
        for word in words[1:]:
            assert found[-1] is not None
            found.append(next((o for o in found[-1].get("options", []) if o["name"] == word and o["type"] in SUBCOMMANDS), None))
        assert None not in found, f"no command {path!r}; there are {sorted(c['name'] for c in there)}"
        return [one for one in found if one is not None]

    def _option(self, channel: Channel, option: Json, value: Any, resolved: Json) -> Json:
        if isinstance(value, Attached):
            assert option["type"] == ATTACHMENT, f"{option['name']} takes no file"
            stored = self._upload(channel, value)
            resolved.setdefault("attachments", {})[str(stored.id)] = payloads.attachment(self.world, stored)
            value = str(stored.id)
        if option["type"] == ROLE and channel.guild:
            role = channel.guild.roles.get(value, EVERYONE)
            resolved.setdefault("roles", {})[str(value)] = payloads.role(value, role.name, role.allowed, 1)
            value = str(value)
        if isinstance(value, Channel):
            assert option["type"] == CHANNEL, f"{option['name']} takes no channel"
            allowed = payloads.permissions(value.guild, self.user) if value.guild else payloads.MEMBER_PERMISSIONS
            resolved.setdefault("channels", {})[str(value.id)] = payloads.channel(value) | {"permissions": str(allowed)}
            value = str(value.id)
        given = [choice["value"] for choice in option.get("choices") or []]
        named = {choice["name"]: choice["value"] for choice in option.get("choices") or []}
        value = named.get(value, value)
        assert not given or value in given, f"{option['name']} is one of {given}"
        return {"name": option["name"], "type": option["type"], "value": value}

    # --- components and modals

    async def click(self, note: Message, button: str) -> Interaction:
        """Press a button, by its label or custom id."""
        found = next((b for b in note.buttons if button in (b.label, b.custom_id)), None)
        assert found, f"no button {button!r}; there are {[b.label for b in note.buttons]}"
        assert not found.disabled, f"the button {button!r} is disabled"
        return self._press(note, found.custom_id, {"component_type": 2})

    async def choose(self, note: Message, placeholder: str, *labels: str) -> Interaction:
        """Pick from a select, by its placeholder or custom id and the options' labels."""
        part = next(
            p for p in walk(note.components) if p.get("type") in SELECTS and placeholder in (p.get("placeholder"), p.get("custom_id"))
        )
        values = {option["label"]: option["value"] for option in part.get("options") or []}
        return self._press(
            note, part["custom_id"], {"component_type": part["type"], "values": [values.get(label, label) for label in labels]}
        )

    def _press(self, note: Message, custom_id: str, more: Json) -> Interaction:
        assert note.viewer in (None, self.user), f"{self.user.name} cannot see this message"
        assert not note.deleted, "the message is gone"
        made = self._start(COMPONENT, note.channel, not note.channel.bot_may, message=note)
        return self._send(made, {"custom_id": custom_id, "id": 1, **more})

    async def submit(self, opened: Interaction, **fields: str) -> Interaction:
        """Fill the modal that an interaction has opened; fields by label or custom id."""
        assert opened.modal, "no modal was opened"
        components = [_filled(part, fields) for part in opened.modal["components"]]
        made = self._start(MODAL, opened.channel, False, message=opened.message)
        return self._send(made, {"custom_id": opened.modal["custom_id"], "components": components})

    # --- sending

    def _start(self, kind: int, channel: Channel, user_installed: bool, **more: Any) -> Interaction:
        return self.discord.interactions.start(kind, self.user, channel, by_user_install=user_installed, **more)

    def _send(self, made: Interaction, data: Json) -> Interaction:
        if made.channel.guild:
            data = {**data, "guild_id": str(made.channel.guild.id)} if made.kind in (COMMAND, AUTOCOMPLETE) else data
        self.discord.gateway.tell("INTERACTION_CREATE", self.discord.interactions.payload(made, data), made.channel, _INTERACTIONS)
        return made


def _nested(command: list[Json], values: list[Json]) -> Json:
    """The data of a command: options inside subcommands inside the command."""
    for part in reversed(command[1:]):
        values = [{"name": part["name"], "type": part["type"], "options": values}]
    return {"id": command[0]["id"], "name": command[0]["name"], "type": 1, "options": values}


def _filled(part: Json, fields: dict[str, str]) -> Json:
    inner = part["component"] if part["type"] == LABEL else part["components"][0]
    value = fields.get(inner.get("custom_id", ""), fields.get(part.get("label", ""), inner.get("value") or ""))
    if inner["type"] == 4:  # Discord's own client sends nothing else
        least = max(inner.get("min_length") or 0, int(inner.get("required", True)))
        assert least <= len(value) <= (inner.get("max_length") or 4000), f"{inner['custom_id']} takes no text of {len(value)} characters"
    filled = {"id": 2, "type": inner["type"], "custom_id": inner["custom_id"]}
    filled |= {"value": value} if inner["type"] == 4 else {"values": [value] if value else []}
    return {"id": 1, "type": part["type"], **({"component": filled} if part["type"] == LABEL else {"components": [filled]})}
