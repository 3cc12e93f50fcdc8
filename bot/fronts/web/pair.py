"""The bar above the box: who meets in the next duels, and whose votes close them; remembered in the browser."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from bot.app.pairing import Pairing, Pickable
from bot.fronts.web.ballot import OPEN_FOR
from bot.fronts.web.tab import Tab
from bot.picks import USUAL, Pick, pick_of
from bot.words import ARMS

PEOPLE = (2, 3, 5, 10, 20)  # offered as numbers of voters


@dataclass(frozen=True, slots=True)
class PairWish:
    """What the bar says, as parts of an order."""

    pick: Pick = USUAL
    quorum: int | None = None
    closes_in: timedelta | None = None


class PairBar(Element, component="duel_pair.js"):
    """The bar. It shows nothing until `look` has seen what there is."""

    def __init__(self, pairing: Pairing, tab: Tab, field: str = "") -> None:
        """field: of the form around it, in which the pick is sent; "": there is none, and the bar asks whose votes count as well."""
        super().__init__()
        self._pairing, self._tab = pairing, tab
        self.wish = PairWish()
        self.props["field"] = field
        self.on("picked", self._picked)

    async def look(self) -> None:
        """Show what can be picked on the base that is picked, now and once it has loaded. Raises BadAdapter."""
        base = self._base
        pickable = await self._pairing.pickable(base)
        self.props["options"] = pickable and options_of(pickable)
        if pickable and pickable.loading:
            self._tab.spawn(self._follow(base), "base")

    async def _follow(self, base: str) -> None:
        with self._tab.in_words():
            await self._pairing.settled(base)
            if base == self._base:
                await self.look()

    @property
    def _base(self) -> str:
        """The base that is picked, while it is offered: a browser remembers what may be gone."""
        return self.wish.pick.base if self.wish.pick.base in self._pairing.bases else ""

    async def _picked(self, event: GenericEventArguments) -> None:
        before = self._base
        with suppress(json.JSONDecodeError):
            self.wish = wish_of(json.loads(str(event.args)))
        if self._base != before:
            with self._tab.in_words():
                await self.look()


def options_of(pickable: Pickable) -> dict[str, Any]:
    """Spell out what can be picked, for the browser. Pure."""
    return {
        "base": pickable.base,
        "bases": [*pickable.bases],
        "state": pickable.state,
        "usual": [arm.value for arm in pickable.usual],
        "arms": [
            {"value": arm.value, "label": ARMS[arm].label, "engineered": arm.engineered, "adapted": arm.adapted} for arm in pickable.arms
        ],
        "recipes": [*pickable.recipes],
        "adapters": [*pickable.adapters],
        "people": [*PEOPLE],
        "hours": [{"value": value, "label": words} for value, words in OPEN_FOR.items()],
    }


def wish_of(said: object) -> PairWish:
    """Read what a browser sent; what is none of it is as if it had not been said. Pure."""
    parts = said if isinstance(said, Mapping) else {}
    people, hours = parts.get("people"), parts.get("hours")
    votes: tuple[int, timedelta] | tuple[None, None] = (None, None)
    if type(people) is int and people > 1 and isinstance(hours, int | float) and not isinstance(hours, bool):
        votes = people, timedelta(hours=min(max(0.0, float(hours)), 24 * 365.0))
    return PairWish(pick_of(said), *votes)
