"""Reading component trees (the JSON of messages and modals)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
ROW, BUTTON, TEXT, SECTION, GALLERY, FILE, CONTAINER, LABEL = 1, 2, 10, 9, 12, 13, 17, 18
SELECTS = (3, 5, 6, 7, 8)
DEFAULTS: dict[int, Json] = {
    **{kind: {"min_values": 1, "max_values": 1} for kind in SELECTS},
    11: {"description": None, "spoiler": False},
    FILE: {"name": "", "size": 0, "spoiler": False},
    14: {"spacing": 1, "divider": True},
    CONTAINER: {"accent_color": None, "spoiler": False},
}
"""What Discord fills in where a bot said nothing."""


@dataclass(frozen=True, slots=True)
class Button:
    label: str
    custom_id: str
    disabled: bool
    url: str


def walk(components: list[Json]) -> Iterator[Json]:
    """Every component, parents first, accessories and label contents included."""
    for component in components:
        yield component
        yield from walk(component.get("components") or [])
        for name in ("accessory", "component"):
            if component.get(name):
                yield from walk([component[name]])


def texts(components: list[Json]) -> list[str]:
    return [str(part.get("content", "")) for part in walk(components) if part.get("type") == TEXT]


def buttons(components: list[Json]) -> list[Button]:
    return [
        Button(part.get("label") or "", part.get("custom_id") or "", bool(part.get("disabled")), part.get("url") or "")
        for part in walk(components)
        if part.get("type") == BUTTON
    ]


def media(components: list[Json]) -> list[str]:
    """The addresses of pictures and files that components show."""
    found = []
    for part in walk(components):
        items = [item.get("media") for item in part.get("items") or []] + [part.get("media"), part.get("file")]
        found += [item["url"] for item in items if isinstance(item, dict) and "url" in item]
    return found


def numbered(components: list[Json]) -> list[Json]:
    """A copy in which every component has the id that Discord gives it."""
    count = 0

    def copy(component: Json) -> Json:
        nonlocal count
        count += 1
        made = {
            "id": count,
            **DEFAULTS.get(component["type"], {}),
            **{name: value for name, value in component.items() if value is not None},
        }
        if component.get("components"):
            made["components"] = [copy(part) for part in component["components"]]
        for name in ("accessory", "component"):
            if component.get(name):
                made[name] = copy(component[name])
        return made

    return [copy(component) for component in components]
