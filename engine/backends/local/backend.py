"""The coroutines in front of the model thread."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from engine.backends.base import Alive, Chunk, Prompt, Stop
from engine.backends.local.alive import add_alive
from engine.backends.local.loading import Loaded
from engine.backends.local.lora import NONE
from engine.backends.local.step import NOT_LOADED
from engine.backends.local.thread import ModelThread
from engine.backends.local.writing import Writing, mailbox
from engine.contestants import Adapter, Base, check_made_for
from engine.errors import BackendError, BadAdapter
from engine.recipes import Message, Recipe
from engine.settings import LEAST_DIFFERENCE, MAX_ROWS

ONE_THREAD_BELOW = 50_000_000  # parameters


class LocalBackend:
    """A Backend over a model in this process. Open one with `open_local`."""

    def __init__(
        self,
        loaded: Loaded,
        *,
        max_rows: int = MAX_ROWS,
        device: str = "cpu",
        least: float = LEAST_DIFFERENCE,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._loaded, self._clock, self._least = loaded, clock, least
        self._moved: dict[str, float] = {}  # digest of each adapter that is loaded -> total variation; changed on the model thread
        self._leaving: set[str] = set()  # digests of those that no new prompt may use
        self.thread = ModelThread(loaded, max_rows=max_rows, device=device, clock=clock)

    @property
    def base(self) -> Base:
        """The base model as it runs."""
        return self._loaded.base

    async def generate(self, prompt: Prompt, stop: Stop) -> AsyncGenerator[Chunk, None]:
        """Stream one answer, as Backend.generate says. Raises BackendError for an adapter that is not loaded, and after `aclose`."""
        adapter = prompt.adapter
        if adapter is not None and (adapter.digest not in self._moved or adapter.digest in self._leaving):
            raise BackendError("bad_prompt", NOT_LOADED.format(adapter.name))
        own = Stop(parent=stop)
        queue: asyncio.Queue[Chunk] = asyncio.Queue()
        deliver = mailbox(asyncio.get_running_loop(), queue)
        digest = adapter.digest if adapter else NONE
        self.thread.submit(Writing(prompt=prompt, stop=own, adapter=digest, deliver=deliver, submitted=self._clock()))
        try:
            while True:
                chunk = await queue.get()
                yield chunk
                if chunk.usage is not None:
                    return
        finally:
            own.raise_()

    async def unread(self, prompt: Prompt) -> tuple[Message, ...]:
        """Find the messages that the chat template drops or changes, as Backend.unread says."""
        return await asyncio.to_thread(self._loaded.chat.unread, prompt.messages, dict(prompt.chat_template))

    async def add_adapter(self, adapter: Adapter, plain: Recipe) -> Alive:
        """Load an adapter between two steps and prove it alive, as Backend.add_adapter says; answers that are being written wait for it.

        One that is loaded already is not loaded again. Raises BackendError after `aclose`.
        """
        notes = check_made_for(adapter, self.base.name, self.base.revision, plain)
        chat, folder = self._loaded.chat, Path(adapter.folder)
        chat.check_template(adapter.name, folder)
        if adapter.digest in self._leaving:
            raise BadAdapter(f"The adapter {adapter.name} is just being removed; add it again when that is done.")
        moved = await asyncio.wrap_future(self.thread.call(lambda: self._add(adapter, plain)))
        return Alive(moved, self._least, (*notes, *chat.new_tokens(adapter.name, folder)))

    def _add(self, adapter: Adapter, plain: Recipe) -> float:
        if adapter.digest not in self._moved:
            self._moved[adapter.digest] = add_alive(self.thread.step, self._loaded.chat, adapter, plain, self._least)
        return self._moved[adapter.digest]

    async def remove_adapter(self, adapter: Adapter) -> None:
        """Let an adapter go, as Backend.remove_adapter says: rows that use it are answered first, and no new one is taken.

        A removal that is cancelled while it waits for them leaves the adapter as it was. Raises BackendError after `aclose`.
        """
        digest = adapter.digest
        if digest not in self._moved or digest in self._leaving:
            raise BadAdapter(f"The adapter {adapter.name} is not loaded, so it cannot be removed.")
        self._leaving.add(digest)
        try:
            await asyncio.wrap_future(self.thread.call(lambda: self._remove(digest), unused=digest))
        finally:
            self._leaving.discard(digest)

    def _remove(self, digest: str) -> None:
        self.thread.step.remove(digest)
        del self._moved[digest]

    async def aclose(self) -> None:
        """End every answer in words, and the thread. Returns when the model's present step is done."""
        await asyncio.to_thread(self.thread.close)


def useful_threads(parameters: int) -> int:
    """Choose the processor threads for a model of this size, when nobody says how many.

    Threads meet at the end of each operation, and a small model's operations are shorter than these meetings: 5.5 million parameters wrote
    90 tokens for both sides in 0.52 s on one thread, and in 2.7 to 31 s on two with another program running. ONE_THREAD_BELOW lies between
    that model and the next that was measured, of 135 million, whose step took 227 ms on two cores and 309 on one.
    """
    return 1 if parameters < ONE_THREAD_BELOW else (os.cpu_count() or 1)
