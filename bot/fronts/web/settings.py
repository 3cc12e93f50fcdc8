"""The page of what a browser has settled, what can be taken along, and what this is."""

from fastapi import FastAPI, Request
from fastapi.responses import Response
from nicegui import ui
from nicegui.events import GenericEventArguments

from bot.app import App
from bot.app.collecting import NAME_CHARACTERS
from bot.app.export_files import files_of
from bot.fronts.web.assets import THEME, style
from bot.fronts.web.dom import Conduct, el, place_field, viewer
from bot.fronts.web.header import place_header
from bot.fronts.web.history import ConsentSwitch
from bot.fronts.web.markup import shown
from bot.fronts.web.plain import told
from bot.fronts.web.tab import Tab
from engine.commandline import version_here
from engine.errors import DuelbotError

NAME = "The others see it once a vote of several people has closed; never what you chose. Who has none is asked before such a vote."
EXPORT = (
    "Everything asked here and how people voted, for a spreadsheet or a program. Voters are numbers, never names, and votes that are "
    "still open stay blind. The command duelbot export in a terminal takes out all there is, to be read in again elsewhere."
)
ABOUT = (
    "Engineer a prompt, or fine-tune? Duelbot settles it with your own requests, blind. MIT licence. On this page, markdown-it-py (MIT), "
    "Pygments (BSD) and latex2mathml (MIT) draw the answers; NiceGUI (MIT) carries it."
)


def add_settings(web: FastAPI, app: App) -> None:
    """Add the page and its files."""

    async def file(request: Request, name: str) -> Response:
        try:
            found = files_of(await app.looking.export(None))
        except DuelbotError as error:
            return told(request.scope, 503, error.words)
        if name not in found:
            return told(request.scope, 404)
        media = "text/csv; charset=utf-8" if name.endswith(".csv") else "application/x-ndjson"
        headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
        return Response(found[name], media_type=media, headers=headers)

    async def page(request: Request) -> Response | None:
        try:
            called = await app.collecting.name(viewer())
            agreed = (await app.consents.of(viewer(), None)).agreed
        except DuelbotError as error:
            return told(request.scope, 503, error.words)
        ui.add_head_html(f"<style>{style()}</style>{THEME}")
        ui.page_title("Settings · Duelbot")
        SettingsPage(app, viewer(), called, agreed=agreed)
        return None

    web.get("/export/{name}")(file)
    ui.page("/settings")(page)


class SettingsPage:
    """One browser tab."""

    def __init__(self, app: App, person: str, called: str, *, agreed: bool) -> None:
        self._app, self._person, self._tab = app, person, Tab()
        self._given = {"name": called}
        el("a", "skip", "Skip to the settings", href="#settings")
        place_header("What this browser has settled.")
        with el("div", "queue settings", id="settings"):
            el("h2", "", "Settings")
            self._tab.place_notice()
            self._draw_name()
            self._draw_privacy(agreed)
            self._draw_export()
            with el("section", "run", id="about"):
                el("h3", "", "About")
                el("p", "note", f"Duelbot {version_here()}, with the base {shown(app.base)}.")
                el("p", "quiet", ABOUT)
        Conduct()

    def _draw_name(self) -> None:
        with el("section", "run naming"):
            el("h3", "", "Your name as a voter")
            place_field("Name", self._given, "name", maxlength=NAME_CHARACTERS, autocomplete="nickname")
            el("button", "pill primary", "Keep this name", type="button").on("click", self._call, args=[])
            el("p", "quiet", NAME)

    def _draw_privacy(self, agreed: bool) -> None:
        with el("section", "run"):
            el("h3", "", "Training")
            with el("label", "check"):
                box = el("input", "", None, type="checkbox", **({"checked": True} if agreed else {}))
                el("span", "", ConsentSwitch.WORDS)
            box.on("change", self._agree, js_handler="(event) => emit(event.target.checked)")

    def _draw_export(self) -> None:
        with el("section", "run", id="export"):
            el("h3", "", "Export")
            el("p", "quiet", EXPORT)
            with el("div", "acts start"):
                for name in ("duels.csv", "ballots.csv", "duels.jsonl", "ballots.jsonl"):
                    el("a", "pill", name, href=f"/export/{name}", download=name)

    async def _call(self) -> None:
        with self._tab.in_words():
            self._given["name"] = await self._app.collecting.call(self._person, self._given["name"])
            self._tab.say("")
            ui.notify(f"You vote as {shown(self._given['name'])}.")

    async def _agree(self, event: GenericEventArguments) -> None:
        consents = self._app.consents
        with self._tab.in_words():
            await (consents.agree if event.args else consents.withdraw)(self._person, None)
