"""Which class of answers each row belongs to."""

from collections.abc import Sequence

from adapters.data.rows import classes_of
from bot.deciding.order import DecisionOrder
from engine.scoring import key_of, metric_named


def classes_for(order: DecisionOrder, answers: Sequence[str]) -> list[str]:
    """Name the class of each answer: what the metric looks at; "" for all where these are no closed set."""
    return list(classes_of([key_of(metric_named(order.metric), answer) for answer in answers]).of)
