"""From conversations to batches: token ids, what is learned of them, and pools of batches made in order or ahead of need."""

import os
import random
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.examples.demo.mix import Talk
from adapters.examples.demo.reading import FACETS, Reading
from adapters.examples.demo.sizes import Plan
from adapters.examples.demo.tokenizer import END, load_tokenizer
from adapters.train.share import Share

TALK_TOKENS = 250  # about, padding included; only the mix depends on it, which moves from its first weights to its last
MOST_MAKERS = 12  # processes beside a GPU; a core writes some 150,000 tokens of text a second
ALONE = Share()
Maker = Callable[[random.Random, float], Talk]  # dice, how far the mix has moved


@dataclass(frozen=True, slots=True)
class Source:
    """Where a training's text comes from; it travels to other processes by pickle."""

    tokenizer: Path
    maker: Maker
    plan: Plan

    def moved(self, number: int) -> float:
        """Return how far the mix has moved when this pool is written: 0 at the beginning, 1 when it has settled."""
        settled = self.plan.settled * self.plan.steps * self.plan.batch_tokens  # padded tokens, about
        return min(1.0, number * self.plan.pool * TALK_TOKENS / settled)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A conversation as the model sees it."""

    ids: list[int]
    learned: list[bool]  # for each token
    readings: list[tuple[int, Reading]]  # a place, and what must have been read there

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """One process's rows of a step. Places count through the flattened ids; the totals are those of all processes."""

    ids: NDArray[np.int32]  # (rows, longest row), padded on the right with 0
    places: NDArray[np.int32]  # (learned tokens,): the token after this one is learned
    targets: NDArray[np.int32]  # (learned tokens,): that token
    read_at: NDArray[np.int32]  # (readings,)
    classes: NDArray[np.int32]  # (readings, facets)
    learned: int
    asked: int  # facets of all readings
    tokens: int  # without padding


def encode(tokenizer: Any, talk: Talk) -> Encoded:
    """Turn a conversation into token ids as the chat template makes them; learned are the assistant's words and their end."""
    ids: list[int] = []
    learned: list[bool] = []
    readings: list[tuple[int, Reading]] = []
    end = tokenizer.convert_tokens_to_ids(END)
    contents = [spoken.message.content for spoken in talk]
    texts = tokenizer(contents, add_special_tokens=False, return_offsets_mapping=True)
    for spoken, words, spans in zip(talk, texts["input_ids"], texts["offset_mapping"], strict=True):
        if spoken.reads is not None:
            readings.append((len(ids), spoken.reads))
        starts = [start for start, _ in spans]
        readings += [(len(ids) + bisect_left(starts, end), reads) for end, reads in spoken.within]  # the token with the last character
        ids += [tokenizer.convert_tokens_to_ids(f"<|{spoken.message.role}|>"), *words, end]
        learned += [False] + [spoken.learned] * (len(words) + 1)
    return Encoded(ids, learned, readings)


def padded(length: int) -> int:
    """Round a length up to a multiple of 32: widths are few then, so that the matrix library prepares its kernels once."""
    return -(-length // 32) * 32


def arrange(talks: Iterable[Encoded], plan: Plan, rng: random.Random) -> list[list[Encoded]]:
    """Group conversations of like length into batches, in random order; an even number in each, so that two processes do the same."""
    pool = sorted((talk for talk in talks if len(talk) <= plan.longest and any(talk.learned)), key=len)
    ready: list[list[Encoded]] = [[]]
    for talk in pool:
        if len(ready[-1]) % 2 == 0 and (len(ready[-1]) + 2) * padded(len(talk)) > plan.batch_tokens and ready[-1]:
            ready.append([])
        ready[-1].append(talk)
    rng.shuffle(ready)
    return [batch for batch in ready if batch]


def batch_of(talks: list[Encoded], share: Share = ALONE) -> TokenBatch:
    """Pack one process's rows of a batch."""
    mine = share.of(talks)
    width = padded(max(map(len, talks)))
    ids = np.zeros((len(mine), width), np.int32)
    places: list[int] = []
    for row, talk in enumerate(mine):
        ids[row, : len(talk)] = talk.ids
        places += [row * width + at for at, wanted in enumerate(talk.learned[1:]) if wanted]
    where = np.array(places, np.int32)
    read_at = [row * width + at for row, talk in enumerate(mine) for at, _ in talk.readings]
    classes = [classes for talk in mine for _, classes in talk.readings]
    return TokenBatch(
        ids=ids,
        places=where,
        targets=ids.reshape(-1)[where + 1] if places else where,
        read_at=np.array(read_at, np.int32),
        classes=np.array(classes, np.int32).reshape(len(classes), len(FACETS)),
        learned=sum(sum(talk.learned) for talk in talks),
        asked=max(1, len(FACETS) * sum(len(talk.readings) for talk in talks)),
        tokens=sum(map(len, talks)),
    )


@cache
def tokenizer_of(folder: Path) -> Any:
    """Load the tokenizer in this folder once for each process."""
    return load_tokenizer(folder)


def written(source: Source, number: int, share: Share = ALONE) -> dict[int, Encoded]:
    """Write one process's conversations of a pool, by their places in it: the same for the same seed, whoever writes them."""
    seed, moved, tokenizer = source.plan.seed, source.moved(number), tokenizer_of(source.tokenizer)
    ats = share.of(range(source.plan.pool))
    return {at: encode(tokenizer, source.maker(random.Random(f"{seed}/{number}/{at}"), moved)) for at in ats}


def batches_of(source: Source, number: int, talks: dict[int, Encoded], share: Share = ALONE) -> list[TokenBatch]:
    """Make batches of a pool's conversations, with one process's rows."""
    ordered = (talks[at] for at in range(source.plan.pool))
    arranged = arrange(ordered, source.plan, random.Random(f"{source.plan.seed}/{number}"))
    return [batch_of(batch, share) for batch in arranged]


def pool(source: Source, number: int) -> list[TokenBatch]:
    """Write a pool and make its batches, in this process alone."""
    return batches_of(source, number, written(source, number))


def stand_back() -> None:
    """Make room: a process that writes text takes no core from the one that feeds the GPU, and starts no threads."""
    if hasattr(os, "nice"):  # Windows has none
        os.nice(10)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


def pools_ahead(source: Source, first: int, makers: int = 0) -> Iterator[list[TokenBatch]]:
    """Yield the pools from `first` on, written by other processes while a GPU learns from those before."""
    makers = makers or max(1, min(MOST_MAKERS, (os.cpu_count() or 2) - 2))
    work = ProcessPoolExecutor(makers, mp_context=get_context("spawn"), initializer=stand_back)
    try:
        waiting = deque(work.submit(pool, source, number) for number in range(first, first + 2 * makers))
        for number in count(first + 2 * makers):
            ready = waiting.popleft().result()
            waiting.append(work.submit(pool, source, number))
            yield ready
    finally:
        work.shutdown(wait=False, cancel_futures=True)
