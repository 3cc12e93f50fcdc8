"""The chains of versions, with what can be done with each."""

from datetime import datetime

from nicegui import ui
from nicegui.events import GenericEventArguments

from bot.app import App
from bot.fronts.web.dom import READ, el, placed
from bot.fronts.web.markup import shown
from bot.fronts.web.recipes.frame import diff_address, editor_address, framed, link, named
from bot.fronts.web.tab import Tab
from bot.views import FILE, SHIPPED, RecipeVersion
from bot.words import author_words, counted, seconds, when

CHOSEN = "Chosen on the page."
BACK = "Gone back on the page."
IMPORTED = "Imported on the page."


class ListPage:
    """One browser tab."""

    def __init__(self, app: App, viewer: str) -> None:
        self._app, self._viewer, self._tab = app, viewer, Tab()

    async def build(self) -> None:
        """Draw everything."""
        waiting = len(await self._app.rematching.waiting())
        with framed("Recipes and their versions"):
            self._tab.place_notice()
            with el("div", "recipes-head"):
                el("h2", "", "Recipes")
                if waiting:
                    link(f"{counted(waiting, 'answer')} waiting for your vote", "/recipes/votes", "pill primary")
                el("button", "pill", "Back to the version before", type="button").on("click", self._back, args=[])
                with el("label", "pill file", "Import a TOML file"):
                    box = el("input", "unseen", type="file", accept=".toml", aria_label="Import a recipe from a TOML file")
                    box.on("change", self._import, js_handler=READ)
            self._box = el("div", "chains")
        self._draw()

    def _draw(self) -> None:
        versions, live = self._app.versions.all(), self._app.versions.live(None)
        chains: dict[str, list[RecipeVersion]] = {}
        for version in versions:
            chains.setdefault(version.named.name, []).insert(0, version)
        first = live.named.name if live else ""
        by_id = {version.id: version for version in versions}
        self._box.clear()
        with self._box:
            for name, chain in sorted(chains.items(), key=lambda each: (each[0] != first, each[0])):
                with el("section", "panel chain", aria_label=f"Recipe {shown(name)}"):
                    el("h3", "", shown(name))
                    with el("ol", "versions"):
                        for version in chain:
                            self._line(version, by_id.get(version.parent or ""), live)

    def _line(self, version: RecipeVersion, parent: RecipeVersion | None, live: RecipeVersion | None) -> None:
        is_live = live is not None and version.id == live.id
        with el("li", "version live" if is_live else "version"):
            with el("div", "version-words"):
                with el("p", ""):
                    el("b", "", shown(f"Version {version.named.version}"))
                    if is_live:
                        el("span", "badge prompted", "answers here now")
                el("p", "", shown(version.reason))
                el("p", "quiet", shown(facts(version, parent, self._viewer)))
            with el("div", "version-acts"):
                link("Edit", editor_address(version))
                search = link("Improve", f"{editor_address(version)}/search")
                search.props["aria-label"] = shown(f"Search for a better prompt from {version.named}")
                if parent:
                    compare = link("Compare", diff_address(parent, version))
                    compare.props["aria-label"] = shown(f"Compare {version.named} with {parent.named}")
                el("a", "pill", "TOML", href=f"/recipes/{version.id}.toml", download=True, aria_label=f"{named(version)} as TOML")
                if not is_live:
                    self._use_button(version)

    def _use_button(self, version: RecipeVersion) -> None:
        async def clicked() -> None:
            with self._tab.in_words():
                await self._app.versions.use(version.id, None, self._viewer, CHOSEN)
                self._tab.say("")
            self._draw()

        el("button", "pill", "Use", type="button", aria_label=f"Use {named(version)}").on("click", clicked, args=[])

    async def _back(self) -> None:
        with self._tab.in_words():
            await self._app.versions.roll_back(None, self._viewer, BACK)
            self._tab.say("")
        self._draw()

    async def _import(self, event: GenericEventArguments) -> None:
        with self._tab.in_words():
            saved = await self._app.versions.take_in(str(event.args), IMPORTED, self._viewer)
            ui.navigate.to(str(placed(editor_address(saved.version))))


def facts(version: RecipeVersion, parent: RecipeVersion | None, viewer: str) -> str:
    """Say who made a version, when, of what and in how long. Pure."""
    parts = [f"by {author_words(version.author, viewer)}"]
    if version.author not in (SHIPPED, FILE):
        parts.append(when(version.saved_at, datetime.now().astimezone()))
    if parent:
        parts.append(f"from {parent.named}")
    if version.edit_s is not None:
        parts.append(f"edited in {seconds(version.edit_s)}")
    return " · ".join(parts)
