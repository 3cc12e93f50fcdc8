"""Rows as what is learned from them: the prompt's tokens as the engine renders them, and the answer's, which alone are learned."""

import random
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from engine.backends.local.chat import Chat
from engine.errors import BadRequest
from engine.recipes import Recipe
from engine.request import Request
from engine.rows import Row

POOL_BATCHES = 12  # among so many batches' rows, those of like length come together


@dataclass(frozen=True, slots=True)
class Exercise:
    """One row to learn."""

    prompt: tuple[int, ...]  # tokens that the engine gives the model
    answer: tuple[int, ...]  # tokens that the model shall say, with the one that ends an answer
    asked_at: int  # place in the prompt from which on it is this row's own, as far as all rows tell

    @property
    def tokens(self) -> tuple[int, ...]:
        """Prompt and answer."""
        return self.prompt + self.answer

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


def exercises_of(rows: Sequence[Row], recipe: Recipe, chat: Chat, ends: frozenset[int], longest_tokens: int) -> tuple[Exercise, ...]:
    """Render rows as the engine renders requests with this recipe; ends: tokens that end an answer.

    A row with several answers teaches the first. Raises BadRequest for a row without an answer or with a request that cannot be asked,
    and for one with more than `longest_tokens`, with its line; BackendError where the chat template refuses a conversation.
    """
    end = end_of(chat, ends)
    rendered = [_rendered(row, recipe, chat, end) for row in rows]
    if long := [
        (row.line, len(prompt) + len(answer))
        for row, (prompt, answer) in zip(rows, rendered, strict=True)
        if len(prompt) + len(answer) > longest_tokens
    ]:
        line, tokens = long[0]
        more = f" (so have {len(long) - 1:,} more rows)" if len(long) > 1 else ""
        raise BadRequest(
            f"Line {line:,} has {tokens:,} tokens with its answer{more}, and the plan reads {longest_tokens:,}: steps.longest_tokens. "
            "Shorten it, or raise that."
        )
    shared = _shared([prompt for prompt, _ in rendered])
    return tuple(Exercise(prompt, answer, min(shared, len(prompt) - 1)) for prompt, answer in rendered)


def end_of(chat: Chat, ends: frozenset[int]) -> int:
    """Choose the token that ends a learned answer: the one that the chat template writes after an answer, else the tokenizer's."""
    fitting = sorted(chat.ends() & ends) or sorted(ends)
    own = chat.tokenizer.eos_token_id
    return own if own in fitting else fitting[0]


def _rendered(row: Row, recipe: Recipe, chat: Chat, end: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if not row.references:
        raise BadRequest(f"Line {row.line:,} has no answer to learn.")
    try:
        request = Request.of(row.text, row.history)
    except BadRequest as error:
        raise BadRequest(f"Line {row.line:,}: {error.words}") from error
    prompt = chat.encode(recipe.messages(request), dict(recipe.chat_template))
    return tuple(prompt), (*chat.tokens_of(row.references[0]), end)


def _shared(prompts: Sequence[tuple[int, ...]]) -> int:
    """Count the tokens with which all prompts begin."""
    if not prompts:
        return 0
    first, last = min(prompts), max(prompts)
    return next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), min(len(first), len(last)))


def beginning_of(exercises: Iterable[Exercise]) -> tuple[int, ...]:
    """Find the tokens with which all prompts begin, such as the system text; of each at least one more is left."""
    prompts = [each.prompt[:-1] for each in exercises]
    return prompts[0][: _shared(prompts)] if prompts else ()


class BatchOrder:
    """The order in which exercises are learned: each once an epoch, in batches of like length; the same for the same seed."""

    def __init__(self, lengths: Sequence[int], batch_rows: int, seed: int) -> None:
        self.lengths, self.batch_rows, self.seed = lengths, batch_rows, seed
        self.taken = 0  # batches

    def __iter__(self) -> Generator[list[int]]:
        """Yield the places of a batch's exercises, batch after batch without end."""
        for epoch in count(self.taken // self.batches_an_epoch):
            for batch in self._epoch(epoch)[self.taken - epoch * self.batches_an_epoch :]:
                self.taken += 1
                yield batch

    @property
    def batches_an_epoch(self) -> int:
        """The number of batches in which each exercise comes once."""
        return -(-len(self.lengths) // self.batch_rows)

    def state_dict(self) -> dict[str, int]:
        """Return where it is, for a checkpoint."""
        return {"taken": self.taken}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from there at the next `iter`."""
        self.taken = state["taken"]

    def _epoch(self, epoch: int) -> list[list[int]]:
        rng = random.Random(f"{self.seed}/{epoch}")
        order = list(range(len(self.lengths)))
        rng.shuffle(order)
        pool, size = self.batch_rows * POOL_BATCHES, self.batch_rows
        ranked = [place for at in range(0, len(order), pool) for place in sorted(order[at : at + pool], key=self.lengths.__getitem__)]
        batches = [ranked[at : at + size] for at in range(0, len(ranked), size)]
        rng.shuffle(batches)
        return batches
