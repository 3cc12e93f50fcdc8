"""The pipeline checked on itself: an arm against itself must come out as no difference, and a dead adapter must not get in."""

import random
import tempfile
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

from bot.app import App
from bot.app.model import OpenLineup
from bot.app.orders import Order
from bot.ballots import Choice
from bot.evidence.decision import State
from bot.settings import Settings
from bot.verdict import Verdict
from bot.views import DuelView
from engine.duel import Side
from engine.errors import BackendError, DuelbotError

VOTERS = ("first voter", "second voter", "third voter")
THINGS = ("tickets", "letters", "invoices", "contracts", "reviews", "forms")
CHANGES = ("the rules change every week", "the rules change quarterly", "nothing changes", "nobody knows how often the rules change")
LABELS = range(10, 30_010)  # as many numbers as there are requests at most, and more
SEED = 20261128  # of the made-up requests: every check asks the same ones


def situations(count: int, rng: random.Random) -> list[str]:
    """Make up so many requests, each of them another one: asked again, a request would be no new evidence."""
    return [
        f"{labelled:,} labelled {rng.choice(THINGS)}, {rng.choice(CHANGES)}, {rng.randrange(1, 200)},000 a month. Prompt or fine-tune?"
        for labelled in rng.sample(LABELS, count)
    ]


async def run_aa(settings: Settings, duels: int, tell: Callable[[str], None], open_lineup: OpenLineup | None = None) -> dict[str, Any]:
    """The same contestant on both sides through the whole pipeline, in a temporary store, with three made-up voters a duel.

    One prefers the longer answer, one the earlier word, one tosses a coin; none can know which copy is which. "passed" is False
    when the verdict prefers a copy, which happens to a sound pipeline with a chance of alpha at most. Raises DuelbotError when
    the model cannot be loaded.
    """
    with tempfile.TemporaryDirectory(prefix="duelbot-aa-") as folder:
        own = settings.but(store_path=str(Path(folder) / "duels.sqlite3"), replays=False)
        async with App.open(own, open_lineup) as app:
            tell(app.model.words)
            if (await app.model_settled()).state == "failed":
                raise DuelbotError(app.model.words)
            toss = random.Random(duels)
            for number, text in enumerate(situations(duels, random.Random(SEED)), 1):
                await _one(app, text, toss)
                if not number % 10:
                    tell(f"{number} of {duels} duels")
            found = await app.judging.verdict()
        assert isinstance(found, Verdict)
        decision = found.decision
        return {
            "requests": found.requests,
            "duels": found.duels,
            "ballots": found.ballots,
            "share": decision.theta,
            "low": decision.interval.low,
            "high": decision.interval.high,
            "state": decision.state,
            "passed": decision.state not in (State.FIRST, State.SECOND),
            "words": found.words,
        }


async def _one(app: App, text: str, toss: random.Random) -> None:
    asked = (await app.asking.ask(Order(text, VOTERS[0], quorum=len(VOTERS), owner=True))).view
    async with aclosing(app.looking.watch(asked.id, VOTERS[0])) as views:
        async for view in views:
            if view.state in ("open", "closed", "void"):
                break
    if view.state != "open":
        raise BackendError("broken_off", f"The check broke off: {view.note}")
    for voter, choice in zip(VOTERS, _choices(view, toss), strict=True):
        await app.voting.cast(view.id, voter, choice)


def _choices(view: DuelView, toss: random.Random) -> tuple[Choice, Choice, Choice]:
    left, right = (view.sides[side].text for side in Side)
    coin = toss.choice((Choice.LEFT, Choice.RIGHT))
    if left == right:
        return Choice.TIE, Choice.TIE, coin
    return (Choice.LEFT if len(left) > len(right) else Choice.RIGHT), (Choice.LEFT if left < right else Choice.RIGHT), coin
