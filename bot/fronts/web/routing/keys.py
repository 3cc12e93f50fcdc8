"""The keys of programs: listed, made, ended. A new one is shown once."""

from collections.abc import Awaitable, Callable, Sequence

from bot.fronts.web.dom import el, place_field
from bot.fronts.web.markup import shown
from bot.views import ProgramKey
from bot.words import dollars

Act = Callable[[str], Awaitable[None]]


def draw_keys(keys: Sequence[ProgramKey], secret: str, make: Act, end: Act) -> None:
    """Draw the keys that open a door, with the way to a new one. secret: of the one that was just made; "": none was."""
    el("h2", "", "Keys for programs")
    el("p", "quiet", "A program that asks with a key at /v1/chat/completions gets one answer at once, where DUEL_API=true has opened it.")
    if secret:
        el("p", "", "This is the new key. It is shown this once, and kept nowhere:")
        el("p", "", secret, translate="no")
    named = {"name": ""}
    with el("div", "wish"):
        place_field("Name of the program", named, "name", maxlength=80)
        el("button", "pill", "Make a key", type="button").on("click", lambda: make(named["name"]), args=[])
    with el("ul", "shelf"):
        for key in keys:
            if key.ended_at is None:
                _draw_key(key, end)


def _draw_key(key: ProgramKey, end: Act) -> None:
    async def clicked() -> None:
        await end(key.id)

    with el("li", "lora"):
        with el("div", "lora-words"):
            el("div", "lora-name", shown(key.name))
            usd = "" if key.usd_per_day is None else f", {dollars(key.usd_per_day)} a day"
            words = f"{key.in_flight:,} requests at once, {key.per_minute:,} a minute, {key.per_day:,} a day{usd}"
            el("p", "quiet", f"{words}; made {key.made_at:%Y-%m-%d}")
        with el("div", "lora-acts"):
            el("button", "pill", "End it", type="button").on("click", clicked, args=[])
