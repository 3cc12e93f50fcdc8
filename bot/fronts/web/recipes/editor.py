"""A version in the form, with the preview beside it. Saving asks for a reason; a new version answers only when that is asked."""

import json
import time

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments

from bot.app import App
from bot.app.versions import Edit, recipe_of
from bot.fronts.web.dom import el, placed
from bot.fronts.web.form import RecipeForm, table_of
from bot.fronts.web.markup import shown
from bot.fronts.web.recipes.frame import diff_address, editor_address, framed, link, named
from bot.fronts.web.recipes.listing import facts
from bot.fronts.web.recipes.shots import propose
from bot.fronts.web.recipes.trying import Trying
from bot.fronts.web.tab import Tab
from bot.views import RecipeVersion
from bot.words import seconds
from engine.errors import DuelbotError


class EditorPage:
    """One browser tab on one version; after a save, on the new one."""

    def __init__(self, app: App, viewer: str, version: RecipeVersion, *, owner: bool) -> None:
        """owner: nobody but whoever runs Duelbot reaches the page."""
        self._app, self._viewer, self._version = app, viewer, version
        self._opened_s = time.monotonic()
        self._tab = Tab()
        self._trying = Trying(app, viewer, self._tab, owner=owner)

    async def build(self) -> None:
        """Draw form and preview. Raises BadRecipe for a version that cannot be read."""
        recipe = recipe_of(self._version)
        with framed("Edit a recipe"):
            with el("div", "recipes-head"):
                self._title: TextElement = el("h2", "", "")  # type: ignore[assignment]
                link("All recipes", "/recipes")
            self._facts: TextElement = el("p", "quiet", "")  # type: ignore[assignment]
            with el("div", "said", role="status") as self._said:
                pass
            self._tab.place_notice()
            with el("div", "bench"):
                with el("div", "bench-form"):
                    self._form = RecipeForm(recipe, self._version.id)
                    self._form.on("draft", self._drafted).on("save", self._save)
                with el("div", "bench-side"):
                    await self._trying.build()
                    await propose(self._app, self._form, recipe, self._tab)
        self._name()

    def _name(self) -> None:
        version = self._version
        self._title.set_text(named(version))
        parent = next((each for each in self._app.versions.all() if each.id == version.parent), None)
        self._facts.set_text(shown(f"{version.reason} · {facts(version, parent, self._viewer)}"))

    async def _drafted(self, event: GenericEventArguments) -> None:
        """Count and check what is typed; what is wrong stands beside it and hinders nobody."""
        try:
            recipe = await self._app.versions.checked(table_of(event.args))
        except DuelbotError as error:
            self._trying.problem(error.words)
            return
        self._trying.problem("")
        self._trying.advise(await self._app.versions.advice(recipe))
        await self._trying.drafted(recipe)

    async def _save(self, event: GenericEventArguments) -> None:
        done = False
        try:
            with self._tab.in_words():
                await self._saved(dict(event.args))
                done = True
        finally:
            (self._form.saved if done else self._form.refused)()

    async def _saved(self, asked: dict[str, object]) -> None:
        """Keep a new version, and show it as the one that is edited from now on."""
        edit_s = time.monotonic() - self._opened_s
        edit = Edit(self._version.id, table_of(asked.get("draft")), str(asked.get("reason", "")), self._viewer, edit_s)
        versions = self._app.versions
        saved = await (versions.save_and_use(edit, None) if asked.get("use") else versions.save(edit))
        before, self._version = self._version, saved.version
        self._opened_s = time.monotonic()
        self._tab.say("")
        self._name()
        self._said.clear()
        with self._said:
            live = (
                f"answers from now on, {seconds(edit_s)} after the editor was opened"
                if asked.get("use")
                else "is kept, and answers nobody yet"
            )
            el("p", "", f"{named(saved.version)} {live}.")
            for note in saved.notes:
                el("p", "", shown(note))
            with el("div", "acts"):
                link("Compare, and answer past requests again", diff_address(before, saved.version))
        with self._tab.client:
            ui.run_javascript(f"history.replaceState(null, '', {json.dumps(placed(editor_address(saved.version)))})")
