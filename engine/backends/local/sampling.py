"""The next token of a row, out of the logits that the model gave it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.errors import BackendError
from engine.recipes import Sampling


def generator_of(sampling: Sampling, seed: int) -> torch.Generator | None:
    """Make a row's own source of chance, on the processor; None for greedy decoding, which needs no chance.

    seed: the row's, where the recipe does not set one for all.
    """
    return torch.Generator().manual_seed(seed if sampling.seed < 0 else sampling.seed) if sampling.temperature > 0 else None


def check_finite(logits: Tensor) -> None:
    """Raise BackendError for logits that are no numbers; then the states that they came from are none either."""
    if not bool(logits.isfinite().all()):
        raise BackendError("not_finite", "The model's output is not a number, so this answer broke off; its weights may be damaged.")


def weighed(logits: Tensor, tokens: Sequence[int], ends: frozenset[int], temperature: float) -> list[tuple[float, float]]:
    """Compute how likely each token is to be drawn after logits (tokens, vocabulary); one row more is for an end of any kind.

    Returns the natural logarithm of its chance, and by how much that is above the logarithm of the likeliest other token's.
    """
    found = []
    for own, wanted in zip((logits.double() / temperature).log_softmax(-1), [*([token] for token in tokens), sorted(ends)], strict=False):
        chances = own[wanted]
        others = own.index_fill(0, torch.tensor(wanted, device=own.device), -torch.inf)
        told = min(0.0, float(chances.logsumexp(0)))  # rounding must not make it more than certain
        found.append((told, float(chances.max() - others.max())))
    return found


def draw(logits: Tensor, sampling: Sampling, generator: torch.Generator | None, written: Sequence[int] = ()) -> int:
    """Draw the next token from one row's logits (vocabulary,). Temperature 0 takes the likeliest, the first of equals.

    written: the tokens of the answer so far, which repetition_penalty makes less likely: a logit above 0 is divided by it, one below 0
    multiplied (Keskar et al. 2019, CTRL). The prompt's are left alone, as a recipe shows words that an answer shall repeat.
    top_k, min_p and top_p keep the likeliest tokens: min_p those at least min_p times as likely as the first (Nguyen et al. 2024), top_p
    the smallest set whose probability reaches it (Holtzman et al. 2020).
    Drawing is done on the processor with the row's own generator, so that a row draws alike wherever and with whomever it runs.
    Raises BackendError for logits that are no numbers.
    """
    check_finite(logits)
    if sampling.repetition_penalty != 1 and written:
        logits = _penalised(logits, sampling.repetition_penalty, written)
    if sampling.temperature == 0:
        return int(logits.argmax())
    ranked, order = (logits.float().cpu() / sampling.temperature).sort(descending=True, stable=True)
    chances = ranked.softmax(-1)
    if sampling.top_k:
        chances[sampling.top_k :] = 0
    if sampling.min_p:
        chances[chances < sampling.min_p * chances[0]] = 0
    if sampling.top_p < 1:
        chances[chances.cumsum(-1) - chances >= sampling.top_p] = 0
    return int(order[torch.multinomial(chances, 1, generator=generator)])


def _penalised(logits: Tensor, penalty: float, written: Sequence[int]) -> Tensor:
    logits, told = logits.float().clone(), torch.tensor(sorted(set(written)), device=logits.device)
    own = logits[told]
    logits[told] = torch.where(own > 0, own / penalty, own * penalty)
    return logits
