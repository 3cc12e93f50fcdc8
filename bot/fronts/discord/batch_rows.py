"""Which files hold requests. Pure."""

from bot.app.asked_rows import MOST, requests_in

__all__ = ["MOST", "is_rows", "requests_in"]


def is_rows(name: str, request: str | None) -> bool:
    """Whether a file of this name holds requests; a .csv or .json beside a typed request belongs to that request."""
    return name.lower().endswith(".jsonl") or (not request and name.lower().endswith((".csv", ".json")))
