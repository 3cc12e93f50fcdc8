"""A duel's message as it should be now: the answers, and the line under them that says how it stands."""

from bot.app import App
from bot.ballots import Choice
from bot.fronts.discord import words
from bot.fronts.discord.layout import DuelScene, Sheet, duel_sheet
from bot.fronts.discord.leaving import Leaving
from bot.views import DuelView, Post
from engine.cost import Estimate

RUNNING = ("waiting", "answering")  # states of a duel whose answers are not there yet


class Scenes:
    """Sheets of duels. The estimate of the next duel's time is kept in memory, so that a sheet asks the store for nothing."""

    def __init__(self, app: App, leaving: Leaving) -> None:
        self._app, self._leaving = app, leaving
        self._estimate: Estimate | None = None

    async def refresh(self) -> None:
        """Estimate anew what the next duel will take. Raises StoreError."""
        self._estimate = await self._app.judging.estimate()

    def sheet(self, view: DuelView, post: Post, asked: tuple[Choice, str] | None = None) -> Sheet:
        """Draw the message as it should be now. asked: what a person would vote, and what they are asked first."""
        status = "\n-# ".join(filter(None, (self._status(view, post), post.left_out)))
        return duel_sheet(DuelScene(view, post, post.event_message is None, status, not self._leaving.begun, asked))

    def _status(self, view: DuelView, post: Post) -> str:
        if self._leaving.begun and view.state in RUNNING:
            return words.INTERRUPTED
        match view.state:
            case "waiting" | "answering":
                ahead = self._app.looking.ahead(view.id)
                said = words.running_words(view, ahead, self._app.looking.wait_s(ahead, self._estimate))
            case "open":
                said = words.vote_words(view, post)
            case "closed":
                return words.reveal_words(view)
            case _:
                return view.note or "This takes no votes."
        return said if post.lasting or post.private else f"{said}\n{words.FIFTEEN}"
