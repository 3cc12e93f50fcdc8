"""The ways that are compared, as data. A way that cannot be had on a machine is left out of a run with a sentence."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["naive", "engine", "llama.cpp"]


@dataclass(frozen=True, slots=True)
class Way:
    """A way to answer both sides of a duel."""

    key: str  # its name in JSON
    label: str  # its name for people
    kind: Kind
    variant: str = ""  # open_local's way, or the quantisation of llama.cpp's file
    together: bool = False  # whether both sides step at once; else one side comes after the other
    one_duel: bool = False  # whether it is asked one person's duel and its times are multiplied by the number of people
    alone: bool = False  # whether each side is measured by itself too


NAIVE = Way("naive", "transformers + peft, one after the other", "naive", one_duel=True)
WAYS = (
    NAIVE,
    Way("general", "this engine, general path", "engine", "general", together=True, alone=True),
    Way("fast", "this engine as it runs, fast path", "engine", "best", together=True, alone=True),
    Way("llama_f16", "llama.cpp f16, two runs", "llama.cpp", "F16"),
    Way("llama_q8_0", "llama.cpp Q8_0, two runs", "llama.cpp", "Q8_0"),
    Way("llama_q4_1", "llama.cpp Q4_1, two runs", "llama.cpp", "Q4_1"),
)
