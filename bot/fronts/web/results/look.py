"""What one look at the results holds, read from the app."""

from dataclasses import dataclass

from bot.app import App
from bot.charts import BoardLine
from bot.fronts.web.asked import Query, Wanted, verdict_for, wanted_by
from bot.verdict import Unknown, Verdict, Who
from bot.views import Spending


@dataclass(frozen=True, slots=True)
class ResultsLook:
    """All that the page shows at one moment."""

    wanted: Wanted
    found: Verdict | Unknown
    tags: list[str]  # in use, the most frequent first
    pairs: list[tuple[Who, Who, int]]  # that met, with their closed duels, the latest first
    spending: Spending
    board: tuple[BoardLine, ...]


async def look_again(app: App, query: Query, before: ResultsLook | None) -> ResultsLook | None:
    """Read what there is; None where the verdict is the one before. Raises StoreError."""
    wanted = await wanted_by(app, query)
    found = await verdict_for(app, wanted)
    if before is not None and found == before.found:
        return None
    asks = app.judging
    kept = Wanted(None, query.tag or None, query.days) if isinstance(wanted, Unknown) else wanted
    return ResultsLook(kept, found, await asks.tags(), await asks.pairs(), await asks.spending(), await asks.board_lines())
