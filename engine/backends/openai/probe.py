"""Which kind a server is, found by asking it: for its models, for an answer of a model that is none, for a prompt in tokens."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from engine.backends.openai.dialect import Dialect, Kind
from engine.backends.openai.refusals import Reply, refusal
from engine.backends.openai.wire import CHAT, ServerWire
from engine.errors import BackendError, BadModel, ServerAway
from engine.parsing import shown_all

NO_MODEL = "duelbot-asks-for-a-model-that-is-none"
UNKNOWN_CONTEXT = 1 << 20  # tokens, where the server does not say how many it reads
HELLO = [{"role": "user", "content": "Hello"}]
ANY_NAME = "The server answers in the name of a model that is none: a misspelt DUEL_BASE_MODEL or DUEL_ADAPTER is not noticed there."
NOT_READ = "The server does not say how many tokens it reads, so a request that is too long is known only when the server refuses it."
NOT_COUNTED = "The server does not show prompts as the model reads them, so it is not known whether its chat template drops a part of them."


@dataclass(frozen=True, slots=True)
class FoundServer:
    """A server as its answers show it."""

    dialect: Dialect
    counts: bool  # whether it turns a prompt into tokens
    models: Mapping[str, Mapping[str, Any]]  # by id; empty: it lists none
    loras: Mapping[str, str]  # of a llama-server: number -> name, out of the file's
    context_tokens: int
    parameters: int  # 0: unknown
    fingerprint: str  # what it says of itself that can change answers
    notes: tuple[str, ...] = field(default=())


async def found_server(wire: ServerWire, base: str) -> FoundServer:
    """Ask a server what it is. Raises BadModel for one that cannot be reached, refuses the key, or has no such base."""
    try:
        models = await _models(wire)
        props = _table(await wire.ask("/props", root=True))
        wrong = await wire.ask(CHAT, {"model": NO_MODEL, "messages": HELLO, "max_tokens": 1})
        if wrong.status in (401, 403):
            raise refusal(wrong, base, wire.where)
        aliases = {str(each) for model in models.values() for each in model.get("aliases") or ()}
        if models and base not in models.keys() | aliases:
            raise BadModel(
                f"{wire.where} has no model {base} (it has: {shown_all(sorted(models)[:10])}). Set DUEL_BASE_MODEL to one of them."
            )
        if "default_generation_settings" in props:
            return await _llama(wire, base, models, props)
        tokens = _table(await wire.ask("/tokenize", {"model": base, "messages": HELLO}, root=True))
        return await _named(wire, base, models, tokens=tokens, wrong=wrong)
    except BackendError as error:
        raise (ServerAway if error.passing else BadModel)(error.words) from error


async def _models(wire: ServerWire) -> dict[str, Mapping[str, Any]]:
    """List the models by their ids; none where the server has no list. Raises BackendError."""
    reply = await wire.ask("/models")
    if reply.status == 404:
        return {}
    if not reply.good:
        raise refusal(reply, "list of models", wire.where)
    listed = _table(reply).get("data")
    if not isinstance(listed, list):
        raise BackendError("server", f"{wire.where} lists no models below its address. Does DUEL_SERVER_URL end with /v1?")
    return {str(each["id"]): each for each in listed if isinstance(each, dict) and "id" in each}


async def _llama(wire: ServerWire, base: str, models: Mapping[str, Mapping[str, Any]], props: Mapping[str, Any]) -> FoundServer:
    listed = (await wire.ask("/lora-adapters", root=True)).said
    entries = [each for each in listed if isinstance(each, dict) and "id" in each] if isinstance(listed, list) else []
    loras = {str(each["id"]): PurePosixPath(str(each.get("path", ""))).stem for each in entries}
    settings = props["default_generation_settings"]
    context = settings.get("n_ctx") if isinstance(settings, dict) else None
    meta = next((each.get("meta") for each in models.values() if isinstance(each.get("meta"), dict)), None) or {}
    said = {name: props.get(name) for name in ("build_info", "model_path", "chat_template", "model_ftype")} | {"meta": meta}
    return FoundServer(
        dialect=Dialect("llama", base, tuple(int(number) for number in loras)),
        counts=True,
        models=models,
        loras=loras,
        context_tokens=context if isinstance(context, int) and context > 0 else UNKNOWN_CONTEXT,
        parameters=int(meta.get("n_params") or 0),
        fingerprint=digest_of(said),
    )


async def _named(
    wire: ServerWire,
    base: str,
    models: Mapping[str, Mapping[str, Any]],
    *,
    tokens: Mapping[str, Any],
    wrong: Reply,
) -> FoundServer:
    """Tell vLLM from another server where models have names: it counts tokens, or knows top_k and refuses a value that is none."""
    counts = isinstance(tokens.get("tokens"), list) and isinstance(tokens.get("count"), int)
    told = await wire.ask(CHAT, {"model": base, "messages": HELLO, "max_tokens": 1, "top_k": -5})
    knows = told.status == 400 and "top_k must be" in str(told.said)
    kind: Kind = "vllm" if wrong.status == 404 and (counts or knows) else "none"
    card = models.get(base, {})
    context = next((each for each in (tokens.get("max_model_len"), card.get("max_model_len"), card.get("context_length")) if each), None)
    known = isinstance(context, int) and context > 0
    version = _table(await wire.ask("/version", root=True)) if kind == "vllm" else {}
    said = {"version": version.get("version"), "root": card.get("root"), "fingerprint": _table(told).get("system_fingerprint")}
    return FoundServer(
        dialect=Dialect(kind, base),
        counts=counts and kind == "vllm",
        models=models,
        loras={},
        context_tokens=context if known and isinstance(context, int) else UNKNOWN_CONTEXT,
        parameters=0,
        fingerprint=digest_of(said),
        notes=((ANY_NAME,) if wrong.good else ()) + (() if known else (NOT_READ,)) + (() if counts and kind == "vllm" else (NOT_COUNTED,)),
    )


def digest_of(value: Any) -> str:
    """Write the first 16 hex digits of the SHA-256 of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _table(reply: Reply) -> Mapping[str, Any]:
    return reply.said if reply.good and isinstance(reply.said, dict) else {}
