"""Win shares per tag: small tags lean on all the others, and what is called a difference is controlled over the tags."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bot.evidence.bets import LEAST_UNITS, BadEvidence, Floats
from bot.evidence.capital import Interval
from bot.evidence.record import Histogram, Record
from bot.margins import ALPHA


@dataclass(frozen=True, slots=True)
class TagShare:
    """Y's share on the requests of one tag."""

    tag: str
    n: int  # duels
    raw: float  # mean score
    pooled: float  # partially pooled, kept within the interval
    interval: Interval | None  # at the error rate of the finding, see shares_of; None below LEAST_UNITS
    log_e_value: float  # against 1/2
    differs: bool  # found by e-BH: exactly when the interval leaves out 1/2; the side is that of `raw`


def shares_of(states: Mapping[str, Histogram], alpha: float = ALPHA) -> tuple[TagShare, ...]:
    """Compute the shares of all tags with duels, most duels first. Raises BadEvidence.

    Tags with LEAST_UNITS duels are tested by e-BH. Of J tested tags with k found different, each interval is {m: K_n(m) < J / (k
    alpha)}, k at least 1: so it leaves out 1/2 exactly for those found, and the expected share of wrong intervals among the found
    is at most alpha (e-BY; Xu, Wang & Ramdas, "Post-selection inference for e-value based confidence intervals", EJS 18, 2024).
    The pooled share moves from the tag's own towards the others', as far as that interval allows (limited translation; Efron &
    Morris, JASA 67, 1972).
    """
    tags = {tag: state for tag, state in states.items() if state.n}
    if not tags:
        return ()
    counts = np.array([state.n for state in tags.values()], dtype=np.float64)
    means = np.array([state.mean for state in tags.values()])
    pooled, _ = partial_pool(means, _variances(counts, sum(state.scatter for state in tags.values())))
    records = {tag: Record.of(state) for tag, state in tags.items()}
    tested = {tag: records[tag].log_e_value for tag, state in tags.items() if state.n >= LEAST_UNITS}
    found = e_bh(tested, alpha)
    bar = len(tested) / (alpha * max(1, len(found)))
    shares = []
    for (tag, state), raw, towards in zip(tags.items(), means, pooled, strict=True):
        interval = records[tag].interval(bar) if tag in tested else None
        share = float(np.clip(towards, *interval)) if interval else float(towards)
        shares.append(TagShare(tag, state.n, float(raw), share, interval, records[tag].log_e_value, tag in found))
    return tuple(sorted(shares, key=lambda share: (-share.n, share.tag)))


def _variances(counts: Floats, scatter: float) -> Floats:
    """Sampling variance of each tag's mean, from the spread within tags.

    The spread is pooled over tags, with the largest variance a score can have, 1/4, as one further degree of freedom: so
    unanimous tags and tags of one duel are not taken as certain.
    """
    variances: Floats = (scatter + 0.25) / (counts.sum() - len(counts) + 1) / counts
    return variances


def partial_pool(means: Floats, variances: Floats) -> tuple[Floats, Floats]:
    """Compute empirical-Bayes means and their standard errors, both (k,).

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


def e_bh(log_e_values: Mapping[str, float], alpha: float = ALPHA) -> frozenset[str]:
    """Name the hypotheses rejected with false discovery rate <= alpha, however the e-values depend on each other.

    e-BH: of J e-values reject the k largest, k the greatest with k-th largest e >= J / (alpha k).
    Source: Wang & Ramdas, "False discovery rate control with e-values", JRSS-B 84, 2022.
    """
    if not 0 < alpha < 1:
        raise BadEvidence(f"An error rate lies between 0 and 1, not {alpha:g}.")
    ranked = sorted(log_e_values, key=lambda name: -log_e_values[name])
    passing = [k for k, name in enumerate(ranked, start=1) if log_e_values[name] >= math.log(len(ranked) / (alpha * k))]
    return frozenset(ranked[: max(passing, default=0)])
