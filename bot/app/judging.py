"""Judging: the verdict of the pair that meets now, or of another, with what belongs to it: pictures, sums, estimates."""

from datetime import datetime

from bot.app.choices import Choices
from bot.app.core import Core
from bot.app.ending import who
from bot.app.evidence import Evidence, LeaderBoard
from bot.app.limits import Limits
from bot.app.pictures import Pictures, lines_of
from bot.charts import BoardLine, Chart, Form, Picture, Theme
from bot.store.counts import CountRows
from bot.store.tags import TagRows
from bot.verdict import Unknown, Verdict, in_question, ordered
from bot.views import OUTSIDE, Spending
from bot.who import Who
from engine.cost import Estimate
from engine.cost import estimate as estimate_from

ESTIMATE_DUELS = 50  # of the pair that meets now, the latest, from which a duel's time and cost are estimated


class Judging:
    """Answers questions over many duels."""

    def __init__(self, core: Core, choices: Choices, evidence: Evidence, limits: Limits) -> None:
        self._core = core
        self._choices = choices
        self.evidence = evidence
        self._limits = limits
        self._pictures = Pictures()

    async def verdict(
        self,
        pair: tuple[Who, Who] | None = None,
        *,
        team: str | None = None,
        tag: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Verdict | Unknown:
        """Judge what to do, as of now, with its evidence: for the pair in question, over all its duels, unless told otherwise.

        A scope that was never asked for is read from its first duel; from then on a look costs what has closed since.
        """
        pair = pair or self.pair(team) or in_question(None, await self.pairs())
        if pair is None:
            failed = self._core.model.state.state == "failed"
            why = "and the model could not be loaded" if failed else "and which pair meets is known once the model is loaded"
            return Unknown(f"No vote has closed here yet, {why}.")
        scope = self.evidence.scope(pair, team=team, tag=tag, since=since, until=until)
        return await self.evidence.verdict(scope, pair)

    def pair(self, team: str | None = None) -> tuple[Who, Who] | None:
        """Name the contestants that meet for a team now, in the order of evidence; None while the model is not loaded."""
        met = self._choices.meeting(team or OUTSIDE)
        return ordered([who(entrant) for entrant in met]) if met else None

    async def pairs(self) -> list[tuple[Who, Who, int]]:
        """List pairs that closed duels, with how many; the latest first."""
        return await self.evidence.pairs()

    async def tags(self) -> list[str]:
        """List tags in use, the most frequent first."""
        async with self._core.store.reading() as look:
            return await TagRows(look).used()

    async def spending(self, team: str | None = None) -> Spending:
        """Sum up what a team's answers cost, with its caps; None: page, terminal and direct messages."""
        async with self._core.store.reading() as look:
            return await self._limits.spending(look, team, self._core.now())

    async def estimate(self) -> Estimate | None:
        """Estimate what a duel of the pair that meets now will take. None: no history yet, or the model is not loaded."""
        if (met := self._choices.meeting(OUTSIDE)) is None:
            return None
        async with self._core.store.reading() as look:
            return estimate_from(await CountRows(look).spent([entrant.id for entrant in met], ESTIMATE_DUELS))

    async def picture(self, chart: Chart, verdict: Verdict, theme: Theme = "light", form: Form = "svg") -> Picture:
        """Draw a picture of this verdict, off the event loop; it is kept until something changes."""
        lines = await self.board_lines() if chart is Chart.BOARD else ()
        return await self._pictures.of(chart, verdict, theme, form, lines)

    async def board(self) -> LeaderBoard:
        """Compare all contestants that met."""
        return await self.evidence.board()

    async def board_lines(self) -> tuple[BoardLine, ...]:
        """Compare all contestants that met, for people to read."""
        return lines_of(await self.board())
