"""What all pages of recipes share: the header, ways between them, how a version is named."""

from collections.abc import Iterator
from contextlib import contextmanager

from nicegui.element import Element

from bot.fronts.web.dom import Conduct, el
from bot.fronts.web.header import place_header
from bot.fronts.web.markup import shown
from bot.views import RecipeVersion


@contextmanager
def framed(title: str) -> Iterator[Element]:
    """Draw a page's header; what follows inside is its main part."""
    el("a", "skip", "Skip to the recipes", href="#recipes")
    place_header(title)
    with el("div", "recipes", id="recipes") as main:
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
