"""What one measurement is, and what many say together: medians, ratios, where tokens differ. Times in seconds, memory in MiB."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Protocol

from engine.bench.plan import Ask, Demand, Tokens
from engine.bench.ways import Way
from engine.contestants import Arm


@dataclass(frozen=True, slots=True)
class Timed:
    """One answer with its times since its load began."""

    arm: Arm
    tokens: Tokens
    first_s: float  # until its first token
    end_s: float  # until its last
    step_s: float  # from one token to the next, the median


def timed(arm: Arm, tokens: Sequence[int], at: Sequence[float]) -> Timed:
    """Make the account of an answer out of the times at which its tokens came."""
    return Timed(arm, tuple(tokens), at[0], at[-1], median(after - before for before, after in pairwise(at)) if len(at) > 1 else 0.0)


@dataclass(frozen=True, slots=True)
class Measured:
    """One load as one way did it."""

    wall_s: float  # from the question to the last token of all
    cpu_s: float  # of the process and all its threads meanwhile
    answers: tuple[Timed, ...]  # in the order of the asks
    peak_mib: int  # resident memory of its process so far

    def of(self, arm: Arm) -> list[Timed]:
        """List an arm's answers."""
        return [answer for answer in self.answers if answer.arm == arm]


class Runner(Protocol):
    """One way, started in a process of its own."""

    async def run(self, asks: Sequence[Ask], new_tokens: int) -> Measured:
        """Write all these answers, of new_tokens each, as fast as the way can. Raises BackendError."""
        ...

    async def aclose(self) -> None:
        """End the process."""
        ...


@dataclass(frozen=True, slots=True)
class Figures:
    """A way under a load: medians over its rounds."""

    load: str
    users: int
    way: str
    rounds: int
    wall_s: float
    cpu_s: float
    naive_over_wall: float | None  # median of the rounds' ratios; naive's time for one duel is taken `users` times
    naive_over_cpu: float | None
    step_ms: float  # one more token on both sides
    tokens_per_s: float  # new tokens of all answers by wall_s
    first_s: dict[Arm, float]
    peak_mib: int
    differs_at: dict[Arm, int | None]  # the first token that is not naive's; None: all are; empty: not compared
    over_slower_alone: float | None = None  # wall_s by that of the slower side alone


def step_of(sample: Measured, way: Way) -> float:
    """Seconds that one more token on every side takes: the slower side's step where both run at once, else the sum of the sides'."""
    steps = [median(answer.step_s for answer in sample.of(arm)) for arm in dict.fromkeys(answer.arm for answer in sample.answers)]
    return max(steps) if way.together else sum(steps)


def differs_at(samples: Sequence[Measured], yardstick: Sequence[Measured], arm: Arm) -> int | None:
    """Find the earliest token in which an arm's first answer of any round is not the yardstick's. None: all are the same."""
    pairs = [(mine.of(arm)[0].tokens, other.of(arm)[0].tokens) for mine, other in zip(samples, yardstick, strict=True)]
    found = [next((place for place, (a, b) in enumerate(zip(mine, other, strict=False)) if a != b), None) for mine, other in pairs]
    return min((place for place in found if place is not None), default=None)


def figures(load: Demand, way: Way, samples: Sequence[Measured], naive: Sequence[Measured]) -> Figures:
    """Sum up the rounds of a way under a load. naive: the yardstick's samples of the same rounds, one duel each; empty: no comparison."""
    times = load.users if way.one_duel else 1
    wall, cpu = (median(getattr(sample, name) for sample in samples) * times for name in ("wall_s", "cpu_s"))

    def ratio(name: str) -> float | None:
        pairs = zip(naive, samples, strict=True)
        return median(getattr(n, name) * load.users / (getattr(s, name) * times) for n, s in pairs) if naive else None

    return Figures(
        load=load.label,
        users=load.users,
        way=way.key,
        rounds=len(samples),
        wall_s=wall,
        cpu_s=cpu,
        naive_over_wall=ratio("wall_s"),
        naive_over_cpu=ratio("cpu_s"),
        step_ms=median(step_of(sample, way) for sample in samples) * 1000 * times,
        tokens_per_s=sum(len(answer.tokens) for answer in samples[0].answers) * times / wall,
        first_s={arm: median(answer.first_s for sample in samples for answer in sample.of(arm)) for arm in load.arms},
        peak_mib=max(sample.peak_mib for sample in samples),
        differs_at={arm: differs_at(samples, naive, arm) for arm in load.arms} if naive and not way.one_duel else {},
    )


def alone_ratio(duel: Mapping[Arm, Sequence[Measured]], together: Sequence[Measured]) -> float:
    """Divide the wall time of whole duels by that of the slower side alone: medians."""
    slower = max(median(sample.wall_s for sample in samples) for samples in duel.values())
    return median(sample.wall_s for sample in together) / slower
