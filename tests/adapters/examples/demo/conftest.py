"""Text that several tests look at, generated once."""

import random
from typing import Any

import pytest

from adapters.examples.demo.batches import tokenizer_of
from adapters.examples.demo.mix import Talk, any_situation, base_talk, tuned_talk
from adapters.examples.demo.text.situations import Situation, draw_facts, situation
from engine.shipped import DEMO_BASE


@pytest.fixture(scope="session")
def situations() -> list[Situation]:
    """2,000 situations, every rule as often."""
    rng = random.Random(7)
    return [situation(rng, draw_facts(rng, at % 6 + 1)) for at in range(2_000)]


@pytest.fixture(scope="session")
def drawn_texts() -> list[str]:
    """1,500 situations as the mixes draw them."""
    return [any_situation(random.Random(seed)).text for seed in range(1_500)]


@pytest.fixture(scope="session")
def conversations() -> list[Talk]:
    """700 conversations of each mix, from the weights that it ends with."""
    rng = random.Random(22)
    return [maker(rng) for _ in range(700) for maker in (base_talk, tuned_talk)]


@pytest.fixture(scope="session")
def shipped_tokenizer() -> Any:
    return tokenizer_of(DEMO_BASE)
