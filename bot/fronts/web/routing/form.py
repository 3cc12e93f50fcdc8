"""The form in which a route is changed: the share, who answers the other requests, and for which tag."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nicegui.events import GenericEventArguments

from bot.app.routing import RouteStanding
from bot.fronts.web.dom import el, place_field
from bot.routes import PROPOSED_SHARE
from bot.tags import MAX_TAG
from bot.words import ARMS, made_of, started
from engine.errors import BadRequest


@dataclass(frozen=True, slots=True)
class RouteWish:
    """What a person wishes of a route."""

    share: float  # 0 to 1
    winner: str  # contestant id; "": as before
    tag: str
    reason: str


class RouteForm:
    """What was typed and chosen."""

    def __init__(self, standing: RouteStanding, change: Callable[[RouteWish], Awaitable[None]]) -> None:
        route = standing.route()
        share = PROPOSED_SHARE if route is None or route.share is None else route.share
        self._given = {"share": f"{100 * share:g}", "tag": "", "reason": ""}
        alone = standing.answers_alone()
        self._winner = alone.id if alone else ""
        with el("div", "wish"):
            place_field("Requests that become duels (per cent)", self._given, "share", inputmode="decimal")
            with el("label"):
                el("span", "", "Answers the others alone")
                with el("select", "", aria_label="Answers the others alone") as chosen:
                    el("option", "", "choose one", value="", selected=not self._winner)
                    for each in standing.pair or ():
                        words = f"{started(ARMS[each.arm].named)}, {made_of(each.recipe, each.adapter)}"
                        el("option", "", words, value=each.id, selected=each.id == self._winner)
                chosen.on("change", self._chosen, js_handler="(event) => emit(event.target.value)")
            place_field("For this tag alone", self._given, "tag", maxlength=MAX_TAG, placeholder="all requests")
            place_field("Why", self._given, "reason", maxlength=200, placeholder="kept with the change")
            el("button", "pill primary", "Change it", type="button").on("click", lambda: change(self.wish()), args=[])

    def _chosen(self, event: GenericEventArguments) -> None:
        self._winner = str(event.args)

    def wish(self) -> RouteWish:
        """Read what was typed. Raises BadRequest for a share that is none."""
        text = self._given["share"].strip().removesuffix("%").strip()
        try:
            share = float(text) / 100
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            raise BadRequest(f"{text[:20]!r} is not a percentage from 0 to 100.")
        return RouteWish(share, self._winner, self._given["tag"], self._given["reason"])
