"""Conversations in rows, taken apart: turns before a request, messages as OpenAI has them, and conversations as ShareGPT has them.

    "history":        [{"role": "user", "text": "…"}, {"role": "assistant", "text": "…"}]
    "messages":       [{"role": "system", "content": "…"}, {"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]
    "conversations":  [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]      the roles of messages do as well

Every function raises Malformed with the rest of a sentence that begins with the line.
"""

from dataclasses import dataclass
from typing import Any, Literal

from engine.parsing import Malformed, is_text, shown
from engine.request import Turn

CHATS = ("messages", "conversations")  # keys that hold a whole conversation, the answer included
FIELDS = ("role", "content", "from", "value", "tool_calls", "function_call")  # of a message that say something
ROLES: dict[str, Literal["user", "assistant"]] = {"user": "user", "assistant": "assistant"}
SHARED = {"human": "user", "gpt": "assistant", "chatgpt": "assistant", "bing": "assistant", "bard": "assistant"}  # ShareGPT's names
TOOLS = ("tool", "function", "function_call", "observation")  # what ShareGPT calls turns of a tool


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation, taken apart."""

    text: str
    history: tuple[Turn, ...]
    answer: str  # "": it ends with the request
    system: str
    others: frozenset[str]  # keys of its messages that say nothing here


def read_history(given: Any) -> tuple[Turn, ...]:
    """Read the turns before a request. Raises Malformed."""
    turns = []
    entries: list[Any] = given if isinstance(given, list) else [None]
    for turn in entries:
        fields = set(turn) if isinstance(turn, dict) else set()
        said = turn.get("text", turn.get("content")) if fields in ({"role", "text"}, {"role", "content"}) else None
        if not isinstance(said, str) or not isinstance(turn["role"], str) or turn["role"] not in ROLES:
            raise Malformed(': history must be a list of {"role": "user" or "assistant", "text": "..."}.')
        turns.append(Turn(ROLES[turn["role"]], said))
    return tuple(turns)


def read_chat(given: Any, key: str) -> Talk:
    """Take the conversation under a key of CHATS apart. Raises Malformed."""
    if not isinstance(given, list) or not given:
        form = '{"from": "...", "value": "..."}' if key == "conversations" else '{"role": "...", "content": "..."}'
        raise Malformed(f": {key} must be a list of {form}.")
    system, turns = "", list[Turn]()
    for number, message in enumerate(given, 1):
        role, said = _message(message, number, key)
        if role in ROLES:
            turns.append(Turn(ROLES[role], said))
        elif number == 1:
            system = said
        else:
            raise Malformed(f": message {number} is the system's; only the first one may be.")
    answer = turns.pop().text if turns and turns[-1].role == "assistant" else ""
    if not turns or turns[-1].role != "user":
        raise Malformed(f": {key} must end with a user's turn, or with one answer to it.")
    others = {name for message in given for name in message if name not in FIELDS and message[name] is not None}
    return Talk(turns[-1].text, tuple(turns[:-1]), answer, system, frozenset(filter(is_text, others)))


def _message(message: Any, number: int, key: str) -> tuple[str, str]:
    if not isinstance(message, dict):
        raise Malformed(f": message {number} is not an object.")
    shared = key == "conversations" and "from" in message
    role, content = (message.get("from"), message.get("value")) if shared else (message.get("role"), message.get("content"))
    if message.get("tool_calls") or message.get("function_call") or (shared and role in TOOLS):
        raise Malformed(f": message {number} calls a tool, which no request here can.")
    role = SHARED.get(role, role) if shared and isinstance(role, str) else role
    if not isinstance(role, str) or role not in ("system", "developer", "user", "assistant"):
        wanted = "must be from human, gpt or system" if shared else "must have the role system, user or assistant"
        raise Malformed(f": message {number} {wanted}, not {shown(role)}.")
    parts: list[Any] = content if isinstance(content, list) else [{"type": "text", "text": content}]
    if not all(isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str) for part in parts):
        raise Malformed(f": message {number} must have text as its {'value' if shared else 'content'}.")
    return role, "".join(part["text"] for part in parts)
