"""The proof that an adapter is alive: with it the model gives other answers, and without it the same ones as before."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.backends.base import PROBES, dead
from engine.backends.local.chat import Chat
from engine.backends.local.factors import NONE
from engine.backends.local.sampling import softmax
from engine.backends.local.step import Step
from engine.contestants import Adapter
from engine.errors import BadAdapter, BadModel
from engine.plain_lora import ATTENTION_ONLY
from engine.recipes import Recipe
from engine.request import Request


def add_alive(step: Step, chat: Chat, adapter: Adapter, plain: Recipe, least: float) -> float:
    """Load an adapter and compare next-token distributions with and without it, after probes asked with the plain recipe.

    Runs on the model thread. Returns the largest total variation, 0 to 1. Raises BadModel for a base that cannot run and BadAdapter for an
    adapter that cannot duel; then it is not loaded.
    """
    probes = [chat.encode(plain.messages(Request.of(probe)), dict(plain.chat_template)) for probe in PROBES]
    try:
        before = step.probe_each(probes, NONE)
    except Exception as error:
        raise BadModel(f"The base model {chat.name} cannot be run by this engine: {_one_line(error)}") from error
    step.lora.add(adapter)
    try:
        return _compared(step, adapter, probes, before, least)
    except BaseException:
        step.lora.remove(adapter.digest)
        raise


def _compared(step: Step, adapter: Adapter, probes: Sequence[list[int]], before: Sequence[Any], least: float) -> float:
    try:
        after, tuned = step.probe_each(probes[:1], NONE), step.probe_each(probes, adapter.digest)
    except Exception as error:  # of a layer that sees the rows of a batch as one
        raise BadAdapter(
            f"The adapter {adapter.name} cannot be run beside the base in one batch, as both sides of a duel are "
            f"({_one_line(error)}). {ATTENTION_ONLY}"
        ) from error
    check_base_kept(adapter, before[:1], after)  # one tells: what touches the base changes all that it reads
    return check_alive(adapter, list(zip(before, tuned, strict=True)), least)


def check_base_kept(adapter: Adapter, before: Sequence[Any], after: Sequence[Any]) -> None:
    """Raise BadAdapter unless the base's probe logits are the same, bit for bit, with the adapter loaded beside it."""
    if not all(np.array_equal(one, other) for one, other in zip(before, after, strict=True)):
        raise BadAdapter(f"The adapter {adapter.name} changes what the base model itself answers, so neither side of a duel would be it.")


def check_alive(adapter: Adapter, pairs: Sequence[tuple[Any, Any]], least: float) -> float:
    """Measure the largest total variation between next-token distributions with and without the adapter.

    pairs: for each probe the logits (vocabulary,) of the base and of the adapter. Total variation is half the sum of absolute differences
    between two distributions, 0 to 1. Raises BadAdapter for a dead adapter, one below `least`, and for one that yields no numbers.
    """
    if not all(np.isfinite(tuned).all() for _, tuned in pairs):
        raise BadAdapter(f"The adapter {adapter.name} makes the model's output not a number; it is damaged.")
    largest = max(float(np.abs(softmax(base) - softmax(tuned)).sum() / 2) for base, tuned in pairs)
    if largest < least:
        raise dead(adapter.name, len(pairs), largest, least)
    return largest


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
