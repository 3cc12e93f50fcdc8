"""The list of adapters: a line each, with what a person can do with it."""

from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import quote

from bot.app.shelf import OnShelf
from bot.fronts.web.adapters import words
from bot.fronts.web.dom import el
from bot.fronts.web.markup import shown


def draw_shelf(
    listed: Sequence[OnShelf], back: str, use: Callable[[str], Awaitable[None]], roll_back: Callable[[], Awaitable[None]]
) -> None:
    """Draw all adapters. back: what a roll back goes to; "": there is no way back."""
    el("h2", "", "Adapters")
    with el("ul", "shelf"):
        for each in listed:
            _line(each, use)
    if back:
        button = el("button", "pill", shown(f"Roll back to {back}"), type="button")
        button.on("click", roll_back, args=[])


def _line(each: OnShelf, use: Callable[[str], Awaitable[None]]) -> None:
    async def chosen() -> None:
        await use(each.name)

    with el("li", "lora used" if each.used else "lora", data_adapter=each.name):
        with el("div", "lora-words"):
            with el("p", "lora-name"):
                el("strong", "", shown(each.name))
                el("span", "chip", words.state(each)).set_visibility(bool(words.state(each)))
            el("p", "quiet", shown(words.facts(each)))
        if not each.trouble and not each.used:
            with el("div", "lora-acts"):
                el("a", "pill", "Duel it", href=f"/?against={quote(each.name)}", title="Against the adapter that is in use")
                el("button", "pill", "Use", type="button", aria_label=f"Use {each.name}").on("click", chosen, args=[])
