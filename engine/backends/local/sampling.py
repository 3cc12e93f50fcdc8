"""The next token of a row, out of the logits that the model gave it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.errors import BackendError
from engine.recipes import Sampling

RANKED = 256  # tokens that are ranked at first; where the likeliest are wanted, these are nearly always enough


def generator_of(sampling: Sampling, seed: int) -> np.random.Generator | None:
    """Make a row's own source of chance; None for greedy decoding, which needs no chance.

    seed: the row's, where the recipe does not set one for all.
    """
    return np.random.default_rng(seed if sampling.seed < 0 else sampling.seed) if sampling.temperature > 0 else None


def check_finite(logits: Any) -> None:
    """Raise BackendError for logits that are no numbers; then the states that they came from are none either."""
    if not np.isfinite(logits).all():
        raise BackendError("not_finite", "The model's output is not a number, so this answer broke off; its weights may be damaged.")


def softmax(logits: Any) -> Any:
    """Turn logits (vocabulary,) into chances, in float64."""
    shares = np.exp(logits.astype(np.float64) - logits.max())
    return shares / shares.sum()


def weighed(logits: Any, tokens: Sequence[int], ends: frozenset[int], temperature: float) -> list[tuple[float, float]]:
    """Compute how likely each token is to be drawn after logits (tokens, vocabulary); one row more is for an end of any kind.

    Returns the natural logarithm of its chance, and by how much that is above the logarithm of the likeliest other token's.
    """
    found = []
    for own, wanted in zip(logits, [*([token] for token in tokens), sorted(ends)], strict=False):
        scaled = own.astype(np.float64) / temperature
        logs = scaled - scaled.max()
        logs -= np.log(np.exp(logs).sum())
        chances = logs[wanted]
        logs[wanted] = -np.inf
        told = min(0.0, float(np.logaddexp.reduce(chances)))  # rounding must not make it more than certain
        found.append((told, float(chances.max() - logs.max())))
    return found


def draw(logits: Any, sampling: Sampling, generator: np.random.Generator | None, written: Sequence[int] = ()) -> int:
    """Draw the next token from one row's logits (vocabulary,). Temperature 0 takes the likeliest, the first of equals.

    written: the tokens of the answer so far, which repetition_penalty makes less likely: a logit above 0 is divided by it, one below 0
    multiplied (Keskar et al. 2019, CTRL). The prompt's are left alone, as a recipe shows words that an answer shall repeat.
    top_k, min_p and top_p keep the likeliest tokens: min_p those at least min_p times as likely as the first (Nguyen et al. 2024), top_p
    the smallest set whose probability reaches it (Holtzman et al. 2020).
    Drawing is done with the row's own generator, so that a row draws alike wherever and with whomever it runs.
    Raises BackendError for logits that are no numbers.
    """
    check_finite(logits)
    if sampling.repetition_penalty != 1 and written:
        logits = _penalised(logits, sampling.repetition_penalty, written)
    if sampling.temperature == 0:
        return int(logits.argmax())
    assert generator is not None, "what is drawn needs chance"
    shares = np.exp((logits.astype(np.float64) - float(logits.max())) / sampling.temperature)
    order, kept = _likeliest(shares, sampling)
    reached = np.cumsum(kept)
    return int(order[min(int(np.searchsorted(reached, generator.random() * reached[-1], side="right")), len(order) - 1)])


def _likeliest(shares: Any, sampling: Sampling) -> tuple[Any, Any]:
    """Find the tokens that may be drawn, those of equal share by their number. Returns them and their shares, not scaled to 1."""
    if not (sampling.top_k or sampling.min_p or sampling.top_p < 1):
        return np.arange(len(shares)), shares
    total = float(shares.sum())
    for many in dict.fromkeys((min(RANKED, len(shares)), len(shares))):
        order = np.flatnonzero(shares >= np.partition(shares, -many)[-many]) if many < len(shares) else np.arange(len(shares))
        order = order[np.argsort(-shares[order], kind="stable")]
        ranked = shares[order]
        keep = np.ones(len(order), bool)
        if sampling.top_k:
            keep[sampling.top_k :] = False
        if sampling.min_p:
            keep &= ranked >= sampling.min_p * ranked[0]
        if sampling.top_p < 1:
            own = np.where(keep, ranked, 0.0)
            keep &= np.cumsum(own) - own < sampling.top_p * total
        if not keep[-1]:  # none behind these is kept either
            break
    return order[keep], ranked[keep]


def _penalised(logits: Any, penalty: float, written: Sequence[int]) -> Any:
    logits, told = logits.copy(), np.array(sorted(set(written)))
    own = logits[told]
    logits[told] = np.where(own > 0, own / np.float32(penalty), own * np.float32(penalty))
    return logits
