"""Discord's refusals: a status, Discord's own code, words. `violation` marks those that a correct bot never meets."""

from typing import Any


class Refusal(Exception):
    """An answer that is an error. Codes are Discord's (its documentation, "Opcodes and Status Codes")."""

    def __init__(self, status: int, code: int, words: str, *, violation: bool = False, detail: list[str] | None = None) -> None:
        super().__init__(f"{status}/{code} {words}" + (f": {'; '.join(detail)}" if detail else ""))
        self.status = status
        self.code = code
        self.words = words
        self.violation = violation
        self.detail = detail or []

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"message": self.words, "code": self.code}
        if self.detail:
            body["errors"] = {"_errors": [{"code": "INVALID", "message": words} for words in self.detail]}
        return body


def invalid(problems: list[str]) -> Refusal:
    """A body that breaks the hard limits."""
    return Refusal(400, 50035, "Invalid Form Body", violation=True, detail=problems)


def unauthorized() -> Refusal:
    return Refusal(401, 0, "401: Unauthorized", violation=True)


def no_access() -> Refusal:
    return Refusal(403, 50001, "Missing Access")


def no_permission() -> Refusal:
    return Refusal(403, 50013, "Missing Permissions")


def archived() -> Refusal:
    return Refusal(400, 50083, "Thread is archived")


def wrong_kind() -> Refusal:
    return Refusal(400, 50024, "Cannot execute action on this channel type")


def has_thread() -> Refusal:
    return Refusal(400, 160004, "A thread has already been created for this message")


def not_the_author() -> Refusal:
    return Refusal(403, 50005, "Cannot edit a message authored by another user", violation=True)


def unknown_channel() -> Refusal:
    return Refusal(404, 10003, "Unknown Channel")


def unknown_message() -> Refusal:
    return Refusal(404, 10008, "Unknown Message")


def unknown_webhook() -> Refusal:
    return Refusal(404, 10015, "Unknown Webhook", violation=True)


def unknown_interaction(*, late: bool) -> Refusal:
    """Late: the 3 s have passed, or nobody asked."""
    return Refusal(404, 10062, "Unknown interaction", violation=True, detail=["answered after 3 s"] if late else None)


def already_acknowledged() -> Refusal:
    return Refusal(400, 40060, "Interaction has already been acknowledged.", violation=True)


def token_expired() -> Refusal:
    return Refusal(401, 50027, "Invalid Webhook Token")


def empty_message() -> Refusal:
    return Refusal(400, 50006, "Cannot send an empty message", violation=True)


def too_large() -> Refusal:
    return Refusal(413, 40005, "Request entity too large", violation=True)


def too_many_followups() -> Refusal:
    return Refusal(400, 40094, "Maximum number of follow-up messages for this interaction reached", violation=True)


def no_such_route(method: str, path: str) -> Refusal:
    return Refusal(404, 0, "404: Not Found", violation=True, detail=[f"the loopback has no {method} {path}"])
