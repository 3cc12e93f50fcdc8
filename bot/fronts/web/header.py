"""The header of the chat page: the history, the results, the theme, the way out, and how the pair stands."""

from collections.abc import Awaitable, Callable

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from bot.fronts.web.dom import MARK, el, icon, log_out

LINKS = {
    "decide": ("/decide", "Bring your examples"),
    "recipes": ("/recipes", "Recipes"),
    "results": ("/results", "Results"),
    "adapters": ("/adapters", "Adapters"),
    "route": ("/route", "Duel share"),
}  # icon -> address and name of the pages beside the chat


def place_brand() -> None:
    """Draw the sign that leads to a new conversation."""
    with el("a", "brand", href="/", aria_label="Duelbot, new conversation"):
        ui.html(MARK, sanitize=False, tag="span").classes("mark")
        el("h1", "", "Duelbot")


def place_ways() -> None:
    """Draw the ways to the other pages, the theme, and the way out."""
    for name, (address, title) in LINKS.items():
        with el("a", "bare", href=address, aria_label=title, title=title):
            icon(name)
    with el("button", "bare", type="button", aria_label="Light or dark", title="Light or dark", data_does="theme"):
        icon("theme")
    log_out()
    with el("a", "pill", href="/", aria_label="New conversation"):
        icon("new")
        el("span", "wide", "New conversation")


def place_header(tagline: str) -> None:
    """Draw the header of a page beside the chat."""
    with el("header", "top"):
        place_brand()
        with el("div", "top-words"):
            el("p", "tagline", tagline)
        place_ways()


class Header:
    """Its elements; only the standing changes."""

    def __init__(self, open_history: Callable[[], Awaitable[None]]) -> None:
        with el("header", "top"):
            with el("button", "bare", type="button", aria_label="Earlier duels", title="Earlier duels", data_does="history") as button:
                icon("history")
            button.on("click", open_history, args=[])
            place_brand()
            with el("div", "top-words"):
                el("p", "tagline", "Prompt or fine-tune? Two blind answers, your vote.")
                self._standing: TextElement = el("p", "standing", "")  # type: ignore[assignment]
            place_ways()

    def stand(self, words: str) -> None:
        """Show the verdict in a sentence; a narrow header shows its beginning, so it is the title, too."""
        self._standing.set_text(words)
        self._standing.props["title"] = words
