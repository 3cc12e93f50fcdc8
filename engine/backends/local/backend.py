"""The coroutines in front of the model thread."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path

from engine.backends.base import NOBODY, NOT_LOADED, Alive, Chunk, Likelihood, Party, Prompt, Stop
from engine.backends.local.alive import add_alive
from engine.backends.local.factors import NONE
from engine.backends.local.loading import Loaded
from engine.backends.local.paged import pieces_of
from engine.backends.local.pages import give_back_freed
from engine.backends.local.prefixes import common_length
from engine.backends.local.recalled import FEWEST, StatesFolder
from engine.backends.local.thread import ModelThread
from engine.backends.local.writing import WeighedText, Writing, mailbox
from engine.contestants import Adapter, Base, check_made_for
from engine.errors import BackendError, BadAdapter
from engine.recipes import Message, Recipe
from engine.settings import LEAST_DIFFERENCE, MAX_ROWS

BUDGET_BYTES = 1 << 30  # for keys and values, where nobody says how many


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
        threads: Sequence[int] = (),
        budget_bytes: int = BUDGET_BYTES,
        recalled: StatesFolder | None = None,
    ) -> None:
        """threads: the numbers of processor threads among which it chooses; empty: it leaves them as they are.

        budget_bytes: for keys and values of rows; what is kept of earlier ones comes beside it, as `machine.kept_bytes` says.
        recalled: where states of recipes are kept until the next start; None: nowhere.
        """
        self._loaded, self._device, self._clock, self._least, self._recalled = loaded, device, clock, least, recalled
        self._moved: dict[str, float] = {}  # digest of each adapter that is loaded -> total variation; changed on the model thread
        self._leaving: set[str] = set()  # digests of those that no new prompt may use
        self._asked: deque[Writing] = deque()  # not yet with the thread
        self.thread = ModelThread(loaded, max_rows=max_rows, device=device, budget_bytes=budget_bytes, clock=clock, threads=threads)

    @property
    def base(self) -> Base:
        """The base model as it runs."""
        return self._loaded.base

    def generate(self, prompt: Prompt, stop: Stop, party: Party = NOBODY) -> AsyncGenerator[Chunk, None]:
        """Stream one answer, as Backend.generate says. Raises BackendError for an adapter that is not loaded, and after `aclose`."""
        return self._chunks(prompt, stop, party)

    async def likelihood(
        self,
        prompt: Prompt,
        text: str,
        stop: Stop,
        party: Party = NOBODY,
        *,
        given: str = "",
        ends: bool = True,
        temperature: float = 1.0,
    ) -> Likelihood:
        """Tell how likely an answer is, as LikelihoodBackend.likelihood says: it is read as the prompt's end, in turn with other rows."""
        if not (text or ends) or temperature <= 0:
            raise ValueError("there is nothing of which to tell how likely it is, or no temperature above 0")
        wanted, last = WeighedText(text=text, given=given, ends=ends, temperature=temperature), None
        async with aclosing(self._chunks(prompt, stop, party, wanted)) as chunks:
            async for chunk in chunks:
                last = chunk
        assert last is not None and last.usage is not None, "the last chunk has an account"
        if last.error is not None:
            raise last.error
        found = wanted.found[wanted.first :]
        return Likelihood(tuple(log for log, _ in found), tuple(lead for _, lead in found), last.usage, last.finish == "stopped")

    async def _chunks(self, prompt: Prompt, stop: Stop, party: Party, wanted: WeighedText | None = None) -> AsyncGenerator[Chunk, None]:
        """Stream what becomes of a row; one whose answer is wanted, not written, has its last chunk alone."""
        adapter = prompt.adapter
        if adapter is not None and (adapter.digest not in self._moved or adapter.digest in self._leaving):
            raise BackendError("bad_prompt", NOT_LOADED.format(adapter.name))
        own = Stop(parent=stop)
        queue: asyncio.Queue[Chunk] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        self.thread.check_open()
        self._asked.append(
            Writing(
                prompt=prompt,
                stop=own,
                adapter=adapter.digest if adapter else NONE,
                owner=party.owner,
                group=party.group,
                deliver=mailbox(loop, queue),
                submitted=self._clock(),
                wanted=wanted,
            )
        )
        loop.call_soon(self._submit)
        try:
            while True:
                chunk = await queue.get()
                yield chunk
                if chunk.usage is not None:
                    return
        finally:
            own.raise_()

    def _submit(self) -> None:
        """Hand over what has been asked in this turn of the event loop at once: both sides of a duel come to the thread together."""
        rows = [self._asked.popleft() for _ in range(len(self._asked))]
        try:
            self.thread.submit(rows)
        except BackendError as error:
            for row in rows:
                row.end(error, self._clock(), self._device)

    async def unread(self, prompt: Prompt) -> tuple[Message, ...]:
        """Find the messages that the chat template drops or changes, as Backend.unread says."""
        return await asyncio.to_thread(self._loaded.chat.unread, prompt.messages, dict(prompt.chat_template))

    async def encoded(self, prompt: Prompt) -> tuple[int, ...]:
        """Turn a prompt into tokens by the model's own chat template, as Backend.encoded says."""
        return tuple(await asyncio.to_thread(self._loaded.chat.encode, prompt.messages, dict(prompt.chat_template)))

    async def recall(self, alike: Sequence[Prompt]) -> None:
        """Take back what an earlier start has kept of these prompts' beginning, as Recalling.recall says."""
        adapter, tokens = await self._beginning(alike)
        folder, step = self._recalled, self.thread.step
        if folder and len(tokens) >= FEWEST and (pieces := await asyncio.to_thread(folder.load, adapter, tokens)):
            await asyncio.wrap_future(self.thread.call(lambda: step.recall(adapter, tokens, pieces)))

    async def remember(self, alike: Sequence[Prompt]) -> None:
        """Keep these prompts' beginning for the next start, as Recalling.remember says."""
        adapter, tokens = await self._beginning(alike)
        folder, step = self._recalled, self.thread.step
        if folder and len(tokens) >= FEWEST and not folder.holds(adapter, tokens):
            held = await asyncio.wrap_future(self.thread.call(lambda: step.remembered(adapter, tokens)))
            if held is not None:
                await asyncio.to_thread(folder.save, adapter, tokens, pieces_of(held))
                del held
                await asyncio.to_thread(give_back_freed)

    async def _beginning(self, alike: Sequence[Prompt]) -> tuple[str, list[int]]:
        """The adapter of prompts that are alike, and the tokens that all of them begin with; none where the template refuses one."""
        adapter = alike[0].adapter
        try:
            first, *others = [await self.encoded(prompt) for prompt in alike]
        except BackendError:  # whoever asks it is told
            return NONE, []
        shared = min((common_length(first, other) for other in others), default=0)
        return adapter.digest if adapter else NONE, list(first[:shared])

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
