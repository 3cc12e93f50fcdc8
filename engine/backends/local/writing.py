"""One answer while it is written: its tokens, the text they make, its account."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from engine.backends.base import Chunk, Finish, Prompt, Usage, too_long
from engine.backends.local.chat import Chat
from engine.backends.local.machine import machine_load
from engine.backends.local.sampling import generator_of
from engine.backends.local.schedule import Seat
from engine.backends.local.text import Detokenizer, StopTexts
from engine.contestants import Base
from engine.errors import BackendError

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False, kw_only=True)
class WeighedText:
    """An answer that is not written but weighed: how likely the model is to write it. The model thread alone fills in the rest."""

    text: str
    given: str  # what the answer begins with, whose chances do not count
    ends: bool  # whether the answer ends with it
    temperature: float  # at which its tokens would be drawn, above 0
    tokens: list[int] = field(default_factory=list)  # of both, once they have been encoded
    first: int = 0  # how many of them are those of `given`
    found: list[tuple[float, float]] = field(default_factory=list)  # of all tokens so far, and of the end: as Likelihood.logs and .leads

    @property
    def read(self) -> int:
        """How many of the tokens have to be read: the last one, too, if it is to be known what comes after it."""
        return len(self.tokens) if self.ends else max(0, len(self.tokens) - 1)

    def count(self, chat: Chat) -> None:
        """Turn the text into tokens."""
        given, self.tokens = chat.tokens_of(self.given), chat.tokens_of(self.given + self.text)
        differing = (at for at, (one, other) in enumerate(zip(given, self.tokens, strict=False)) if one != other)
        self.first = next(differing, min(len(given), len(self.tokens)))


@dataclass(slots=True, eq=False, kw_only=True)
class Writing(Seat):
    """An answer that is being written, in its seat. The model thread alone writes it; `deliver` hands chunks to whoever asked."""

    prompt: Prompt
    deliver: Callable[[Chunk], None]
    tokens: list[int] = field(default_factory=list)  # the prompt's, once it has been encoded
    new: list[int] = field(default_factory=list)
    text: Detokenizer | None = None
    generator: np.random.Generator | None = None
    cut: StopTexts = field(default_factory=lambda: StopTexts(()))
    wanted: WeighedText | None = None  # None: an answer is written

    @property
    def length(self) -> int:
        """Columns that its keys and values fill: all tokens but the newest, which has not been read yet."""
        return len(self.tokens) + len(self.new) - 1

    @property
    def known(self) -> list[int]:
        """All tokens whose keys and values are in its slot."""
        return [*self.tokens, *self.new[:-1]] if self.new else self.tokens[: self.read]

    def count(self, chat: Chat, base: Base) -> None:
        """Turn the messages into tokens, and make ready to write. Raises BackendError when the template refuses or the context is full."""
        self.tokens = chat.encode(self.prompt.messages, dict(self.prompt.chat_template))
        kept = self.prompt.sampling.max_new_tokens
        if self.wanted:
            self.wanted.count(chat)
            kept = max(kept, len(self.wanted.tokens))  # a prompt that could not be answered is refused here, too
        if len(self.tokens) > base.context_tokens - kept:
            raise too_long(base, len(self.tokens), kept)
        self.size, self.columns = len(self.tokens) + (self.wanted.read if self.wanted else 0), len(self.tokens) + kept
        self.text, self.cut = Detokenizer(chat.tokenizer), StopTexts(self.prompt.sampling.stop)
        self.generator = generator_of(self.prompt.sampling, self.prompt.seed)

    def accept(self, token: int, ends: frozenset[int]) -> Finish | None:
        """Take the next token and deliver the text that it completes. Returns how the answer ends with it; None when it goes on."""
        assert self.text is not None, "a row begins before it is given a token"
        self.new.append(token)
        if token in ends:
            return "end"
        if piece := self.text.add(token):
            piece = self.cut.add(piece)
            if piece:
                self.deliver(Chunk(piece))
            if self.cut.met:
                return "end"
        return "length" if len(self.new) >= self.prompt.sampling.max_new_tokens else None

    def end(self, how: Finish | BackendError, now: float, device: str) -> None:
        """Deliver the last chunk, at the clock's `now`."""
        rest = self.cut.rest(self.text.rest()) if self.text else ""
        usage = self.usage(now, device)
        load = machine_load() if device == "cpu" else None
        self.deliver(
            Chunk(rest, usage=usage, error=how, load=load) if isinstance(how, BackendError) else Chunk(rest, how, usage, load=load)
        )

    def usage(self, now: float, device: str) -> Usage:
        """Count what the answer has taken until the clock's `now`."""
        joined = now if self.joined is None else self.joined
        return Usage(
            prompt_tokens=len(self.tokens),
            cached_prompt_tokens=self.cached,
            new_tokens=len(self.wanted.found) if self.wanted else len(self.new),
            queued_s=joined - self.submitted,
            first_token_s=(now if self.first is None else self.first) - joined,
            total_s=now - joined,
            busy_s=self.busy_s,
            device=device,
            ran="together" if self.together else "alone",
        )


def mailbox(loop: asyncio.AbstractEventLoop, queue: "asyncio.Queue[Chunk]") -> Callable[[Chunk], None]:
    """Make the way by which the model thread hands chunks to a coroutine. A loop that has closed takes none, and nobody waits there."""

    def deliver(item: Chunk) -> None:
        try:
            loop.call_soon_threadsafe(queue.put_nowait, item)
        except RuntimeError:
            log.debug("answer dropped, its event loop has closed")

    return deliver
