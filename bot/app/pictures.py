"""Pictures that were drawn, kept as long as nothing has changed."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from bot.app.evidence import LeaderBoard
from bot.charts import BoardLine, Chart, Form, Picture, Theme, drawn
from bot.evidence.bets import LEAST_UNITS
from bot.verdict import Verdict
from bot.verdict.words import full_names

HELD = 48


class Pictures:
    """Draws each picture once, however many ask for it at the same time."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[object, ...], asyncio.Task[Picture]] = OrderedDict()

    async def of(self, chart: Chart, verdict: Verdict, theme: Theme, form: Form, board: Sequence[BoardLine] = ()) -> Picture:
        key = (chart, theme, form, *state_of(verdict), tuple(board) if chart is Chart.BOARD else ())
        if key not in self._held or (self._held[key].done() and self._held[key].exception()):
            self._held[key] = asyncio.create_task(drawn(chart, verdict, theme, form, board))
        self._held.move_to_end(key)
        while len(self._held) > HELD:
            self._held.popitem(last=False)
        return await asyncio.shield(self._held[key])


def state_of(verdict: Verdict) -> tuple[object, ...]:
    """Digest what a picture depends on: another state is another picture."""
    counts = (verdict.ballots, sum(verdict.absent.values()), len(verdict.alone.total_s[0]))
    return (verdict.scope.key, *counts, verdict.words, verdict.even, verdict.change, verdict.aspects)


def lines_of(board: LeaderBoard) -> tuple[BoardLine, ...]:
    """Write the leader board's lines; contestants of one name are told apart by their ids."""
    told = full_names(board.who.values())
    return tuple(
        BoardLine(
            told[each.contestant],
            each.share,
            each.interval if each.duels >= LEAST_UNITS else None,
            each.duels,
            board.who[each.contestant].arm.adapted,
            each.contestant == board.leader,
        )
        for each in board.standings
    )
