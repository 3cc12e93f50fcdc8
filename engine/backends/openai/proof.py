"""The proof that an adapter is alive, over the wire: by the first token's likeliest ones with and without it, or by whole answers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.backends.base import PROBES, Alive, Prompt, dead
from engine.backends.openai.dialect import Dialect
from engine.backends.openai.refusals import Reply, refusal
from engine.backends.openai.wire import CHAT, ServerWire
from engine.contestants import Adapter
from engine.errors import BackendError, BadAdapter
from engine.recipes import Message, Recipe, Sampling
from engine.request import Request

MOST_LISTED = 20  # tokens whose logprobs a server lists for a place, by OpenAI's API and by vLLM's default
PROBED = Sampling(max_new_tokens=8)
BY_ANSWERS = (
    "The server tells no logprobs, so the adapter {} was proven alive by its answers alone: of {} probe requests it answers {} otherwise "
    "than the base does."
)


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """A greedy answer to a probe, and the probabilities of the likeliest first tokens; empty: the server tells none."""

    text: str
    first: Mapping[str, float]


def bare_prompts() -> tuple[Prompt, ...]:
    """Make prompts of the probes alone, by whose answers a model is known again."""
    return tuple(Prompt((Message("user", probe),), PROBED) for probe in PROBES)


async def probe_answers(wire: ServerWire, dialect: Dialect, prompts: Sequence[Prompt]) -> tuple[ProbeAnswer, ...]:
    """Ask one prompt after the other. Raises BackendError."""
    return tuple([await _answer(wire, dialect, prompt) for prompt in prompts])


async def prove_alive(wire: ServerWire, dialect: Dialect, adapter: Adapter, plain: Recipe, least: float) -> Alive:
    """Compare answers with and without the adapter, asked with the plain recipe. Raises BadAdapter for a dead one, BackendError.

    The base is asked twice: what differs between its own answers is the server's noise, above which an adapter has to move them.
    """
    prompts = [Prompt(plain.messages(Request.of(probe)), PROBED, None, 0, plain.chat_template) for probe in PROBES]
    base, again = await probe_answers(wire, dialect, prompts), await probe_answers(wire, dialect, prompts)
    tuned = await probe_answers(wire, dialect, [replace(prompt, adapter=adapter) for prompt in prompts])
    if all(answer.first for answer in (*base, *again, *tuned)):
        noise, moved = _largest(base, again), _largest(base, tuned)
        if moved < max(least, 2 * noise):
            raise dead(adapter.name, len(prompts), moved, max(least, 2 * noise))
        return Alive(moved, max(least, 2 * noise))
    if any(one.text != other.text for one, other in zip(base, again, strict=True)):
        raise BadAdapter(
            f"Whether the adapter {adapter.name} is alive cannot be told: the server tells no logprobs, and the base itself answers the "
            "same probe request in two ways at temperature 0."
        )
    differing = sum(one.text != other.text for one, other in zip(base, tuned, strict=True))
    if not differing:
        raise BadAdapter(
            f"The adapter {adapter.name} is dead as far as can be told: the server tells no logprobs, and to {len(prompts)} probe requests "
            "it answers as the base does. Both sides of a duel would be the same model."
        )
    return Alive(differing / len(prompts), 1 / len(prompts), (BY_ANSWERS.format(adapter.name, len(prompts), differing),))


async def _answer(wire: ServerWire, dialect: Dialect, prompt: Prompt) -> ProbeAnswer:
    body = {key: value for key, value in dialect.asked(prompt).items() if key not in ("stream_options", "timings_per_token")}
    body |= {"stream": False} | ({"cache_prompt": False} if dialect.kind == "llama" else {})
    reply = await wire.ask(CHAT, body | {"logprobs": True, "top_logprobs": MOST_LISTED})
    if reply.status == 400:  # a server may know no logprobs, or fewer
        reply = await wire.ask(CHAT, body)
    if not reply.good:
        raise refusal(reply, f"model {body['model']}", wire.where)
    return _read(reply, wire.where)


def _read(reply: Reply, where: str) -> ProbeAnswer:
    try:
        choice = reply.said["choices"][0]
        text = choice["message"]["content"] or ""
        if not isinstance(text, str):
            raise TypeError
    except (KeyError, IndexError, TypeError) as error:
        raise BackendError("server", f"{where} answers a probe request in a form that is not OpenAI's.") from error
    try:
        return ProbeAnswer(text, _probabilities(choice["logprobs"]["content"][0]["top_logprobs"]))
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        return ProbeAnswer(text, {})


def _probabilities(listed: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Read the likeliest tokens. A token is known by its number or its bytes, as two may have one text."""
    return {str(each.get("id", each.get("bytes") or each["token"])): math.exp(min(0.0, float(each["logprob"]))) for each in listed}


def _largest(one: Sequence[ProbeAnswer], other: Sequence[ProbeAnswer]) -> float:
    return max(least_variation(first.first, second.first) for first, second in zip(one, other, strict=True))


def least_variation(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Tell what the total variation of two distributions is at least, 0 to 1, of which only the likeliest tokens are known.

    A token that one of them does not list has at most the probability of the least likely one that it lists.
    """
    rests = (min(one.values(), default=1.0), min(other.values(), default=1.0))
    both = sum(abs(one[token] - other[token]) for token in one.keys() & other.keys())
    alone = sum(max(0.0, one[token] - rests[1]) for token in one.keys() - other.keys())
    return (both + alone + sum(max(0.0, other[token] - rests[0]) for token in other.keys() - one.keys())) / 2
