"""What a server refuses, in words for people. No text of a server about a key is passed on, as it may repeat the key."""

import email.utils
import re
import time
from dataclasses import dataclass
from typing import Any

from engine.backends.openai.events import message_in
from engine.errors import BackendError

AGAIN = (429, 503)  # statuses after which a request is sent again
TOO_LONG = re.compile(r"exceed_context_size|context_length_exceeded|maximum context length|context (size|length|window)", re.IGNORECASE)

LIES_HERE = (
    "The adapter {} lies in a folder, and the model runs on a server. Load it there and name it with DUEL_ADAPTER, or, with vLLM, set "
    "DUEL_SERVER_ADAPTERS to where the server sees your folder of adapters."
)


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer to one request: its status, its JSON (text, where it is none), and its Retry-After."""

    status: int
    said: Any
    retry_after: str = ""

    @property
    def good(self) -> bool:
        """Whether the server did what it was asked for."""
        return self.status == 200

    def wait_s(self) -> float | None:
        """Read how many seconds the server wants to be left alone; None: it does not say."""
        if self.retry_after.strip().isdecimal():
            return float(self.retry_after)
        try:
            return max(0.0, email.utils.parsedate_to_datetime(self.retry_after).timestamp() - time.time())
        except (ValueError, TypeError, OverflowError):
            return None


def refusal(reply: Reply, model: str, where: str) -> BackendError:
    """Word what a server answered in place of an answer. where: the server, as people know it."""
    said = message_in(reply.said)
    match reply.status:
        case 401 | 403:
            return BackendError("server", f"{where} refuses the key ({reply.status}). Set DUEL_SERVER_KEY to one that it takes.")
        case 404:
            return BackendError("server", f"{where} knows no {model}, or no such address (404): {said}.")
        case 429:
            return BackendError("server", f"{where} takes no more requests now (429){_after(reply)}: {said}.", passing=True)
        case 503:
            return BackendError("server", f"{where} is not ready (503){_after(reply)}: {said}.", passing=True)
        case status if 400 <= status < 500:
            if TOO_LONG.search(str(reply.said)):
                words = f"Request, conversation and instructions are too long for {model}: {said}. Shorten the request."
                return BackendError("too_long", words)
            return BackendError("bad_prompt", f"{where} refuses the request ({status}): {said}.")
        case status:
            return BackendError("server", f"{where} failed ({status}): {said}.", passing=True)


def _after(reply: Reply) -> str:
    wait_s = reply.wait_s()
    return "" if wait_s is None else f" and wants to be asked again after {wait_s:.0f} s"
