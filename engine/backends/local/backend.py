"""The coroutines in front of the model thread."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import torch
from torch import Tensor

from engine.backends.base import Chunk, Prompt, Stop
from engine.backends.local.loading import Loaded, load_base, pick_device
from engine.backends.local.lora import NONE, PROBES, check_alive, check_base_kept
from engine.backends.local.rows import Row, mailbox
from engine.backends.local.thread import ModelThread
from engine.contestants import Adapter, Base, check_made_for
from engine.errors import BackendError, BadAdapter, BadModel
from engine.plain_lora import ATTENTION_ONLY
from engine.recipes import Message, Recipe
from engine.request import Request
from engine.settings import LEAST_DIFFERENCE, MAX_ROWS, EngineSettings

ONE_THREAD_BELOW = 50_000_000
"""Parameters."""


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
        self._base, self._clock, self._least = loaded.base, clock, least
        self._adapters: set[str] = set()
        self.alive: dict[str, float] = {}  # adapter digest -> how far it moves next-token distributions, 0 to 1
        self.thread = ModelThread(loaded, max_rows=max_rows, device=device, clock=clock)
        self.thread.start()

    @property
    def base(self) -> Base:
        return self._base

    async def generate(self, prompt: Prompt, stop: Stop) -> AsyncGenerator[Chunk, None]:
        if prompt.adapter is not None and prompt.adapter.digest not in self._adapters:
            raise BackendError("bad_prompt", f"The adapter {prompt.adapter.name} is not loaded, so it cannot answer.")
        own = Stop(parent=stop)
        queue: asyncio.Queue[Chunk] = asyncio.Queue()
        self.thread.submit(Row(prompt, own, mailbox(asyncio.get_running_loop(), queue), submitted=self._clock()))
        try:
            while True:
                chunk = await queue.get()
                yield chunk
                if chunk.usage is not None:
                    return
        finally:
            own.raise_()

    async def unread(self, prompt: Prompt) -> tuple[Message, ...]:
        return await asyncio.to_thread(self.thread.chat.unread, prompt.messages, dict(prompt.chat_template))

    async def add_adapter(self, adapter: Adapter, plain: Recipe) -> tuple[str, ...]:
        notes = check_made_for(adapter, self._base.name, self._base.revision, plain)
        chat, folder = self.thread.chat, Path(adapter.folder)
        chat.check_template(adapter.name, folder)
        await asyncio.wrap_future(self.thread.call(lambda: self._add(adapter, plain)))
        self._adapters.add(adapter.digest)
        return (*notes, *chat.new_tokens(adapter.name, folder))

    def _add(self, adapter: Adapter, plain: Recipe) -> None:
        """On the model thread, while no row runs in the slot used: load, then compare distributions on the probes."""
        thread = self.thread
        if thread.rows:
            raise BadAdapter(f"The adapter {adapter.name} can be loaded when no answer is being written; try again.")
        asked = [plain.messages(Request.of(probe)) for probe in PROBES]
        probes = [thread.chat.encode(messages, dict(plain.chat_template)) for messages in asked]
        try:
            before = self._read(probes, NONE)
        except Exception as error:
            raise BadModel(f"The base model {self._base.name} cannot be run by this engine: {_one_line(error)}") from error
        with thread.lora.undone_if_refused():
            thread.lora.add(adapter)
            try:
                after, tuned = self._read(probes, NONE), self._read(probes, adapter.digest)
            except Exception as error:  # peft's: a layer that sees the rows of a batch as one
                raise BadAdapter(
                    f"The adapter {adapter.name} cannot be run beside the base in one batch, as both sides of a duel are "
                    f"({_one_line(error)}). {ATTENTION_ONLY}"
                ) from error
            check_base_kept(adapter, before, after)
            self.alive[adapter.digest] = check_alive(adapter, list(zip(before, tuned, strict=True)), self._least)

    def _read(self, probes: list[list[int]], adapter: str) -> list[Tensor]:
        """Logits (vocabulary,) after each probe."""
        return [self.thread.read(tokens, adapter, 0, 0).clone() for tokens in probes]

    async def aclose(self) -> None:
        await asyncio.to_thread(self.thread.close)


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def useful_threads(parameters: int) -> int:
    """Processor threads for a model of this size when nobody says how many.

    A small model's operations are shorter than the threads' meeting at the end of each: 5.5 million parameters wrote 90
    tokens for both sides in 0.52 s on one thread, and in 2.7 to 31 s on two with another program running.
    """
    return 1 if parameters < ONE_THREAD_BELOW else (os.cpu_count() or 1)


async def open_local(folder: Path, name: str, settings: EngineSettings) -> LocalBackend:
    """Load the base model in `folder`, shown as `name`. Raises BadModel, SettingsError."""
    device = pick_device(settings.device)
    loaded = await asyncio.to_thread(load_base, folder, name, settings.dtype, device)
    torch.set_num_threads(settings.threads or useful_threads(loaded.base.parameters))
    return LocalBackend(loaded, max_rows=settings.max_rows, device=device, least=settings.alive_difference)
