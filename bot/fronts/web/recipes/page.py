"""The addresses of recipes: the list, an editor for each version, comparisons, votes that wait, and TOML to take away."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.responses import Response
from nicegui import ui

from bot.app import App
from bot.errors import UnknownRecipe
from bot.fronts.web.assets import THEME, style
from bot.fronts.web.dom import viewer
from bot.fronts.web.plain import told
from bot.fronts.web.queue import VotesPage
from bot.fronts.web.recipes.comparing import DiffPage
from bot.fronts.web.recipes.editor import EditorPage
from bot.fronts.web.recipes.listing import ListPage
from bot.fronts.web.recipes.votes import rematch_queue
from engine.errors import DuelbotError


def add_recipes(web: FastAPI, app: App, *, owner: bool) -> None:
    """Add the pages. owner: nobody but whoever runs Duelbot reaches them."""

    async def toml(request: Request, version: str) -> Response:
        try:
            found = app.versions.version(version)
        except UnknownRecipe as error:
            return told(request.scope, 404, error.words)
        headers = {"content-disposition": f'attachment; filename="recipe-{version}.toml"', "cache-control": "no-store"}
        return Response(found.content, media_type="application/toml", headers=headers)

    async def everything(request: Request) -> Response | None:
        return await _drawn(request, "Recipes", lambda: ListPage(app, viewer()).build())

    async def votes(request: Request) -> Response | None:
        return await _drawn(request, "Waiting for your vote", lambda: VotesPage(app, viewer(), rematch_queue(app)).build())

    async def editor(request: Request, version: str) -> Response | None:
        return await _drawn(request, "Edit a recipe", lambda: EditorPage(app, viewer(), app.versions.version(version), owner=owner).build())

    async def diff(request: Request, old: str, new: str) -> Response | None:
        def build() -> Awaitable[None]:
            return DiffPage(app, viewer(), (app.versions.version(old), app.versions.version(new)), owner=owner).build()

        return await _drawn(request, "Two versions", build)

    web.get("/recipes/{version}.toml")(toml)
    ui.page("/recipes")(everything)
    ui.page("/recipes/votes")(votes)
    ui.page("/recipes/{version}")(editor)
    ui.page("/recipes/{old}/to/{new}")(diff)


async def _drawn(request: Request, title: str, build: Callable[[], Awaitable[None]]) -> Response | None:
    """Dress a page and build it; what goes wrong is a page of a sentence."""
    ui.add_head_html(f"<style>{style()}{style('recipes.css')}</style>{THEME}")
    ui.page_title(f"{title} · Duelbot")
    try:
        await build()
    except UnknownRecipe as error:
        return told(request.scope, 404, error.words)
    except DuelbotError as error:
        return told(request.scope, 503, error.words)
    return None
