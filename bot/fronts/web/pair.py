"""The bar above the box: who meets in the next duels, and whose votes close them; remembered in the browser."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from bot.app.orders import Picked, PickedPair
from bot.app.pairing import Pickable
from bot.fronts.web.ballot import OPEN_FOR
from bot.words import ARMS
from engine.contestants import Arm

PEOPLE = (2, 3, 5, 10, 20)  # offered as numbers of voters


@dataclass(frozen=True, slots=True)
class PairWish:
    """What the bar says, as parts of an order."""

    picked: PickedPair | None = None
    surprise: bool = False
    quorum: int | None = None
    closes_in: timedelta | None = None


class PairBar(Element, component="duel_pair.js"):
    """The bar. It shows nothing until `offer` says what there is."""

    def __init__(self) -> None:
        super().__init__()
        self.wish = PairWish()
        self.on("picked", self._picked)

    def offer(self, pickable: Pickable | None) -> None:
        """Show what can be picked; None: nothing yet."""
        self.props["options"] = pickable and options_of(pickable)

    def _picked(self, event: GenericEventArguments) -> None:
        with suppress(json.JSONDecodeError):
            self.wish = wish_of(json.loads(str(event.args)))


def options_of(pickable: Pickable) -> dict[str, Any]:
    """Spell out what can be picked, for the browser. Pure."""
    return {
        "base": pickable.base,
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
    if not isinstance(said, Mapping):
        return PairWish()
    people, hours = said.get("people"), said.get("hours")
    votes: tuple[int, timedelta] | tuple[None, None] = (None, None)
    if type(people) is int and people > 1 and isinstance(hours, int | float) and not isinstance(hours, bool):
        votes = people, timedelta(hours=min(max(0.0, float(hours)), 24 * 365.0))
    sides = said.get("sides")
    picked = [_side(each) for each in sides] if isinstance(sides, list) and said.get("mode") == "picked" else []
    both = (picked[0], picked[1]) if len(picked) == 2 and picked[0] and picked[1] else None
    return PairWish(both, said.get("mode") == "surprise", *votes)


def _side(said: object) -> Picked | None:
    parts = said if isinstance(said, Mapping) else {}
    if parts.get("arm") not in [arm.value for arm in Arm]:
        return None
    return Picked(Arm(parts["arm"]), str(parts.get("recipe", ""))[:200], str(parts.get("adapter", ""))[:200])
