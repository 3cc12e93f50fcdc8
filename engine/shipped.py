"""Where the demo lies: the base model that ships with the engine, and the adapter on it."""

from pathlib import Path

DEMO = "demo"  # the name by which settings choose the base model that ships
DEMO_BASE = Path(__file__).with_name("models") / DEMO
SHIPPED_ADAPTERS = Path(__file__).parents[1] / "adapters" / "shipped"  # a folder each
DEMO_ADAPTER = SHIPPED_ADAPTERS / DEMO
