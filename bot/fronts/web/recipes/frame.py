"""What all pages of recipes share: the header, ways between them, how a version is named."""

from collections.abc import Iterator
from contextlib import contextmanager

from nicegui import ui
from nicegui.element import Element

from bot.fronts.web.dom import MARK, Conduct, el, icon, log_out
from bot.fronts.web.markup import shown
from bot.views import RecipeVersion


@contextmanager
def framed(title: str) -> Iterator[Element]:
    """Draw a page's header; what follows inside is its main part."""
    el("a", "skip", "Skip to the recipes", href="#recipes")
    with el("header", "top"):
        with el("a", "brand", href="/", aria_label="Duelbot, new conversation"):
            ui.html(MARK, sanitize=False, tag="span").classes("mark")
            el("h1", "", "Duelbot")
        with el("div", "top-words"):
            el("p", "tagline", title)
        with el("a", "bare", href="/recipes", aria_label="Recipes", title="Recipes"):
            icon("recipes")
        with el("a", "bare", href="/results", aria_label="Results", title="Results"):
            icon("results")
        with el("button", "bare", type="button", aria_label="Light or dark", title="Light or dark", data_does="theme"):
            icon("theme")
        log_out()
        with el("a", "pill", href="/", aria_label="New conversation"):
            icon("new")
            el("span", "wide", "New conversation")
    with el("main", "recipes", id="recipes") as main:
        yield main
    Conduct()


def named(version: RecipeVersion) -> str:
    """Write a version's name and number, safe to show."""
    return shown(str(version.named))


def link(words: str, address: str, classes: str = "pill") -> Element:
    """Add a link that looks like a button."""
    return el("a", classes, words, href=address)


def editor_address(version: RecipeVersion) -> str:
    """Write the address of a version's editor."""
    return f"/recipes/{version.id}"


def diff_address(old: RecipeVersion, new: RecipeVersion) -> str:
    """Write the address of the comparison of two versions."""
    return f"/recipes/{old.id}/to/{new.id}"
