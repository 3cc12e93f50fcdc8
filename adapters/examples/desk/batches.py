"""The rows as token ids, as the engine renders them, in batches of like length."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.backends.local.chat import Chat
from engine.errors import BadRequest
from engine.recipes import Recipe
from engine.request import Request
from engine.rows import Row

BATCH_ROWS = 8
POOL_BATCHES = 12  # among so many batches' rows, those of like length come together


@dataclass(frozen=True, slots=True)
class Ticket:
    """One row to learn: the prompt's tokens and the answer's, which alone are learned."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]  # with the token that ends a turn
    first: int  # tokens of the answer's first line, which names the team

    @property
    def tokens(self) -> tuple[int, ...]:
        """Prompt and answer."""
        return self.prompt + self.answer


def lessons_of(rows: Sequence[Row], recipe: Recipe, chat: Chat, end: int) -> tuple[Ticket, ...]:
    """Render rows as the engine renders requests with this recipe; `end` is the token that ends an answer.

    Raises BadRequest for a row without an answer.
    """
    made = []
    for row in rows:
        if not row.references:
            raise BadRequest(f"Line {row.line:,} has no answer to learn.")
        prompt = chat.encode(recipe.messages(Request.of(row.text)), dict(recipe.chat_template))
        line, feed, rest = row.references[0].partition("\n")
        first, more = (chat.tokenizer.encode(part, add_special_tokens=False) for part in (line, feed + rest))
        made.append(Ticket(tuple(prompt), (*first, *more, end), len(first)))
    return tuple(made)


def epoch(lessons: Sequence[Ticket], rng: random.Random) -> Iterator[list[int]]:
    """Walk once through all lessons in random order, in batches of like length; yields their places."""
    order = list(range(len(lessons)))
    rng.shuffle(order)
    size = BATCH_ROWS * POOL_BATCHES
    batches: list[list[int]] = []
    for start in range(0, len(order), size):
        pool = sorted(order[start : start + size], key=lambda place: len(lessons[place].tokens))
        batches += [pool[at : at + BATCH_ROWS] for at in range(0, len(pool), BATCH_ROWS)]
    rng.shuffle(batches)
    yield from batches
