"""How the loss fell and how right the model became: points that a run writes beside its checkpoint, a line each, and its picture's data."""

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = "curve.jsonl"
MOST_POINTS = 200  # of the loss, over a whole training


@dataclass(frozen=True, slots=True)
class MeasuredShare:
    """How many held-out rows the model answers right, word for word, after so many steps."""

    step: int
    share: float
    rows: int  # that were measured; between the beginning and the end only some are


@dataclass(frozen=True, slots=True)
class TrainingCurve:
    """What is known of a training, in the order of its steps."""

    losses: tuple[tuple[int, float], ...] = ()  # step, nats a token
    right: tuple[MeasuredShare, ...] = ()


class CurveFile:
    """The file of one run. What a run that goes on writes again is read once: the later line of a step counts."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add_loss(self, step: int, steps: int, loss: float) -> None:
        """Write down the loss after a step, where that is one of the points."""
        if step % max(1, steps // MOST_POINTS) == 0 or step == steps:
            self._add({"step": step, "loss": round(loss, 5)})

    def add_right(self, step: int, share: float, rows: int) -> None:
        """Write down how many held-out rows are right after a step."""
        self._add({"step": step, "right": share, "rows": rows})

    def _add(self, point: dict[str, Any]) -> None:
        """A full disk does not stop a run here: the checkpoint's own error will."""
        with contextlib.suppress(OSError), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(point) + "\n")

    def read(self) -> TrainingCurve:
        """Read what there is; nothing where there is no file. A line that is cut off is left out."""
        losses, right = dict[int, float](), dict[int, MeasuredShare]()
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except OSError:
            return TrainingCurve()
        for line in lines:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                point = json.loads(line)
                if "loss" in point:
                    losses[int(point["step"])] = float(point["loss"])
                else:
                    right[int(point["step"])] = MeasuredShare(int(point["step"]), float(point["right"]), int(point["rows"]))
        return TrainingCurve(tuple(sorted(losses.items())), tuple(right[step] for step in sorted(right)))
