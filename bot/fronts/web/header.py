"""The header of every page: the list of conversations, the ways to other pages, one menu, and how the pair stands."""

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
MENU = {
    "Ask a file of requests": "/requests",
    "Settings": "/settings",
    "Export": "/settings#export",
    "About": "/settings#about",
}  # name -> address


def place_brand() -> None:
    """Draw the sign that leads to a new conversation."""
    with el("a", "brand", href="/", aria_label="Duelbot, new conversation"):
        ui.html(MARK, sanitize=False, tag="span").classes("mark")
        el("h1", "", "Duelbot")


def place_ways() -> TextElement:
    """Draw the ways to the other pages, and the menu. Returns the place of how many duels wait for the viewer's vote."""
    with el("a", "bare counted", href="/vote", title="Waiting for your vote"):
        icon("votes")
        el("span", "unseen", "Waiting for your vote")
        waiting: TextElement = el("span", "count-mark", "")  # type: ignore[assignment]
    for name, (address, title) in LINKS.items():
        with el("a", "bare way", href=address, aria_label=title, title=title):
            icon(name)
    with el("details", "menu"):
        with el("summary", "bare", aria_label="Menu", title="Menu"):
            icon("menu")
        with el("div", "menu-list"):
            for address, title in LINKS.values():  # where a narrow header has no room for them
                el("a", "narrow-way", title, href=address)
            for title, address in MENU.items():
                el("a", "", title, href=address)
            el("button", "", "Light or dark", type="button", data_does="theme")
            log_out()
    with el("a", "pill", href="/", aria_label="New conversation"):
        icon("new")
        el("span", "wide", "New conversation")
    return waiting


def place_header(tagline: str) -> None:
    """Draw the header of a page beside the chat."""
    with el("header", "top"):
        place_brand()
        with el("div", "top-words"):
            el("p", "tagline", tagline)
        place_ways()


class Header:
    """Its elements; only the standing, and how many duels wait, change."""

    def __init__(self, open_history: Callable[[], Awaitable[None]]) -> None:
        with el("header", "top"):
            with el("button", "bare", type="button", aria_label="Conversations", title="Conversations", data_does="history") as button:
                icon("history")
            button.on("click", open_history, args=[])
            place_brand()
            with el("div", "top-words"):
                el("p", "tagline", "Prompt or fine-tune? Two blind answers, your vote.")
                self._standing: TextElement = el("p", "standing", "")  # type: ignore[assignment]
            self._waiting = place_ways()

    def stand(self, words: str, more: str) -> None:
        """Show how the pair stands in few words; more: all of the verdict, to be read by who points at it."""
        self._standing.set_text(words)
        self._standing.props["title"] = more

    def wait(self, duels: int) -> None:
        """Show how many duels wait for the viewer's vote."""
        self._waiting.set_text(f"{duels}" if duels else "")
