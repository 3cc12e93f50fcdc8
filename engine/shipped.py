"""What ships: bases by name, each with the recipe and the adapter that meet on it."""

from dataclasses import dataclass
from pathlib import Path

MODELS = Path(__file__).with_name("models")
SHIPPED_ADAPTERS = Path(__file__).parents[1] / "adapters" / "shipped"  # a folder each
SMOLLM2 = "smollm2"  # the name by which settings choose SmolLM2-135M-Instruct
SMOLLM2_PACKAGE = MODELS / "smollm2.txt"  # the Python package that holds it, with its hash
DEMO = "demo"  # the name of the small base whose weights lie in this package
DEMO_BASE = MODELS / DEMO
DEMO_ADAPTER = SHIPPED_ADAPTERS / DEMO


@dataclass(frozen=True, slots=True)
class ShippedPair:
    """The two that meet on a base when nobody names others."""

    base: str
    recipe: str  # engineered
    plain: str  # the one that the adapter was trained with
    adapter: Path


PAIRS = {
    pair.base: pair
    for pair in (
        ShippedPair(SMOLLM2, "desk", "plain", SHIPPED_ADAPTERS / "desk"),
        ShippedPair(DEMO, "house", "plain", DEMO_ADAPTER),
    )
}
