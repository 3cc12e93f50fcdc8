"""A line-up over the scripted backend, for tests of the bot: real recipes and contestants, canned answers."""

from engine.backends.base import Prompt
from engine.backends.scripted import Script, ScriptedBackend
from engine.contestants import Adapter, Arm, Kit
from engine.cost import Price
from engine.lineup import Lineup
from engine.recipes import Recipe

ADAPTER = Adapter(name="demo", version="1", folder="adapters/demo", digest="a" * 16)
HOUSE = Recipe(name="house", version="1", system="You are the house.")
PLAIN = Recipe(name="plain", version="1")


def is_tuned(prompt: Prompt) -> bool:
    return prompt.adapter is not None


def two_answers(prompt: Prompt) -> Script:
    """A short answer for each side, told apart by who gives it."""
    if is_tuned(prompt):
        return Script(("tuned ", "says ", "hello"), pause_s=0.002)
    return Script(("prompted ", "says ", "hi"), pause_s=0.001)


def lineup_over(backend: ScriptedBackend) -> Lineup:
    kit = Kit(base=backend.base, engineered=HOUSE, plain=PLAIN, adapter=ADAPTER)
    return Lineup(backend, kit, Price(0.36, "a test", "2026-11-22"), (Arm.PROMPTED, Arm.TUNED))
