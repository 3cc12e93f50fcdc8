"""What a program is told, in the shape of OpenAI's API, with an object `duelbot` that says what became of the request. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.app.programs import ProgramAnswer
from bot.fronts.api.asked import ROUTED
from bot.who import Who

DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class ChatReply:
    """What all pieces of one answer say."""

    turn: str
    model: str  # as it was asked for
    created_s: int  # seconds since 1970
    kind: str  # "single", or "duel" where a vote is collected later

    def completion(self, answer: ProgramAnswer) -> dict[str, Any]:
        """Write the whole answer."""
        message = {"role": "assistant", "content": answer.text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason(answer)}
        return {**self._head("chat.completion"), "choices": [choice], "usage": usage(answer), "duelbot": self.about(answer)}

    def begun(self) -> dict[str, Any]:
        """Write the first piece, which holds no text yet."""
        return self._chunk({"role": "assistant", "content": "", "refusal": None}) | {"duelbot": self.about(None)}

    def piece(self, text: str) -> dict[str, Any]:
        """Write a piece of the text."""
        return self._chunk({"content": text})

    def ended(self, answer: ProgramAnswer) -> dict[str, Any]:
        """Write the piece that says how the text ended."""
        return self._chunk({}, finish_reason(answer)) | {"duelbot": self.about(answer)}

    def used(self, answer: ProgramAnswer) -> dict[str, Any]:
        """Write the last piece, which says what it took."""
        return {**self._head("chat.completion.chunk"), "choices": [], "usage": usage(answer)}

    def about(self, answer: ProgramAnswer | None) -> dict[str, Any]:
        """Say what became of the request; who answered is told of a single alone."""
        about: dict[str, Any] = {"turn": self.turn, "kind": self.kind}
        if answer and answer.alone:
            about["contestant"] = contestant(answer.alone)
        return about

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": f"chatcmpl-{self.turn}", "object": kind, "created": self.created_s, "model": self.model}

    def _chunk(self, delta: Mapping[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": dict(delta), "logprobs": None, "finish_reason": reason}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}


def finish_reason(answer: ProgramAnswer) -> str:
    """Say how an answer ended, as OpenAI's API does."""
    return "length" if answer.finish == "length" else "stop"


def usage(answer: ProgramAnswer) -> dict[str, Any]:
    """Count tokens, as the engine did."""
    used = answer.usage
    return {
        "prompt_tokens": used.prompt_tokens,
        "completion_tokens": used.new_tokens,
        "total_tokens": used.prompt_tokens + used.new_tokens,
        "prompt_tokens_details": {"cached_tokens": used.cached_prompt_tokens},
    }


def contestant(one: Who) -> dict[str, Any]:
    """Name a contestant."""
    return {"id": one.id, "arm": str(one.arm), "recipe": str(one.recipe), "adapter": str(one.adapter) if one.adapter else None}


def model_id(one: Who) -> str:
    """Name a contestant as a model, which answers alone."""
    return f"{one.arm}-{one.id}"


def models(contestants: tuple[Who, ...], created_s: int) -> list[dict[str, Any]]:
    """List the models: the one that is routed, and each contestant."""
    same = {"object": "model", "created": created_s, "owned_by": "duelbot"}
    routed = {"id": ROUTED, **same}
    return [routed, *({"id": model_id(each), **same, "duelbot": contestant(each)} for each in contestants)]


def event(value: Mapping[str, Any]) -> bytes:
    """Write a piece as an event of a stream."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"
