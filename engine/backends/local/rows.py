"""One answer while it is written: its tokens, how the next one is drawn, the text they make, its clock."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from engine.backends.base import Chunk, Finish, Prompt, Stop, Usage
from engine.errors import BackendError
from engine.recipes import Sampling

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Row:
    """A row of the batch. The model thread writes it, `deliver` hands chunks to the event loop."""

    prompt: Prompt
    stop: Stop
    deliver: Callable[[Chunk], None]
    submitted: float  # clock, seconds
    tokens: list[int] = field(default_factory=list)  # the prompt's
    cached: int = 0  # of these, taken from the prompt store
    new: list[int] = field(default_factory=list)
    text: "Detokenizer | None" = None
    generator: torch.Generator | None = None
    left_queue: float = 0.0
    first_token: float = 0.0
    busy_s: float = 0.0
    together: bool = False

    @property
    def length(self) -> int:
        """Columns that its keys and values fill: all tokens but the newest, which has not been read yet."""
        return len(self.tokens) + len(self.new) - 1

    def usage(self, now: float, device: str) -> Usage:
        first = self.first_token or now
        return Usage(
            prompt_tokens=len(self.tokens),
            cached_prompt_tokens=self.cached,
            new_tokens=len(self.new),
            queued_s=(self.left_queue or now) - self.submitted,
            first_token_s=first - self.left_queue if self.left_queue else 0.0,
            total_s=now - self.left_queue if self.left_queue else 0.0,
            busy_s=self.busy_s,
            device=device,
            ran="together" if self.together else "alone",
        )

    def end(self, how: Finish | BackendError, now: float, device: str) -> None:
        """Hand out the last chunk."""
        rest = self.text.rest() if self.text else ""
        usage = self.usage(now, device)
        self.deliver(Chunk(rest, usage=usage, error=how) if isinstance(how, BackendError) else Chunk(rest, how, usage))


def draw(logits: Tensor, sampling: Sampling, generator: torch.Generator | None) -> int:
    """The next token from one row's logits (vocabulary,). Temperature 0 takes the likeliest, the first of equals.

    top_k and top_p keep the likeliest tokens, top_p the smallest set whose probability reaches it (Holtzman et al. 2020).
    Drawing is done on the processor with the row's own generator, so that a row draws alike wherever and with whomever it runs.
    """
    if sampling.temperature == 0:
        return int(logits.argmax())
    ranked, order = (logits.float().cpu() / sampling.temperature).sort(descending=True, stable=True)
    chances = ranked.softmax(-1)
    if sampling.top_k:
        chances[sampling.top_k :] = 0
    if sampling.top_p < 1:
        chances[chances.cumsum(-1) - chances >= sampling.top_p] = 0
    return int(order[torch.multinomial(chances, 1, generator=generator)])


class Detokenizer:
    """Text out of a growing list of tokens, never in the middle of a character.

    A byte-level token can end inside a character, which decodes to U+FFFD; then the text waits for the next token.
    Pieces are differences of decoded spans that share their beginning, since a token's text can depend on the one before.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._tokens: list[int] = []
        self._start = 0  # of the span that is decoded
        self._told = 0  # tokens whose text has been handed out

    def add(self, token: int) -> str:
        """The text that this token completes; may be empty."""
        self._tokens.append(token)
        text = self._new_text()
        if text.endswith("�"):
            return ""
        if text:
            self._start, self._told = self._told, len(self._tokens)
        return text

    def rest(self) -> str:
        """What was held back, at the end of an answer."""
        text = self._new_text()
        self._told = len(self._tokens)
        return text

    def _new_text(self) -> str:
        told = self._decode(self._tokens[self._start : self._told])
        return self._decode(self._tokens[self._start :])[len(told) :]

    def _decode(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text


def mailbox(loop: asyncio.AbstractEventLoop, queue: "asyncio.Queue[Chunk]") -> Callable[[Chunk], None]:
    """How the model thread hands something to a coroutine. A loop that has closed takes no more, and nobody waits there."""

    def deliver(item: Chunk) -> None:
        try:
            loop.call_soon_threadsafe(queue.put_nowait, item)
        except RuntimeError:
            log.debug("answer dropped, its event loop has closed")

    return deliver
