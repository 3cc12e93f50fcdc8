"""The blinding question: for one ballot in a few, which side the voter takes for the other technique. Tells whether duels are blind."""

from bot.app import App
from bot.app.teams import Teams
from bot.views import DuelView
from bot.words import ARMS


def blinding_question(app: App, teams: Teams, view: DuelView, voter: str) -> str:
    """Ask which side is which, while the vote is open; empty for most ballots, always the same for one of them."""
    arms = app.model.arms
    if view.state != "open" or arms is None or not teams.asks_which(view.id, voter):
        return ""
    return f"One more question, for one ballot in a few: which answer do you take for {ARMS[arms[1]].named}?"
