"""Rematches that wait for a vote: past requests that a new version of a recipe has answered again."""

from bot.app import App
from bot.fronts.web.queue import Queue

NOTHING = "Nothing waits for your vote. Compare two versions of a recipe and have past requests answered again; what changed comes here."


def rematch_queue(app: App) -> Queue:
    """Queue all rematches that nobody has voted on."""
    return Queue(app.rematching.waiting, "Changed answers, waiting for your vote", NOTHING, "/recipes", "All recipes")
