"""From the files of a decision to its findings."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.data.rows import answered
from adapters.train.paying import ProbedShare, reached, will_it_pay
from bot.deciding.classes import classes_for
from bot.deciding.facts import KnownFigures, count_made_up
from bot.deciding.findings import ChangeSide, ChangeTried, CraftSpent, DecisionFindings, ProbePoint, arm_measured
from bot.deciding.gaps import compared, share_right
from bot.deciding.measured import RowAnswers, by_arm, read_answers, scores
from bot.deciding.order import DecisionFolder, DecisionStatus
from engine.card import Forgetting, read_card
from engine.contestants import Arm
from engine.rows import Row, read_rows
from engine.scoring import Metric, guess_kind, metric_named

MOST_FEW = 5  # classes that are named to label more of
FEW_ROWS = 10  # rows to learn, below which a class is named


def gathered(folder: DecisionFolder, status: DecisionStatus, usd_per_hour: float | None) -> DecisionFindings:
    """Read what all steps have found. Raises BadDecision, BadRequest for a file that cannot be read."""
    order = folder.order()
    rows = read_rows([folder["rows.jsonl"].read_bytes()], "rows.jsonl").rows
    together, alone = read_answers(folder["answers.jsonl"]), by_arm(read_answers(folder["alone.jsonl"]))
    measured = scores(together)
    metric, answers = metric_named(order.metric), [answered(row) for row in rows]
    classes = classes_for(order, answers)
    made_up = _made_up(metric, rows, classes, together)
    foretold = folder.read("foretold.json") if folder["foretold.json"].is_file() else None
    prompt_right = share_right(measured[Arm.PROMPTED]).mean if Arm.PROMPTED in measured else None
    return DecisionFindings(
        rows=dict(Counter(row.role for row in rows)),
        kind=guess_kind(answers),
        metric=metric.name,
        metric_words=metric.words,
        counts=metric.counts,
        margin=order.margin,
        test_rows=sum(row.role == "test" for row in rows),
        arms=tuple(arm_measured(arm, by_arm(together)[arm], alone.get(arm, []), made_up.get(arm)) for arm in Arm if arm in measured),
        gaps=compared(measured, order.margin) if len(measured) > 1 else (),
        spent=_spent(status, usd_per_hour),
        foretold=_points(foretold),
        pays=_pays(foretold, prompt_right) if metric.counts else "",
        change=_change(folder, usd_per_hour),
        forgot=_forgot(folder),
        notes=tuple(step.words for step in status.steps if step.state in ("failed", "skipped") and step.words),
        few=_few(rows, classes),
    )


def _made_up(metric: Metric, rows: Sequence[Row], classes: Sequence[str], together: Sequence[RowAnswers]) -> dict[Arm, int]:
    """Count each arm's answers with a figure that is likely made up; none where the metric looks at the whole answer or none is stated."""
    known = KnownFigures((name, answered(row)) for name, row in zip(classes, rows, strict=True))
    if not (metric.name == "f1" or metric.line) or not known.stated:
        return {}
    by_line = {row.line: (name, row.text) for name, row in zip(classes, rows, strict=True)}
    return {
        arm: count_made_up(
            known,
            [by_line[each.line] for each in together if arm in each.arms],
            [each.arms[arm].text for each in together if arm in each.arms],
        )
        for arm in by_arm(together)
    }


def _spent(status: DecisionStatus, usd_per_hour: float | None) -> dict[str, CraftSpent]:
    found = {}
    for step in status.steps:
        if step.name in ("prompt", "fine-tune") and step.state == "done":
            usd = None if usd_per_hour is None else step.spent_s / 3600 * usd_per_hour
            found[step.name] = CraftSpent(step.spent_s / 60, usd, step.words)
    return found


def _points(foretold: Mapping[str, Any] | None) -> tuple[ProbePoint, ...]:
    points = foretold["points"] if foretold else ()
    return tuple(ProbePoint(point["rows"], point["right"], point["least"], point["most"]) for point in points)


def _pays(foretold: Mapping[str, Any] | None, prompt_right: float | None) -> str:
    """Say what a fine-tune of more rows would reach, beside what the prompt has reached."""
    if not foretold or not foretold["points"]:
        return ""
    points = [ProbedShare(**point) for point in foretold["points"]]
    return f"{reached(points, foretold['rows'])}." if prompt_right is None else will_it_pay(points, foretold["rows"], prompt_right)


def _change(folder: DecisionFolder, usd_per_hour: float | None) -> ChangeTried | None:
    if not folder["changed-asked.json"].is_file():
        return None
    made, asked = folder.read("change.json"), folder.read("changed-asked.json")

    def side(seconds: float, arm: Arm) -> ChangeSide | None:
        found = asked["right"].get(arm)
        usd = None if usd_per_hour is None else seconds / 3600 * usd_per_hour
        return ChangeSide(seconds, usd, round(found), asked["rows"]) if found is not None else None

    tuned_s = made["trained_s"] + asked["loaded_s"]
    return ChangeTried(made["old"], made["new"], side(asked["first_s"], Arm.PROMPTED), side(tuned_s, Arm.TUNED))


def _forgot(folder: DecisionFolder) -> Forgetting | None:
    """Read from the adapter's card what its training cost beside its task."""
    card = read_card(folder["adapter"]) if folder["adapter"].is_dir() else None
    return card.forgetting if card else None


def _few(rows: Sequence[Row], classes: Sequence[str]) -> tuple[str, ...]:
    """Name the classes with the fewest rows to learn."""
    learned = Counter({name: 0 for name in classes if name})
    learned.update(name for name, row in zip(classes, rows, strict=True) if name and row.role in ("train", "example"))
    few = sorted((name for name in learned if learned[name] < FEW_ROWS), key=lambda name: (learned[name], name))
    return tuple(few[:MOST_FEW])
