"""Server-sent events out of bytes, and what an event of an answer says.

The form of a stream is that of the HTML standard, section 9.2: lines "data: ...", and an empty line that ends an event. Lines end with a
line feed alone or after a carriage return; other characters that Unicode counts as line ends stand within JSON texts and end nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.backends.base import Finish
from engine.errors import BackendError
from engine.parsing import shown

DONE = "[DONE]"  # the last event of a stream
MOST_BYTES = 1 << 20  # of one event
FINISHES: dict[str, Finish] = {"stop": "end", "length": "length"}


class EventReader:
    """Events out of pieces of bytes, which may end anywhere."""

    def __init__(self) -> None:
        self._left, self._data = b"", list[bytes]()

    def add(self, piece: bytes) -> list[str]:
        """Take more bytes and return the data of each event that they end. Raises BackendError for what is no such stream."""
        *lines, self._left = (self._left + piece).split(b"\n")
        if len(self._left) + sum(map(len, self._data)) > MOST_BYTES:
            raise BackendError("server", f"The server sends an event of more than {MOST_BYTES:,} bytes, which no answer holds.")
        return [event for line in lines if (event := self._line(line.removesuffix(b"\r"))) is not None]

    def _line(self, line: bytes) -> str | None:
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
            return None
        if line or not self._data:
            return None  # a comment or another field
        whole, self._data = b"\n".join(self._data), []
        try:
            return whole.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BackendError("server", "The server sends bytes that are no UTF-8 text.") from error


@dataclass(frozen=True, slots=True)
class ServedUsage:
    """A server's own account of an answer, in tokens."""

    prompt_tokens: int
    cached_tokens: int
    new_tokens: int


@dataclass(frozen=True, slots=True)
class AnswerEvent:
    """What an event says: text, the end, the account; each may be missing."""

    text: str = ""
    finish: Finish | None = None
    usage: ServedUsage | None = None


def read_answer_event(data: str) -> AnswerEvent:
    """Read an event of an answer. Raises BackendError for one that is malformed, tells an error, or ends the answer in another way."""
    try:
        table = json.loads(data)
    except ValueError as error:
        raise BackendError("server", f"The server sends a piece of an answer that is no JSON: {shown(data[:80])}.") from error
    if not isinstance(table, dict):
        raise BackendError("server", f"The server sends a piece of an answer that is no object: {shown(data[:80])}.")
    if table.get("error"):
        raise BackendError("server", f"The server ended the answer with an error: {message_in(table)}.")
    choices = table.get("choices")
    if not isinstance(choices, list) or not all(isinstance(each, dict) for each in choices):
        raise BackendError("server", f"The server sends a piece of an answer that lacks choices: {shown(data[:80])}.")
    text, finish = _said(choices[0]) if choices else ("", None)
    return AnswerEvent(text, finish, _usage(table))


def _said(choice: Mapping[str, Any]) -> tuple[str, Finish | None]:
    """Text and end of a choice. Raises BackendError."""
    delta = choice.get("delta")
    delta = {} if delta is None else delta
    text = delta.get("content") if isinstance(delta, dict) else delta
    if text is not None and not isinstance(text, str):
        raise BackendError("server", f"The server sends a piece of an answer whose text is {shown(text)}.")
    finish = choice.get("finish_reason")
    if finish is not None and finish not in FINISHES:
        raise BackendError("server", f"The server ended the answer for another reason than its end or its length: {shown(finish)}.")
    return text or "", FINISHES[finish] if finish else None


def _usage(table: Mapping[str, Any]) -> ServedUsage | None:
    """Read the account. An event may have none; llama-server tells it with each token, as timings. Raises BackendError."""
    given = table.get("usage")
    timings = table.get("timings")
    if given is None and isinstance(timings, dict):
        read, kept = timings.get("prompt_n"), timings.get("cache_n", 0)
        whole = read + kept if is_count(read) and is_count(kept) else None
        given = {"prompt_tokens": whole, "completion_tokens": timings.get("predicted_n"), "prompt_tokens_details": {"cached_tokens": kept}}
    return None if given is None else read_usage(given)


def read_usage(given: Any) -> ServedUsage:
    """Read an account as OpenAI's API has it. Raises BackendError for one that is wrong: no duel can tell its cost then."""
    table = given if isinstance(given, dict) else {}
    details = table.get("prompt_tokens_details") or {}
    cached = (details.get("cached_tokens") or 0) if isinstance(details, dict) else details
    counts = {"prompt_tokens": table.get("prompt_tokens"), "completion_tokens": table.get("completion_tokens"), "cached_tokens": cached}
    for name, count in counts.items():
        if not is_count(count):
            raise BackendError("server", f"The server's account of the answer is wrong: {name} is {shown(count)}.")
    if cached > table["prompt_tokens"]:
        raise BackendError("server", "The server's account of the answer is wrong: more tokens were cached than the prompt has.")
    return ServedUsage(table["prompt_tokens"], cached, table["completion_tokens"])


def is_count(value: Any) -> bool:
    """Whether a JSON value is a number of tokens."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40


def message_in(table: Any) -> str:
    """Find what a server says of an error, as OpenAI's, vLLM's and llama-server's answers have it; at most 300 characters in a line."""
    error = table.get("error", table) if isinstance(table, dict) else table
    said = error.get("message", error.get("detail", error)) if isinstance(error, dict) else error
    return " ".join(str(said).split())[:300].rstrip(".") or "it says nothing"
