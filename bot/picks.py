"""Picks: who meets, as a person picks it by name. Pure: what a browser sent becomes a value, and the value a line that can be kept."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from engine.contestants import Arm

LONGEST = 200  # characters of a name


@dataclass(frozen=True, slots=True)
class Picked:
    """One side as a person picks it: an arm, and by name what it answers with."""

    arm: Arm
    recipe: str = ""  # name@version of an engineered one; "": the usual
    adapter: str = ""  # name@version; "": the one in use


PickedPair = tuple[Picked, Picked]


@dataclass(frozen=True, slots=True)
class Pick:
    """Who meets: on which base, and which two."""

    base: str = ""  # its name among those that are offered; "": that of the settings
    pair: PickedPair | None = None  # None: the usual two
    surprise: bool = False  # those two of whom least is known

    def __bool__(self) -> bool:
        """Whether anything was picked at all."""
        return self != Pick()

    @property
    def text(self) -> str:
        """It as JSON on one line, which `pick_of` reads; "": nothing was picked."""
        if not self:
            return ""
        sides = [{"arm": each.arm.value, "recipe": each.recipe, "adapter": each.adapter} for each in self.pair or ()]
        return json.dumps({"base": self.base, "mode": "surprise" if self.surprise else "picked" if sides else "usual", "sides": sides})


USUAL = Pick()  # nothing was picked


def read_pick(text: str) -> Pick:
    """Read a pick from its text; what is none is as if nothing had been picked."""
    try:
        return pick_of(json.loads(text or "null"))
    except json.JSONDecodeError:
        return USUAL


def pick_of(said: object) -> Pick:
    """Read a pick from parsed JSON, as a browser sends it; what is none of it is as if it had not been said."""
    if not isinstance(said, Mapping):
        return USUAL
    base, sides = said.get("base"), said.get("sides")
    picked = [_side(each) for each in sides] if isinstance(sides, list) and said.get("mode") == "picked" else []
    pair = (picked[0], picked[1]) if len(picked) == 2 and picked[0] and picked[1] else None
    return Pick(base[:LONGEST] if isinstance(base, str) else "", pair, said.get("mode") == "surprise")


def _side(said: object) -> Picked | None:
    parts = said if isinstance(said, Mapping) else {}
    if parts.get("arm") not in [arm.value for arm in Arm]:
        return None
    return Picked(Arm(parts["arm"]), str(parts.get("recipe", ""))[:LONGEST], str(parts.get("adapter", ""))[:LONGEST])
