"""Sentences that only the page of decisions says."""

from bot.app.decisions import DecisionView
from bot.deciding.order import StepStatus
from bot.words import percent, seconds

TAGLINE = "Bring your examples, get a decision: prompt or fine-tune?"
BRING = (
    "A file of requests with the answers that you want: JSON lines, a JSON array or CSV. It is checked first; then both crafts are done at "
    "their best, and measured on rows that neither has seen. It stays on this machine."
)
NOTHING = "Nothing waits for your vote here. What confirms a decision comes here while both sides answer it."
STEPS = {
    "check": "Check and split the rows",
    "foretell": "Will a fine-tune pay?",
    "prompt": "The prompt at its best",
    "fine-tune": "The fine-tune at its best",
    "measure": "Measure on unseen rows",
    "change": "A small change on both sides",
}


def title(found: DecisionView) -> str:
    """Name a decision. Pure."""
    return found.headline or f"Deciding on {found.job.arguments.get('name', 'these rows')}"


def doing(found: DecisionView) -> str:
    """Say how a decision stands, in a sentence. Pure."""
    match found.job.state:
        case "queued":
            return "It waits for its turn."
        case "running":
            return "It is being made. You can leave this page and come back."
        case "done":
            return found.why
    return found.job.words


def took(step: StepStatus) -> str:
    """Say how long a step took, or how far it is. Pure."""
    if step.state == "waiting":
        return ""
    part = f", {percent(step.part)}" if step.part is not None and step.state == "running" else ""
    return f"{seconds(step.spent_s)}{part}"
