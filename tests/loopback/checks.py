"""Discord's hard limits, written down by hand: what it refuses in messages, modals, choices and commands.

Sources: the platform's documentation (component reference, message resource, application commands). The sum of
4,000 characters over all text displays is enforced by Discord though only unofficially documented.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.loopback.parts import BUTTON, CONTAINER, FILE, GALLERY, LABEL, ROW, SECTION, SELECTS, TEXT, media, texts, walk

Json = dict[str, Any]
TEXT_TOTAL, COMPONENTS_TOTAL, CONTENT = 4000, 40, 2000
CUSTOM_ID, BUTTON_LABEL, PLACEHOLDER, OPTIONS, OPTION_TEXT = 100, 80, 150, 25, 100
MENTIONED = 100
THREAD_NAME, ARCHIVE_MINUTES, SLOW_S = 100, (60, 1440, 4320, 10_080), 21_600
FILES, FILE_BYTES, EMBEDS, EMBED_TOTAL = 10, 10 * 1024 * 1024, 10, 6000
V2, EPHEMERAL = 1 << 15, 1 << 6
SETTABLE = {"create": (1 << 2) | (1 << 12) | V2, "answer": (1 << 2) | (1 << 12) | EPHEMERAL | V2, "edit": (1 << 2) | V2}
V2_TOP = {ROW, SECTION, TEXT, GALLERY, FILE, 14, CONTAINER}
V2_ONLY = {SECTION, TEXT, GALLERY, FILE, 11, 14, CONTAINER}
NAME = re.compile(r"^[-_'\w]{1,32}$")

Problems = Iterator[str]


def message(body: Json, kind: str, *, v2_before: bool = False, files: list[str] | None = None) -> list[str]:
    """What is wrong with a message body; `kind` is create, answer (to an interaction) or edit; `files`: names that it will have."""
    return list(_message(body, kind, v2_before, files or []))


def _message(body: Json, kind: str, v2_before: bool, files: list[str]) -> Problems:
    flags = body.get("flags") or 0
    components = body.get("components") or []
    v2 = bool(flags & V2) or v2_before
    if unknown := flags & ~SETTABLE[kind]:
        yield f"flags {unknown} cannot be set here"
    if len(body.get("content") or "") > CONTENT:
        yield f"content: {len(body['content'])} characters, at most {CONTENT}"
    yield from _nonce(body)
    yield from _mentions(body.get("allowed_mentions") or {})
    yield from _embeds(body.get("embeds") or [])
    if v2:
        for name in ("content", "embeds", "poll", "sticker_ids"):
            if body.get(name):
                yield f"{name} together with components v2"
        yield from _v2(components, files)
    else:
        yield from _v1(components)
    yield from _ids(components)
    for part in walk(components):
        yield from _component(part)


def _nonce(body: Json) -> Problems:
    if len(str(body.get("nonce") or "")) > 25:
        yield f"nonce: {len(str(body['nonce']))} characters, at most 25"


def _mentions(allowed: Json) -> Problems:
    """Of a kind one names either all or some."""
    parse = allowed.get("parse") or []
    if unknown := set(parse) - {"users", "roles", "everyone"}:
        yield f"allowed_mentions: parse {sorted(unknown)}"
    for name in ("users", "roles"):
        listed = allowed.get(name) or []
        if len(listed) > MENTIONED or len(set(listed)) < len(listed):
            yield f"allowed_mentions: {len(listed)} {name}, at most {MENTIONED} different ones"
        if listed and name in parse:
            yield f"allowed_mentions: {name} named and all of them, too"


def _v2(components: list[Json], files: list[str]) -> Problems:
    if (count := sum(1 for _ in walk(components))) > COMPONENTS_TOTAL:
        yield f"{count} components, at most {COMPONENTS_TOTAL} nested ones"
    if (length := sum(map(len, texts(components)))) > TEXT_TOTAL:
        yield f"{length} characters over all text displays, at most {TEXT_TOTAL}"
    for part in components:
        if part.get("type") not in V2_TOP:
            yield f"component {part.get('type')} cannot stand at the top"
    shown = media(components)
    for url in shown:
        if url.startswith("attachment://") and url.removeprefix("attachment://") not in files:
            yield f"{url} names no file of this message"
    if components:
        for name in files:
            if f"attachment://{name}" not in shown and not any(f"/{name}?" in url for url in shown):
                yield f"the file {name} is shown by no component"


def _v1(components: list[Json]) -> Problems:
    if len(components) > 5:
        yield f"{len(components)} action rows, at most 5"
    for part in walk(components):
        if part.get("type") in V2_ONLY:
            yield f"component {part['type']} without the components v2 flag"


def _ids(components: list[Json]) -> Problems:
    for name in ("custom_id", "id"):
        count = Counter(part[name] for part in walk(components) if part.get(name))
        for value, times in count.items():
            if times > 1:
                yield f"{name} {value!r} is there {times} times"


def _component(part: Json) -> Problems:
    if part.get("custom_id") is not None and not 1 <= len(part["custom_id"]) <= CUSTOM_ID:
        yield f"custom_id: {len(part['custom_id'])} characters, 1 to {CUSTOM_ID}"
    match part.get("type"):
        case 1:
            yield from _row(part)
        case 2:
            yield from _button(part)
        case kind if kind in SELECTS:
            yield from _select(part)
        case 9:
            yield from _section(part)
        case 10:
            if not str(part.get("content") or "").strip():
                yield "an empty text display, at least 1 character"
        case 12:
            yield from _gallery(part)
        case 13:
            if not str((part.get("file") or {}).get("url", "")).startswith(("attachment://", "https://cdn.discordapp.com/")):
                yield "a file component shows uploaded files only"
        case 17:
            yield from _container(part)


def _section(part: Json) -> Problems:
    if not 1 <= len(part.get("components") or []) <= 3:
        yield f"a section with {len(part.get('components') or [])} texts, 1 to 3"
    if not part.get("accessory"):
        yield "a section without an accessory"


def _row(part: Json) -> Problems:
    kinds = [child.get("type") for child in part.get("components") or []]
    selects = [kind for kind in kinds if kind in SELECTS or kind == 4]
    if not kinds or len(kinds) > 5 or (selects and len(kinds) > 1) or any(kind not in (BUTTON, 4, *SELECTS) for kind in kinds):
        yield f"an action row of {kinds}: 1 to 5 buttons, or one select"


def _button(part: Json) -> Problems:
    style, label = part.get("style"), part.get("label") or ""
    if len(label) > BUTTON_LABEL:
        yield f"button label: {len(label)} characters, at most {BUTTON_LABEL}"
    if style != 6 and not label.strip() and not part.get("emoji"):
        yield "a button with neither label nor emoji"
    if style in (1, 2, 3, 4) and (not part.get("custom_id") or part.get("url")):
        yield f"button {label!r} needs a custom_id and no url"
    if style == 5 and (not part.get("url") or part.get("custom_id") or len(part["url"]) > 512):
        yield f"link button {label!r} needs a url of at most 512 characters and no custom_id"
    if style not in (1, 2, 3, 4, 5, 6):
        yield f"button style {style!r}"


def _select(part: Json) -> Problems:
    if not part.get("custom_id"):
        yield "a select without a custom_id"
    if len(part.get("placeholder") or "") > PLACEHOLDER:
        yield f"placeholder: {len(part['placeholder'])} characters, at most {PLACEHOLDER}"
    if part["type"] != 3:
        return
    options = part.get("options") or []
    if not 1 <= len(options) <= OPTIONS:
        yield f"{len(options)} select options, 1 to {OPTIONS}"
    for option in options:
        for name in ("label", "value", "description"):
            text = option.get(name)
            if (text is None and name != "description") or (text is not None and not (name == "description" or text)):
                yield f"a select option without a {name}"
            if len(text or "") > OPTION_TEXT:
                yield f"select option {name}: {len(text)} characters, at most {OPTION_TEXT}"
    if len({option.get("value") for option in options}) < len(options):
        yield "two select options have the same value"


def _gallery(part: Json) -> Problems:
    items = part.get("items") or []
    if not 1 <= len(items) <= 10:
        yield f"a gallery of {len(items)} items, 1 to 10"
    for item in items:
        if len(item.get("description") or "") > 1024:
            yield f"gallery description: {len(item['description'])} characters, at most 1024"


def _container(part: Json) -> Problems:
    if not part.get("components"):
        yield "an empty container"
    for child in part.get("components") or []:
        if child.get("type") not in V2_TOP - {CONTAINER}:
            yield f"component {child.get('type')} inside a container"
    if not 0 <= (part.get("accent_color") or 0) <= 0xFFFFFF:
        yield f"accent_color {part['accent_color']}"


def _embeds(embeds: list[Json]) -> Problems:
    if len(embeds) > EMBEDS:
        yield f"{len(embeds)} embeds, at most {EMBEDS}"
    total = 0
    for embed in embeds:
        fields = embed.get("fields") or []
        pieces = [("title", 256), ("description", 4096)]
        lengths = [(len(embed.get(name) or ""), limit, name) for name, limit in pieces]
        lengths += [(len(f.get("name") or ""), 256, "field name") for f in fields] + [
            (len(f.get("value") or ""), 1024, "field value") for f in fields
        ]
        lengths += [(len((embed.get("footer") or {}).get("text") or ""), 2048, "footer")]
        lengths += [(len((embed.get("author") or {}).get("name") or ""), 256, "author")]
        total += sum(length for length, _, _ in lengths)
        yield from (f"embed {name}: {length} characters, at most {limit}" for length, limit, name in lengths if length > limit)
        if len(fields) > 25:
            yield f"{len(fields)} embed fields, at most 25"
    if total > EMBED_TOTAL:
        yield f"{total} characters over all embeds, at most {EMBED_TOTAL}"


def files(uploads: list[tuple[str, int]]) -> list[str]:
    """Names and sizes of uploads; too large ones are refused otherwise (413)."""
    return [f"{len(uploads)} files, at most {FILES}"] if len(uploads) > FILES else []


def modal(data: Json) -> list[str]:
    return list(_modal(data))


def _modal(data: Json) -> Problems:
    components = data.get("components") or []
    if not 1 <= len(data.get("title") or "") <= 45:
        yield f"modal title: {len(data.get('title') or '')} characters, 1 to 45"
    if not 1 <= len(data.get("custom_id") or "") <= CUSTOM_ID:
        yield f"modal custom_id: {len(data.get('custom_id') or '')} characters, 1 to {CUSTOM_ID}"
    if not 1 <= len(components) <= 5:
        yield f"{len(components)} components in a modal, 1 to 5"
    yield from _ids(components)
    for part in walk(components):
        if part.get("type") == LABEL and not 1 <= len(part.get("label") or "") <= 45:
            yield f"label: {len(part.get('label') or '')} characters, 1 to 45"
        if part.get("type") == LABEL and len(part.get("description") or "") > 100:
            yield f"label description: {len(part['description'])} characters, at most 100"
        if part.get("type") == 4:
            yield from _text_input(part)
        else:
            yield from _component(part)


def _text_input(part: Json) -> Problems:
    for name, limit in (("value", 4000), ("placeholder", 100), ("label", 45), ("custom_id", CUSTOM_ID)):
        if len(part.get(name) or "") > limit:
            yield f"text input {name}: {len(part[name])} characters, at most {limit}"


def thread(body: Json) -> list[str]:
    """A thread on a message."""
    return list(_thread(body))


def _thread(body: Json) -> Problems:
    if unknown := set(body) - {"name", "auto_archive_duration", "rate_limit_per_user"}:
        yield f"a thread on a message takes no {', '.join(sorted(unknown))}"
    if not 1 <= len((body.get("name") or "").strip()) <= THREAD_NAME:
        yield f"thread name: {len(body.get('name') or '')} characters, 1 to {THREAD_NAME}"
    if body.get("auto_archive_duration") not in (None, *ARCHIVE_MINUTES):
        yield f"auto_archive_duration {body['auto_archive_duration']}, one of {ARCHIVE_MINUTES}"
    if not 0 <= (body.get("rate_limit_per_user") or 0) <= SLOW_S:
        yield f"rate_limit_per_user {body['rate_limit_per_user']}, at most {SLOW_S} s"


def choices(found: list[Json]) -> list[str]:
    """Answers to autocomplete."""
    return list(_choices(found))


def _choices(found: list[Json]) -> Problems:
    if len(found) > OPTIONS:
        yield f"{len(found)} choices, at most {OPTIONS}"
    for choice in found:
        if not 1 <= len(choice.get("name") or "") <= 100:
            yield f"choice name: {len(choice.get('name') or '')} characters, 1 to 100"
        if isinstance(choice.get("value"), str) and not 1 <= len(choice["value"]) <= 100:
            yield f"choice value: {len(choice['value'])} characters, 1 to 100"


def commands(found: list[Json]) -> list[str]:
    """All commands of one scope."""
    return list(_commands(found))


def _commands(found: list[Json]) -> Problems:
    kinds = Counter(command.get("type") or 1 for command in found)
    for kind, limit in ((1, 100), (2, 15), (3, 15)):
        if kinds[kind] > limit:
            yield f"{kinds[kind]} commands of type {kind}, at most {limit}"
    for (kind, name), times in Counter((command.get("type") or 1, command.get("name")) for command in found).items():
        if times > 1:
            yield f"{times} commands of type {kind} are called {name!r}"
    for command in found:
        name, slash = command.get("name") or "", (command.get("type") or 1) == 1
        if slash and (not NAME.match(name) or name != name.lower()):
            yield f"command name {name!r}"
        if not slash and (not 1 <= len(name) <= 32 or command.get("description")):
            yield f"menu {name!r}: a name of 1 to 32 characters and no description"
        if slash:
            yield from _options(name, command)
            if (size := _characters(command)) > 8000:
                yield f"/{name}: {size} characters, at most 8000"


def _options(path: str, command: Json) -> Problems:
    options = command.get("options") or []
    if not 1 <= len(command.get("description") or "") <= 100:
        yield f"/{path}: a description of {len(command.get('description') or '')} characters, 1 to 100"
    if len(options) > OPTIONS:
        yield f"/{path}: {len(options)} options, at most {OPTIONS}"
    needed = [bool(option.get("required")) for option in options]
    if needed != sorted(needed, reverse=True):
        yield f"/{path}: a required option after an optional one"
    for option in options:
        name = option.get("name") or ""
        if not NAME.match(name) or name != name.lower():
            yield f"/{path}: option name {name!r}"
        yield from _choices(option.get("choices") or [])
        if option.get("autocomplete") and option.get("choices"):
            yield f"/{path} {name}: choices and autocomplete at once"
        yield from _options(f"{path} {name}", option)


def _characters(command: Json) -> int:
    own = len(command.get("name") or "") + len(command.get("description") or "")
    own += sum(len(c.get("name") or "") + len(str(c.get("value", ""))) for c in command.get("choices") or [])
    return own + sum(_characters(option) for option in command.get("options") or [])
