"""Errors in the shape of OpenAI's API: {"error": {"message", "type", "param", "code"}}."""

from dataclasses import dataclass
from typing import Any

from bot.app.orders import BudgetSpent, LimitMet, QueueFull
from bot.errors import StoreError
from engine.errors import BadRequest, DuelbotError

RETRY_S = 5  # seconds after which a program that met a limit may try again


@dataclass(eq=False)  # not frozen: Python writes a traceback into what is raised
class ApiRefusal(Exception):
    """Why a program gets no answer, with the status and the code that its client understands."""

    status: int
    words: str
    type: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None

    @property
    def body(self) -> dict[str, Any]:
        """What OpenAI's API would send."""
        return {"error": {"message": self.words, "type": self.type, "param": self.param, "code": self.code}}

    @property
    def headers(self) -> dict[str, str]:
        """Whether and when to try again, as OpenAI's clients read it."""
        match self.status:
            case 429 if self.code != "insufficient_quota":
                return {"retry-after": str(RETRY_S)}
            case 503:
                return {"retry-after": str(RETRY_S)}
            case 401:
                return {"www-authenticate": "Bearer"}
            case _:
                return {"x-should-retry": "false"}


def refusal_of(error: DuelbotError) -> ApiRefusal:
    """Turn an error of the app into one that a client of OpenAI's API understands."""
    match error:
        case BudgetSpent():
            return ApiRefusal(429, error.words, "insufficient_quota", code="insufficient_quota")
        case LimitMet():
            return ApiRefusal(429, error.words, "requests", code="rate_limit_exceeded")
        case QueueFull():
            return ApiRefusal(503, error.words, "server_error", code="overloaded")
        case BadRequest():
            return ApiRefusal(400, error.words)
        case StoreError():
            return ApiRefusal(503, error.words, "server_error", code="store")
        case _:
            return ApiRefusal(503, error.words, "server_error", code="unavailable")


def failed(kind: str, words: str) -> ApiRefusal:
    """Say that an answer failed: kind is that of engine.errors.BackendError, or "timeout"."""
    match kind:
        case "too_long":
            return ApiRefusal(400, words, param="messages", code="context_length_exceeded")
        case "bad_request":
            return ApiRefusal(400, words)
        case "timeout":
            return ApiRefusal(504, words, "server_error", code="timeout")
        case _:
            return ApiRefusal(502, words, "server_error", code=kind)
