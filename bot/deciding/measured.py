"""Answers of the arms to the test rows, as JSON lines: what was said, how it scored, what it took."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.contestants import Arm
from engine.duel import Answer, Failure
from engine.errors import BadRequest


@dataclass(frozen=True, slots=True)
class ArmAnswer:
    """One arm's answer to one row. Tokens and seconds are None where there is no account of them."""

    text: str
    score: float  # in [0, 1]; 0 where there is no answer
    failure: str = ""  # words, where there is no answer
    cut: bool = False  # at the token limit
    prompt_tokens: int | None = None
    new_tokens: int | None = None
    first_token_s: float | None = None
    total_s: float | None = None
    usd: float | None = None

    @classmethod
    def of(cls, outcome: Answer | Failure, score: float) -> "ArmAnswer":
        """Keep what an arm answered."""
        usage, usd = outcome.usage, outcome.cost.usd if outcome.cost else None
        text, failure = (outcome.text, "") if isinstance(outcome, Answer) else ("", outcome.words)
        cut = isinstance(outcome, Answer) and outcome.finish == "length"
        if usage is None:
            return cls(text, score, failure, cut, usd=usd)
        return cls(text, score, failure, cut, usage.prompt_tokens, usage.new_tokens, usage.first_token_s, usage.total_s, usd)


@dataclass(frozen=True, slots=True)
class RowAnswers:
    """One test row with the answers of the arms that were asked it; line: of the file of rows."""

    line: int
    arms: Mapping[Arm, ArmAnswer]

    def written(self) -> str:
        """The row as a JSON line."""
        return (
            json.dumps({"line": self.line, "arms": {arm: asdict(answer) for arm, answer in self.arms.items()}}, ensure_ascii=False) + "\n"
        )


def read_answers(path: Path) -> list[RowAnswers]:
    """Read what was measured so far, none where nothing was; a last line that was cut off does not count. Raises BadRequest.

    A row may have several lines, each with other arms; it comes where its first one stands.
    """
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    found: dict[int, dict[Arm, ArmAnswer]] = {}
    for number, line in enumerate(lines[:-1], 1):  # what follows the last line feed was not written to its end
        try:
            table = json.loads(line)
            arms = {Arm(arm): ArmAnswer(**answer) for arm, answer in table["arms"].items()}
            found.setdefault(int(table["line"]), {}).update(arms)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise BadRequest(f"Line {number:,} of {path} cannot be read. Delete the file, and it is measured again.") from error
    return [RowAnswers(line, arms) for line, arms in found.items()]


def cut_off(path: Path) -> None:
    """Remove what a killed process left after the last whole line."""
    if path.is_file() and (data := path.read_bytes()) and not data.endswith(b"\n"):
        path.write_bytes(data[: data.rfind(b"\n") + 1])


def by_arm(rows: Iterable[RowAnswers]) -> dict[Arm, list[ArmAnswer]]:
    """Gather the answers of each arm, in the order of the rows."""
    found: dict[Arm, list[ArmAnswer]] = {}
    for row in rows:
        for arm, answer in row.arms.items():
            found.setdefault(arm, []).append(answer)
    return found


def scores(rows: Sequence[RowAnswers]) -> dict[Arm, list[float | None]]:
    """List the scores of each arm, in the order of the rows; None for a row that it was not asked."""
    arms = [arm for arm in Arm if any(arm in row.arms for row in rows)]
    return {arm: [row.arms[arm].score if arm in row.arms else None for row in rows] for arm in arms}
