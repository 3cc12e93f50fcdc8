"""The most telling test rows: those on which the two crafts answer differently. Pure."""

from collections.abc import Sequence

from bot.deciding.measured import RowAnswers
from engine.contestants import Arm


def telling(answers: Sequence[RowAnswers], most: int) -> list[RowAnswers]:
    """Choose rows whose answers differ: in turn one for the fine-tune, one for the prompt, and one on which the scores say nothing."""
    differ = [each for each in answers if _differ(each)]
    groups = [
        [each for each in differ if _gap(each) > 0],
        [each for each in differ if _gap(each) < 0],
        [each for each in differ if not _gap(each)],
    ]
    found: list[RowAnswers] = []
    while any(groups) and len(found) < most:
        for group in groups:
            if group and len(found) < most:
                found.append(group.pop(0))
    return found


def for_votes(answers: Sequence[RowAnswers], most: int) -> list[RowAnswers]:
    """Choose rows that people vote on: the first whose answers differ, in the order of measuring, which is random.

    Their scores have no say, or the votes would be about the choice and not about the two sides.
    """
    return [each for each in answers if _differ(each)][:most]


def _differ(row: RowAnswers) -> bool:
    arms = row.arms
    return Arm.PROMPTED in arms and Arm.TUNED in arms and arms[Arm.PROMPTED].text.strip() != arms[Arm.TUNED].text.strip()


def _gap(row: RowAnswers) -> float:
    return row.arms[Arm.TUNED].score - row.arms[Arm.PROMPTED].score
