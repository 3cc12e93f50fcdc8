"""The REST routes of interactions: the first answer, edits of it, followups."""

from typing import Any

from tests.loopback import checks, payloads, posting
from tests.loopback.hub import Call, Hub
from tests.loopback.interactions import AUTOCOMPLETE, COMPONENT, MODAL, Interaction
from tests.loopback.refusals import invalid, too_many_followups, unknown_message
from tests.loopback.world import EPHEMERAL, LOADING, Message

Json = dict[str, Any]
MESSAGE, DEFER, DEFER_UPDATE, UPDATE, CHOICES, OPEN_MODAL = 4, 5, 6, 7, 8, 9
FOLLOWUPS_BY_USER_INSTALL = 5


def callback(hub: Hub, call: Call) -> Json | None:
    """The one first answer, within 3 s of the event."""
    made = hub.interactions.to_answer(call.ids["interaction_id"], call.ids["token"])
    kind, data = call.body.get("type"), call.body.get("data") or {}
    if kind not in _fitting(made):
        raise invalid([f"answer {kind} to an interaction of type {made.kind}"])
    match kind:
        case 4:
            made.original = _write(hub, made, call)
        case 5:
            made.original = _think(hub, made, call, data)
        case 6:
            made.original = made.message
        case 7:
            assert made.message is not None
            made.original = posting.edit(hub, made.message, call)
        case 8:
            if problems := checks.choices(data.get("choices") or []):
                raise invalid(problems)
            made.choices = data.get("choices") or []
        case 9:
            if problems := checks.modal(data):
                raise invalid(problems)
            made.modal = data
    hub.interactions.acknowledge(made, kind)
    return _told(hub, made, kind) if call.query.get("with_response") in ("1", "true") else None


def _fitting(made: Interaction) -> set[int]:
    if made.kind == AUTOCOMPLETE:
        return {CHOICES}
    if made.kind == COMPONENT or (made.kind == MODAL and made.message):
        return {MESSAGE, DEFER, DEFER_UPDATE, UPDATE} | ({OPEN_MODAL} if made.kind == COMPONENT else set())
    return {MESSAGE, DEFER} | ({OPEN_MODAL} if made.kind != MODAL else set())


def _write(hub: Hub, made: Interaction, call: Call) -> Message:
    return posting.create(hub, made.channel, call, "answer", asker=made.user, token=made.token)


def _think(hub: Hub, made: Interaction, call: Call, data: Json) -> Message:
    """ "Duelbot is thinking": a message without content yet."""
    if (data.get("flags") or 0) & ~EPHEMERAL or set(data) - {"flags"}:
        raise invalid([f"a deferred answer takes the ephemeral flag and nothing else, not {data}"])
    viewer = made.user if data.get("flags") else None
    flags = LOADING | (data.get("flags") or 0)
    world = hub.world
    thinking = Message(
        world.snowflake(), made.channel, world.bot, world.now(), flags=flags, viewer=viewer, token=made.token, asker=made.user
    )
    return world.add(thinking)


def _told(hub: Hub, made: Interaction, kind: int) -> Json:
    """What `with_response` asks for."""
    about: Json = {"id": str(made.id), "type": made.kind}
    body: Json = {"interaction": about}
    if made.original and kind in (MESSAGE, DEFER, DEFER_UPDATE, UPDATE):
        about |= {
            "response_message_id": str(made.original.id),
            "response_message_loading": bool(made.original.flags & LOADING),
            "response_message_ephemeral": made.original.ephemeral,
        }
    if made.original and kind in (MESSAGE, UPDATE):
        body["resource"] = {"type": kind, "message": payloads.message(hub.world, made.original)}
    return body


def follow_up(hub: Hub, call: Call) -> Json:
    """A further message; the first one after "thinking" takes its place."""
    made = hub.interactions.by_token(call.ids["token"])
    if made.original and made.original.flags & LOADING and not made.original.deleted:
        return _fill(hub, made, call)
    if made.by_user_install and len(made.followups) >= FOLLOWUPS_BY_USER_INSTALL:
        raise too_many_followups()
    note = _write(hub, made, call)
    made.followups.append(note)
    hub.world.changes.tell()
    return payloads.message(hub.world, note)


def _fill(hub: Hub, made: Interaction, call: Call) -> Json:
    assert made.original is not None
    call.body = {**call.body, "flags": (call.body.get("flags") or 0) & ~EPHEMERAL}  # what was said when deferring holds
    posting.edit(hub, made.original, call)
    hub.interactions.settle(made)
    return payloads.message(hub.world, made.original)


def _own(hub: Hub, call: Call) -> tuple[Interaction, Message]:
    """The message that a token's route means."""
    made = hub.interactions.by_token(call.ids["token"])
    wanted = call.ids.get("message_id", "@original")
    mine = [made.original] if wanted == "@original" else [made.original, *made.followups]
    for note in mine:
        if note and not note.deleted and wanted in ("@original", str(note.id)):
            return made, note
    raise unknown_message()


def read(hub: Hub, call: Call) -> Json:
    return payloads.message(hub.world, _own(hub, call)[1])


def change(hub: Hub, call: Call) -> Json:
    made, note = _own(hub, call)
    thinking = bool(note.flags & LOADING)
    posting.edit(hub, note, call)
    if thinking:
        hub.interactions.settle(made)
    return payloads.message(hub.world, note)


def remove(hub: Hub, call: Call) -> None:
    made, note = _own(hub, call)
    posting.delete(hub, note)
    if note in made.followups:
        made.followups.remove(note)
