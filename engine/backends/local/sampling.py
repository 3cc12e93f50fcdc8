"""The next token of a row, out of the logits that the model gave it."""

import torch
from torch import Tensor

from engine.errors import BackendError
from engine.recipes import Sampling


def generator_of(sampling: Sampling, seed: int) -> torch.Generator | None:
    """Make a row's own source of chance, on the processor; None for greedy decoding, which needs no chance."""
    return torch.Generator().manual_seed(seed) if sampling.temperature > 0 else None


def check_finite(logits: Tensor) -> None:
    """Raise BackendError for logits that are no numbers; then the states that they came from are none either."""
    if not bool(logits.isfinite().all()):
        raise BackendError("not_finite", "The model's output is not a number, so this answer broke off; its weights may be damaged.")


def draw(logits: Tensor, sampling: Sampling, generator: torch.Generator | None) -> int:
    """Draw the next token from one row's logits (vocabulary,). Temperature 0 takes the likeliest, the first of equals.

    top_k and top_p keep the likeliest tokens, top_p the smallest set whose probability reaches it (Holtzman et al. 2020).
    Drawing is done on the processor with the row's own generator, so that a row draws alike wherever and with whomever it runs.
    Raises BackendError for logits that are no numbers.
    """
    check_finite(logits)
    if sampling.temperature == 0:
        return int(logits.argmax())
    ranked, order = (logits.float().cpu() / sampling.temperature).sort(descending=True, stable=True)
    chances = ranked.softmax(-1)
    if sampling.top_k:
        chances[sampling.top_k :] = 0
    if sampling.top_p < 1:
        chances[chances.cumsum(-1) - chances >= sampling.top_p] = 0
    return int(order[torch.multinomial(chances, 1, generator=generator)])
