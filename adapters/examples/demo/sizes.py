"""The two sizes of the demo model: what a GPU trains in minutes, and what two CPU cores train in some three hours."""

from dataclasses import dataclass
from typing import Any

from adapters.train.schedule import RateSchedule

SEED = 20261124
SHAPE: dict[str, Any] = {
    "num_hidden_layers": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2_048,
    "tie_word_embeddings": True,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """One training run: how much text, how fast, from which seed."""

    name: str
    seed: int
    steps: int
    batch_tokens: int  # padded tokens of one step
    matrix_rate: float  # learning rate of weight matrices (Muon)
    other_rate: float  # learning rate of embeddings, norms and LoRA factors (AdamW)
    warm_up: int
    cool_down: float  # share of the steps, at the end, in which the rate falls to nothing
    longest: int  # tokens; longer conversations are left out
    settled: float = 0.25  # share of the steps after which the mix of the text moves no more
    pool: int = 400  # conversations that are sorted by length together, so that little is padding

    @property
    def schedule(self) -> RateSchedule:
        """The steps and rates of it, as the training loop takes them."""
        return RateSchedule(self.steps, self.warm_up, self.cool_down)


@dataclass(frozen=True, slots=True)
class Size:
    """A shape, in the words of transformers' LlamaConfig, and the plans that train a model of it."""

    name: str
    shape: dict[str, Any]
    base: Plan
    adapter: Plan


SIZES = {
    size.name: size
    for size in (
        Size(
            name="small",
            shape={**SHAPE, "hidden_size": 256, "intermediate_size": 768, "num_attention_heads": 4},
            base=Plan(
                "base", SEED, 6_000, 3_072, matrix_rate=2e-3, other_rate=2e-3, warm_up=100, cool_down=0.85, longest=1_400, settled=0.6
            ),
            adapter=Plan("adapter", SEED, 1_400, 4_096, matrix_rate=0.0, other_rate=1e-3, warm_up=30, cool_down=0.9, longest=700),
        ),
        Size(
            name="large",
            shape={**SHAPE, "hidden_size": 384, "intermediate_size": 1_152, "num_attention_heads": 6},
            base=Plan(
                "base", SEED, 9_373, 24_576, matrix_rate=2e-3, other_rate=2e-3, warm_up=200, cool_down=0.5, longest=1_400, pool=1_600
            ),
            adapter=Plan(
                "adapter", SEED, 2_401, 16_384, matrix_rate=0.0, other_rate=2e-3, warm_up=30, cool_down=0.6, longest=700, pool=1_600
            ),
        ),
    )
}
