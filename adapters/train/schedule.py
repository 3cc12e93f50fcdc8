"""The schedule of a training: how many steps, and which share of its learning rates each step gets."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateSchedule:
    """Warm-up, plateau and linear cool-down (a trapezoid; Hägele et al. 2024, arXiv 2405.18392)."""

    steps: int
    warm_up: int  # steps until the full rates
    cool_down: float  # share of the steps, at the end, in which the rates fall to nothing

    def rate(self, step: int) -> float:
        """Return the share of the full learning rates, 0 to 1, for a step counted from 0."""
        cool = max(1, int(self.steps * self.cool_down))
        return min(1.0, (step + 1) / self.warm_up, max(0.0, (self.steps - step) / cool))
