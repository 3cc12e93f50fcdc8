"""All that a decision has found, as values: the report, the terminal and JSON read these and nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from bot.deciding.gaps import Gap, ShareRight, share_right
from bot.deciding.measured import ArmAnswer
from engine.card import Forgetting
from engine.contestants import Arm


@dataclass(frozen=True, slots=True)
class ArmMeasured:
    """One arm on the test rows. None: not known."""

    arm: Arm
    rows: int
    right: ShareRight
    failed: int
    cut: int  # answers that met the token limit
    first_token_s: float | None  # median, all arms answering together
    total_s: float | None
    total_p95_s: float | None
    alone_first_s: float | None  # median, answering alone
    alone_total_s: float | None
    prompt_tokens: float | None  # mean
    new_tokens: float | None
    usd_per_1000: float | None
    made_up: int | None = None  # answers with a figure that no wanted answer of their class states; None: there are no such figures

    @property
    def usd_per_1000_right(self) -> float | None:
        """What 1,000 right answers cost; None where none is right or the cost is not known."""
        return None if self.usd_per_1000 is None or not self.right.mean else self.usd_per_1000 / self.right.mean


@dataclass(frozen=True, slots=True)
class CraftSpent:
    """What making one side took."""

    minutes: float
    usd: float | None  # at the device's price
    words: str  # what was done, a sentence


@dataclass(frozen=True, slots=True)
class ProbePoint:
    """What so many rows would reach, foretold by the probe."""

    rows: int
    right: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class ChangeSide:
    """A small change on one side: how long until it answered, and whether it then answers rightly."""

    seconds: float
    usd: float | None
    right: int
    rows: int


@dataclass(frozen=True, slots=True)
class ChangeTried:
    """A class of answers that got another name, on both sides."""

    old: str
    new: str
    prompt: ChangeSide | None  # None: there is no prompt to change
    tune: ChangeSide | None


@dataclass(frozen=True, slots=True)
class DecisionFindings:
    """A decision's figures."""

    rows: Mapping[str, int]  # by role
    kind: str  # of the answers
    metric: str
    metric_words: str
    counts: bool  # whether the score is a share of right answers
    margin: float
    test_rows: int  # there are; measured: those that time allowed
    arms: tuple[ArmMeasured, ...]
    gaps: tuple[Gap, ...]
    spent: Mapping[str, CraftSpent]  # "prompt", "fine-tune"
    foretold: tuple[ProbePoint, ...] = ()  # what the fine-tune would reach, by number of rows
    pays: str = ""  # the expected gain in words
    change: ChangeTried | None = None
    forgot: Forgetting | None = None  # what the training cost beside its task
    notes: tuple[str, ...] = ()  # steps that came to nothing, a sentence each
    few: tuple[str, ...] = ()  # classes with the fewest rows, to label more of

    def of(self, arm: Arm) -> ArmMeasured | None:
        """Find what was measured of an arm."""
        return next((each for each in self.arms if each.arm is arm), None)

    @property
    def measured(self) -> int:
        """Test rows that were measured, by all arms but those that were soon proven worse."""
        return max((each.rows for each in self.arms), default=0)


def arm_measured(arm: Arm, together: Sequence[ArmAnswer], alone: Sequence[ArmAnswer], made_up: int | None = None) -> ArmMeasured:
    """Sum up one arm's answers."""
    totals = _known(each.total_s for each in together)
    usd = _known(each.usd for each in together)
    return ArmMeasured(
        arm=arm,
        rows=len(together),
        right=share_right([each.score for each in together]),
        failed=sum(bool(each.failure) for each in together),
        cut=sum(each.cut for each in together),
        first_token_s=_middle(each.first_token_s for each in together),
        total_s=_middle(each.total_s for each in together),
        total_p95_s=sorted(totals)[max(0, -(-len(totals) * 95 // 100) - 1)] if len(totals) >= 40 else None,
        alone_first_s=_middle(each.first_token_s for each in alone),
        alone_total_s=_middle(each.total_s for each in alone),
        prompt_tokens=_mean(each.prompt_tokens for each in together),
        new_tokens=_mean(each.new_tokens for each in together),
        usd_per_1000=fmean(usd) * 1000 if usd and len(usd) == len(together) else None,
        made_up=made_up,
    )


def _known(values: Iterable[float | None]) -> list[float]:
    return [float(value) for value in values if value is not None]


def _middle(values: Iterable[float | None]) -> float | None:
    known = _known(values)
    return median(known) if known else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = _known(values)
    return fmean(known) if known else None
