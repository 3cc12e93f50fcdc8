"""Prompts as tokens and as text, from servers that show how they read them: vLLM and llama-server."""

from typing import Any

from engine.backends.base import Prompt
from engine.backends.openai.dialect import Dialect
from engine.backends.openai.refusals import Reply, refusal
from engine.backends.openai.wire import ServerWire
from engine.errors import BackendError

UNCOUNTED = "This server does not show a prompt in tokens, so they cannot be counted before it is asked."


async def prompt_text(wire: ServerWire, dialect: Dialect, prompt: Prompt) -> str:
    """Write the text that the model reads, as the server's chat template makes it. Raises BackendError."""
    body = dialect.counted(prompt)
    if dialect.kind == "llama":
        return str(_part(await wire.ask("/apply-template", body, root=True), "prompt", wire))
    tokens = {"model": body["model"], "tokens": list(await prompt_tokens(wire, dialect, prompt))}
    return str(_part(await wire.ask("/detokenize", tokens, root=True), "prompt", wire))


async def prompt_tokens(wire: ServerWire, dialect: Dialect, prompt: Prompt) -> tuple[int, ...]:
    """Turn a prompt into the tokens that the model reads. Raises BackendError."""
    body: dict[str, Any] = dialect.counted(prompt)
    if dialect.kind == "llama":
        text = await prompt_text(wire, dialect, prompt)
        body = {"content": text, "add_special": True, "parse_special": True}
    tokens = _part(await wire.ask("/tokenize", body, root=True), "tokens", wire)
    if not isinstance(tokens, list) or not all(isinstance(token, int) for token in tokens):
        raise BackendError("server", f"{wire.where} shows a prompt in tokens that are no numbers.")
    return tuple(tokens)


def _part(reply: Reply, name: str, wire: ServerWire) -> Any:
    if not reply.good:
        raise refusal(reply, "way to show a prompt", wire.where)
    if not isinstance(reply.said, dict) or name not in reply.said:
        raise BackendError("server", f"{wire.where} shows a prompt in a form that is neither vLLM's nor llama-server's.")
    return reply.said[name]
