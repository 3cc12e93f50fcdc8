"""Win shares per tag: small tags lean on all the others, and what is called a difference is controlled over the tags."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.evidence.bets import BadEvidence, Floats, checked
from bot.evidence.capital import Capital, Interval


@dataclass(frozen=True, slots=True)
class TagShare:
    """Y's share on the requests of one tag."""

    tag: str
    n: int  # duels
    raw: float  # mean score
    pooled: float  # partially pooled
    interval: Interval  # 95 % for the pooled share, approximately normal; for display, not anytime-valid
    log_e_value: float  # against 1/2
    differs: bool  # found by e-BH; the side is that of `raw`


def tag_shares(scores: Mapping[str, npt.ArrayLike], alpha: float = 0.05) -> tuple[TagShare, ...]:
    """Shares of all tags with duels, most duels first. scores: per tag, its duels' scores in closing order. Raises BadEvidence."""
    tags = {tag: values for tag, given in scores.items() if len(values := checked(given))}
    if not tags:
        return ()
    means = np.array([values.mean() for values in tags.values()])
    pooled, spread = partial_pool(means, _variances(list(tags.values())))
    start = Capital.start(np.array([0.5]))
    evidence = {tag: start.after(values).log_e_value() for tag, values in tags.items()}
    found = e_bh(evidence, alpha)
    shares = [
        TagShare(
            tag,
            len(values),
            float(means[at]),
            float(pooled[at]),
            Interval(float(max(0, pooled[at] - 1.96 * spread[at])), float(min(1, pooled[at] + 1.96 * spread[at]))),
            evidence[tag],
            tag in found,
        )
        for at, (tag, values) in enumerate(tags.items())
    ]
    return tuple(sorted(shares, key=lambda share: (-share.n, share.tag)))


def _variances(groups: list[Floats]) -> Floats:
    """Sampling variance of each tag's mean, from the spread within tags.

    The spread is pooled over tags, with the largest variance a score can have, 1/4, as one further degree of freedom: so
    unanimous tags and tags of one duel are not taken as certain.
    """
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in groups)
    freedom = sum(len(group) - 1 for group in groups)
    return (squares + 0.25) / (freedom + 1) / np.array([len(group) for group in groups], dtype=np.float64)


def partial_pool(means: Floats, variances: Floats) -> tuple[Floats, Floats]:
    """Empirical-Bayes means and their standard errors, both (k,).

    Normal model y_j ~ N(theta_j, v_j), theta_j ~ N(mu, tau^2); tau^2 by DerSimonian & Laird (Control. Clin. Trials 7, 1986);
    theta_j = mu + (1 - B_j)(y_j - mu) with B_j = v_j / (v_j + tau^2); the error adds that of mu and, from four groups on, that
    of B (Morris, JASA 78, 1983): 2/(k-3) B_j^2 (y_j - mu)^2.
    """
    k, weights = len(means), 1 / variances
    fixed = float(weights @ means / weights.sum())
    excess = float(weights @ (means - fixed) ** 2) - (k - 1)
    scale = float(weights.sum() - (weights**2).sum() / weights.sum())
    between = max(0.0, excess / scale) if scale > 1e-12 * weights.sum() else 0.0
    total = 1 / (variances + between)
    mu = float(total @ means / total.sum())
    shrink = variances / (variances + between)
    error = variances * (1 - shrink) + shrink**2 / total.sum()
    if k > 3:
        error = error + 2 / (k - 3) * shrink**2 * (means - mu) ** 2
    return mu + (1 - shrink) * (means - mu), np.sqrt(error)


def e_bh(log_e_values: Mapping[str, float], alpha: float = 0.05) -> frozenset[str]:
    """Names whose hypothesis is rejected with false discovery rate <= alpha, however the e-values depend on each other.

    e-BH: of J e-values reject the k largest, k the greatest with k-th largest e >= J / (alpha k).
    Source: Wang & Ramdas, "False discovery rate control with e-values", JRSS-B 84, 2022.
    """
    if not 0 < alpha < 1:
        raise BadEvidence(f"An error rate lies between 0 and 1, not {alpha:g}.")
    ranked = sorted(log_e_values, key=lambda name: -log_e_values[name])
    passing = [k for k, name in enumerate(ranked, start=1) if log_e_values[name] >= math.log(len(ranked) / (alpha * k))]
    return frozenset(ranked[: max(passing, default=0)])
