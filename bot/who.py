"""Who a contestant is, for those who count and show its duels: named by its parts, known by its id."""

from dataclasses import dataclass

from engine.contestants import Arm
from engine.named import Named


@dataclass(frozen=True, slots=True)
class Who:
    """A contestant by its parts."""

    id: str
    arm: Arm
    recipe: Named
    adapter: Named | None = None
    base: str = ""  # the name of the base model; "": not known
