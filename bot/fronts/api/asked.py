"""What a program asks, read strictly. Whatever would change an answer elsewhere and cannot here is refused: nothing is ignored.

The recipe of a contestant says what system text it answers under and how tokens are drawn, the same for both sides of a duel; so a
program sends the conversation alone. What merely repeats what holds anyway (n = 1, stream = false) is taken.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bot.fronts.api.refused import ApiRefusal
from engine.errors import BadRequest
from engine.request import Request, Turn

ROUTED = "duelbot"  # the model that answers as the team's route says
NEUTRAL: Mapping[str, tuple[Any, ...]] = {  # values that say what holds anyway
    "n": (1,),
    "store": (False,),
    "logprobs": (False,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "tools": ([],),
    "tool_choice": ("none",),
    "functions": ([],),
    "modalities": (["text"],),
    "response_format": ({"type": "text"},),
    "service_tier": ("auto", "default"),
}
BY_RECIPE = {
    *("temperature", "top_p", "top_k", "max_tokens", "max_completion_tokens", "seed", "stop", "repetition_penalty"),
    *("frequency_penalty", "presence_penalty", "logit_bias", "reasoning_effort", "verbosity"),
}
KNOWN = {"model", "messages", "stream", "stream_options", "metadata"}


@dataclass(frozen=True, slots=True)
class ChatAsked:
    """A request of a program."""

    model: str
    text: str  # of the last message
    before: tuple[Turn, ...]
    stream: bool
    include_usage: bool  # at the end of a stream
    tag: str


def chat_asked(body: bytes) -> ChatAsked:
    """Read the body of a chat completion. Raises ApiRefusal that names the parameter."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ApiRefusal(400, "The body is not valid JSON.") from error
    if not isinstance(found, dict):
        raise ApiRefusal(400, "The body must be a JSON object.")
    given = {name: value for name, value in found.items() if value is not None}
    for name, value in given.items():
        _refuse_unknown(name, value)
    stream = _boolean(given, "stream")
    before, text = _talk(given.get("messages"))
    return ChatAsked(_model(given.get("model")), text, before, stream, _include_usage(given, stream), _tag(given.get("metadata", {})))


def _refuse_unknown(name: str, value: Any) -> None:
    """Refuse a parameter that would be ignored."""
    if name in KNOWN or any(value == each and type(value) is type(each) for each in NEUTRAL.get(name, ())):
        return
    if name in BY_RECIPE:
        words = f"The recipe of the contestant decides {name}, the same for both sides of a duel. Leave it out."
    else:
        words = f"{name[:60]!r} says nothing here, and nothing that a program says is ignored. Leave it out."
    raise ApiRefusal(400, words, param=name[:60], code="unsupported_parameter")


def _boolean(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise ApiRefusal(400, f"{name} must be true or false.", param=name)
    return value


def _model(model: Any) -> str:
    if not isinstance(model, str) or not model:
        raise ApiRefusal(400, f'Name the model: "{ROUTED}", or one that /v1/models lists.', param="model")
    return model


def _include_usage(given: Mapping[str, Any], stream: bool) -> bool:
    options = given.get("stream_options")
    if options is None:
        return False
    if not stream or not isinstance(options, dict) or set(options) - {"include_usage"}:
        raise ApiRefusal(400, "stream_options goes with stream = true, and takes include_usage alone.", param="stream_options")
    return _boolean(options, "include_usage")


def _tag(metadata: Any) -> str:
    if not isinstance(metadata, dict) or set(metadata) - {"tag"} or not isinstance(metadata.get("tag", ""), str):
        raise ApiRefusal(400, 'metadata takes a "tag" alone: what the request is about, in a word.', param="metadata")
    tag: str = metadata.get("tag", "")
    return tag


def _talk(messages: Any) -> tuple[tuple[Turn, ...], str]:
    """Read the conversation: what was said before, and the last message, which must be the user's."""
    if not isinstance(messages, list) or not messages:
        raise ApiRefusal(400, "messages must be a list that ends with what the user asks.", param="messages")
    turns = tuple(_turn(message, f"messages[{number}]") for number, message in enumerate(messages))
    if turns[-1].role != "user":
        raise ApiRefusal(400, "The last message must be the user's.", param="messages")
    return turns[:-1], turns[-1].text


def _turn(message: Any, where: str) -> Turn:
    if not isinstance(message, dict):
        raise ApiRefusal(400, f"{where} must be an object with role and content.", param=where)
    said = {name for name, value in message.items() if value not in (None, [], {})}
    role: Literal["user", "assistant"]
    match message.get("role"):
        case "user":
            role = "user"
        case "assistant":
            role = "assistant"
        case "system" | "developer":
            words = "The recipe of the contestant says the system text, and it is what is compared. Put it into a recipe: docs/prompt.md."
            raise ApiRefusal(400, words, param=where, code="unsupported_value")
        case _:
            raise ApiRefusal(400, f"The role of {where} must be user or assistant.", param=where, code="unsupported_value")
    if extra := sorted(said - {"role", "content"}):
        raise ApiRefusal(400, f"{where} has {extra[0][:60]!r}, which says nothing here. Leave it out.", param=where)
    try:
        return Turn(role, Request.of(_content(message.get("content"), where)).text)
    except BadRequest as error:
        raise ApiRefusal(400, f"{where}: {error.words}", param=where) from error


def _content(content: Any, where: str) -> str:
    """Read text, whole or in parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and content and all(_is_text_part(part) for part in content):
        return "".join(part["text"] for part in content)
    raise ApiRefusal(400, f"The content of {where} must be text; pictures, sound and files are not read.", param=where)


def _is_text_part(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str) and set(part) == {"type", "text"}
