"""Plain HTML elements, icons, and the two components that run in the browser."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nicegui import app as nicegui_app
from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments
from starlette.types import Scope

from engine.errors import BadRequest
from engine.request import MAX_CHARACTERS

READ = (  # handler of a file box
    "async (event) => { const [file] = event.target.files; if (file) emit(await file.text()); event.target.value = ''; }"
)
HERE = Path(__file__).parent

_ICONS = {
    "history": '<path d="M3 12a9 9 0 1 0 3-6.7L3 8"/><path d="M3 3v5h5"/><path d="M12 7v5l3.5 2"/>',
    "new": '<path d="M12 5v14M5 12h14"/>',
    "results": '<path d="M4 20V11M10 20V4M16 20v-6M21 20H3"/>',
    "decide": '<path d="M12 15V4M7.5 8.5L12 4l4.5 4.5M4 15v5h16v-5"/>',
    "recipes": '<path d="M5 4h11l3 3v13H5z"/><path d="M9 10h7M9 14h7M9 18h4"/>',
    "adapters": '<path d="M12 3l8.5 4.5L12 12 3.5 7.5z"/><path d="M3.5 12l8.5 4.5 8.5-4.5M3.5 16.5L12 21l8.5-4.5"/>',
    "route": '<path d="M4 12h6l5-6h5M10 12l5 6h5M17 3l3 3-3 3M17 15l3 3-3 3"/>',
    "theme": '<circle cx="12" cy="12" r="8.5"/><path d="M12 3.5v17a8.5 8.5 0 0 0 0-17z" fill="currentColor" stroke="none"/>',
    "close": '<path d="M6 6l12 12M18 6L6 18"/>',
    "warning": '<path d="M12 4l9 16H3z"/><path d="M12 10v4.5M12 17.2v.1"/>',
    "again": '<path d="M20 12a8 8 0 1 1-2.3-5.7L20 8.5"/><path d="M20 4v4.5h-4.5"/>',
    "leave": '<path d="M10 4H5v16h5"/><path d="M14.5 8l4 4-4 4M18 12H9.5"/>',
    "people": '<circle cx="9" cy="8.5" r="3.2"/><path d="M3 19.5c0-3.3 2.7-5.5 6-5.5s6 2.2 6 5.5M16 5.6a3.2 3.2 0 0 1 0 5.8"/>',
    "undo": '<path d="M9 14L4 9l5-5"/><path d="M4 9h10a6 6 0 0 1 0 12h-3"/>',
    "menu": '<path d="M4 7h16M4 12h16M4 17h16"/>',
    "votes": '<path d="M4 12.5l5 5L20 6.5"/>',
    "edit": '<path d="M4 20l1-4L16.5 4.5a2 2 0 0 1 3 3L8 19z"/>',
    "delete": '<path d="M5 7h14M10 7V4.5h4V7M7 7l1 13h8l1-13M10.5 11v5.5M13.5 11v5.5"/>',
    "copy": '<rect x="8.5" y="8.5" width="11" height="11" rx="2.5"/><path d="M15.5 8.5V7A2.5 2.5 0 0 0 13 4.5H7A2.5 2.5 0 0 0 4.5 7v6"/>',
    "stop": '<rect x="6.5" y="6.5" width="11" height="11" rx="2" fill="currentColor" stroke="none"/>',
}

MARK = (
    '<svg viewBox="0 0 32 32" xmlns="http://www.w3.org/2000/svg" aria-hidden="true">'
    '<rect x="2" y="6" width="16" height="20" rx="5" fill="#4f5bd5"/>'
    '<rect x="14" y="6" width="16" height="20" rx="5" fill="#e0762f" fill-opacity=".88"/></svg>'
)


def el(tag: str, classes: str = "", text: str | None = None, **props: str | bool | int) -> Element:
    """Add an HTML element; text is text, never HTML. Underscores in the names of attributes stand for hyphens.

    An address that begins with a slash is one of this page's, wherever a proxy has put the page.
    """
    element = Element(tag) if text is None else TextElement(tag=tag, text=text)
    if classes:
        element.classes(classes)
    for name, value in props.items():
        element.props[name.rstrip("_").replace("_", "-")] = placed(value) if name in ("href", "src", "action") else value
    return element


def place_field(label: str, given: dict[str, str], name: str, **props: str | int) -> None:
    """Add a labelled text field that begins with `given[name]` and keeps it at what was typed.

    The caret makes the beginning an attribute. As a property it would be set again whenever anything on the page is
    drawn, over what somebody is typing.
    """

    def changed(event: GenericEventArguments) -> None:
        given[name] = str(event.args)

    with el("label"):
        el("span", "", label)
        field = el("input", "", None, type="text", aria_label=label, **{"^value": given[name]}, **props)
        field.on("change", changed, js_handler="(event) => emit(event.target.value)")


def placed(address: str | bool | int) -> str | bool | int:
    """Write an address of this page as the browser has to ask for it."""
    return f"{_scope().get('root_path', '')}{address}" if isinstance(address, str) and address.startswith("/") else address


def whole_address(address: str) -> str:
    """Write an address of this page as somebody else's browser finds it."""
    return f"{str(ui.context.client.request.base_url).rstrip('/')}{address}"


def log_out() -> None:
    """Add the way out, where there was a way in."""
    if "login" in _scope():
        with el("form", "", method="post", action="/logout"):
            el("button", "", "Log out", type="submit")


def viewer() -> str:
    """Name who this browser is: by an id in its signed cookie."""
    return person_of(nicegui_app.storage.browser)


def person_of(session: Mapping[str, Any]) -> str:
    """Name who a browser is, by what its signed cookie holds. Raises BadRequest for one that has opened no page yet."""
    if not session.get("id"):
        raise BadRequest("This browser has sent no cookie. Open the page first, and allow it cookies.")
    return f"web:{session['id']}"


def _scope() -> Scope:
    """Of the request that has opened this page."""
    return ui.context.client.request.scope


def icon(name: str) -> None:
    """Add one of our own drawings, hidden from screen readers."""
    svg = f'<svg viewBox="0 0 24 24" aria-hidden="true">{_ICONS[name]}</svg>'
    ui.html(svg, sanitize=False, tag="span").classes("icon")


class Composer(Element, component="duel_composer.js"):
    """The box that a request is typed into. It keeps the text until the server has taken it.

    Events: `send` with the text. What the person types stays in the browser, so a key stroke costs no message and a
    lost connection no word.
    """

    def __init__(self, draft: str) -> None:
        super().__init__()
        self.props["draft"] = draft  # the name under which the browser keeps an unsent text
        self.props["limit"] = MAX_CHARACTERS

    def accepted(self) -> None:
        """Empty the box: the text has been taken."""
        self.run_method("accepted")

    def edit(self, text: str) -> None:
        """Put a text into the box that was asked before. Event `unedit`: it stays as it was."""
        self.run_method("edit", text)

    def refused(self) -> None:
        """Leave the text where it is, to be changed and sent again."""
        self.run_method("refused")


class Conduct(Element, component="duel_conduct.js"):
    """What the page does in the browser alone: vote keys, focus, following the end of a growing text, the theme."""

    def arrive(self) -> None:
        """Follow the newest turn."""
        self.run_method("arrive")

    def offer_votes(self) -> None:
        """Make the vote keys work at once, unless the person is typing."""
        self.run_method("offerVotes")

    def offer_go(self) -> None:
        """Make Enter do what comes next, unless the person is typing."""
        self.run_method("offerGo")

    def offer_composer(self) -> None:
        """Back to typing, where there is a keyboard."""
        self.run_method("offerComposer")
