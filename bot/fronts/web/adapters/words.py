"""Sentences that only the page of adapters says."""

from bot.app.shelf import OnShelf
from bot.app.training import JobProgress
from bot.words import percent

BRING = "A file of requests with the answers that you want: JSON lines, a JSON array or CSV. It stays on this machine."
WHAT = {"train": "Training", "estimate": "Estimate for", "decide": "Decision on", "optimise": "Search from"}  # by kind of job
MOST_FIGURES = 3  # figures of a card in the list


def facts(each: OnShelf) -> str:
    """Say what an adapter is, from its card. Pure."""
    if each.trouble or each.adapter is None:
        return each.trouble
    if (card := each.adapter.card) is None:
        return "No card: nobody knows what it was trained on."
    rows = f"{card.trained.examples:,} rows; " if card.trained.examples else ""
    figures = ", ".join(f"{what} {percent(share)}" for what, share in list(card.figures.items())[:MOST_FIGURES])
    return f"For {card.base.name or 'a base'}; {rows}{figures or 'nothing was measured'}."


def state(each: OnShelf) -> str:
    """Say how an adapter stands, in a word or two. Pure."""
    return "in use" if each.used else "loaded" if each.loaded else ""


def left(found: JobProgress) -> str:
    """Say how much of a training is done, and how long it takes still. Pure."""
    if found.share is None or not found.job.going:
        return ""
    share = percent(found.share)
    if found.left_s is None:
        return share
    return f"{share}, {max(1, round(found.left_s))} s left" if found.left_s < 99 else f"{share}, {found.left_s / 60:.0f} min left"


def title(found: JobProgress) -> str:
    """Name a job. Pure."""
    given = found.job.arguments
    what = {"train": "Training", "estimate": "Estimate for", "decide": "Decision on", "optimise": "Search from"}.get(
        found.job.kind, found.job.kind
    )
    return f"{what} {given.get('name') or 'these rows'}"
