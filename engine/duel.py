"""A duel: one request answered by two contestants at once. One side may fail; the other is still shown."""

import asyncio
import hashlib
from collections.abc import Callable, Hashable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar
from uuid import uuid4

from engine.backends.base import NOBODY, Backend, Finish, Load, Party, Prompt, Stop, Usage
from engine.contestants import Contestant
from engine.cost import Cost, Price, account
from engine.errors import BackendError
from engine.request import Request
from engine.settings import ANSWER_LIMIT_S

GRACE_S = 10.0  # seconds for an engine to stop an answer at its time limit; one that hangs is not waited for any longer

K = TypeVar("K", bound=Hashable)


class Side(StrEnum):
    """Where an answer is placed; people see left as A and right as B."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def label(self) -> str:
        """The letter that people see."""
        return "A" if self is Side.LEFT else "B"


@dataclass(frozen=True, slots=True)
class Answer:
    """One side's text, and what it took."""

    text: str
    finish: Finish
    usage: Usage
    cost: Cost


@dataclass(frozen=True, slots=True)
class Failure:
    """One side that gave no answer: a kind for programs, words for people, and the engine time it still took."""

    kind: str
    words: str
    usage: Usage | None = None
    cost: Cost | None = None
    passing: bool = False  # the same may go well later


def prompt_of(contestant: Contestant, request: Request, seed: int) -> Prompt:
    """Build what this contestant sends to the model for this request."""
    recipe = contestant.recipe
    return Prompt(recipe.messages(request), recipe.sampling, contestant.adapter, seed, recipe.chat_template, contestant.base.elsewhere)


def seed_of(duel_id: str, place: str) -> int:
    """Draw a row's seed, fixed by the duel and the place: a duel can be replayed, and two rows never share one."""
    return int.from_bytes(hashlib.sha256(f"{duel_id}/{place}".encode()).digest()[:6], "big")


async def answer(
    prompt: Prompt, backend: Backend, price: Price, *, limit_s: float, stop: Stop, hear: Callable[[str], None], party: Party = NOBODY
) -> Answer | Failure:
    """Get one answer, and tell its pieces to `hear` as they come. Our errors and the limit of limit_s seconds become a Failure.

    At the limit the row is stopped like any other, so that the engine time it took is still accounted for.
    """
    own_stop, pieces = Stop(parent=stop), list[str]()
    clock = asyncio.get_running_loop().call_later(limit_s, own_stop.raise_)
    try:
        async with asyncio.timeout(limit_s + GRACE_S), aclosing(backend.generate(prompt, own_stop, party)) as chunks:
            async for chunk in chunks:
                if chunk.text:
                    pieces.append(chunk.text)
                    hear(chunk.text)
                if chunk.usage is None:
                    continue
                cost = account(chunk.usage, price, adapted=prompt.adapter is not None, elsewhere=prompt.elsewhere)
                if chunk.finish is None:
                    error = chunk.error or BackendError("server", "The answer broke off before its end.")
                    return Failure(error.kind, error.words, chunk.usage, cost, error.passing)
                if chunk.finish == "stopped" and not stop.raised:
                    return Failure("timeout", too_late(limit_s, chunk.usage, chunk.load), chunk.usage, cost)
                return Answer("".join(pieces), chunk.finish, chunk.usage, cost)
        return Failure("server", "The answer broke off before its end.")
    except BackendError as error:
        return Failure(error.kind, error.words, passing=error.passing)
    except TimeoutError:
        return Failure("timeout", f"No complete answer within {limit_s:g} s, and the engine did not stop when told to.")
    finally:
        clock.cancel()


def too_late(limit_s: float, usage: Usage, load: Load | None) -> str:
    """Say that an answer was given up at the limit, how far it had come, and whether other programs held it up."""
    words, writing_s = f"No complete answer within {limit_s:g} s", usage.total_s - usage.first_token_s
    if usage.new_tokens:
        words += f": {usage.new_tokens:,} {'token' if usage.new_tokens == 1 else 'tokens'} had been written"
        words += f", {(usage.new_tokens - 1) / writing_s:.2g} a second." if usage.new_tokens > 1 and writing_s > 0 else "."
    else:
        words += ": its prompt was still being read." if usage.total_s > 0 else ": it was still waiting for its turn."
    if load and load.busy:
        words += f" The machine is busy: {load.wanting:.1f} programs want its {load.processors} processors."
    return words


async def answer_each(
    prompts: Mapping[K, Prompt],
    backend: Backend,
    price: Price,
    *,
    limit_s: float = ANSWER_LIMIT_S,
    stop: Stop | None = None,
    hear: Callable[[K, str], None] = lambda key, text: None,
    ended: Callable[[K], None] = lambda key: None,
    owner: str = "",
) -> dict[K, Answer | Failure]:
    """Answer all prompts at once, in the order given, none before the others; the keys are sides, arms or whatever the caller counts by.

    owner: a key of whoever asked, with whom others take turns.
    `hear` is told each piece, `ended` when an answer or a failure is complete.
    """
    flag, party = stop or Stop(), Party(owner, uuid4().hex)

    def one(key: K, prompt: Prompt) -> asyncio.Task[Answer | Failure]:
        return asyncio.create_task(
            answer(prompt, backend, price, limit_s=limit_s, stop=flag, hear=lambda text: hear(key, text), party=party)
        )

    tasks = {key: one(key, prompt) for key, prompt in prompts.items()}
    for key, task in tasks.items():
        task.add_done_callback(lambda _, key=key: ended(key))  # type: ignore[misc]
    try:
        await asyncio.gather(*tasks.values())
    finally:  # a cancelled caller, or a bug in one side, leaves no row running
        for task in tasks.values():
            task.cancel()
    return {key: task.result() for key, task in tasks.items()}


async def run_duel(
    duel_id: str,
    request: Request,
    seats: Mapping[Side, Contestant],
    backend: Backend,
    price: Price,
    *,
    limit_s: float = ANSWER_LIMIT_S,
    stop: Stop | None = None,
    hear: Callable[[Side, str], None] = lambda side, text: None,
    ended: Callable[[Side], None] = lambda side: None,
    owner: str = "",
) -> dict[Side, Answer | Failure]:
    """Ask both sides at once, in one batch; see `answer_each`."""
    prompts = {side: prompt_of(contestant, request, seed_of(duel_id, side)) for side, contestant in seats.items()}
    return await answer_each(prompts, backend, price, limit_s=limit_s, stop=stop, hear=hear, ended=ended, owner=owner)


def paced(texts: Mapping[Side, str], done: Mapping[Side, bool]) -> dict[Side, str]:
    """Cut the sides to what may be shown: the slower one sets the pace, so speed gives nobody away.

    A side that has ended no longer holds the other back; only length, not time, then shows.
    """
    running = [len(texts[side]) for side in texts if not done[side]]
    shown = min(running) if running else max((len(text) for text in texts.values()), default=0)
    return {side: text[:shown] for side, text in texts.items()}
