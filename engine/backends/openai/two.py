"""Two servers as one back end: the prompted side answers on one of them, everything else on the other."""

from collections.abc import AsyncGenerator
from dataclasses import replace

from engine.backends.base import NOBODY, Alive, Chunk, Party, Prompt, Stop
from engine.backends.openai.backend import ServerBackend
from engine.contestants import Adapter, Base
from engine.recipes import Message, Recipe


class TwoServers:
    """A Backend over two others; a prompt says by `elsewhere` which of them it is for."""

    def __init__(self, own: ServerBackend, other: ServerBackend) -> None:
        """other: answers for the prompted side."""
        self._own, self._other = own, other
        self.elsewhere = replace(other.base, elsewhere=True)

    def _of(self, prompt: Prompt) -> ServerBackend:
        return self._other if prompt.elsewhere else self._own

    @property
    def base(self) -> Base:
        """The base model of adapters."""
        return self._own.base

    @property
    def notes(self) -> tuple[str, ...]:
        """What people should be told of both servers, a sentence each."""
        return tuple(dict.fromkeys((*self._own.notes, *self._other.notes)))

    async def served(self, name: str) -> Adapter:
        """Find an adapter, as ServerBackend.served says."""
        return await self._own.served(name)

    def generate(self, prompt: Prompt, stop: Stop, party: Party = NOBODY) -> AsyncGenerator[Chunk, None]:
        """Stream one answer, as Backend.generate says."""
        return self._of(prompt).generate(prompt, stop, party)

    async def unread(self, prompt: Prompt) -> tuple[Message, ...]:
        """Find the messages that the chat template drops or changes, as Backend.unread says."""
        return await self._of(prompt).unread(prompt)

    async def encoded(self, prompt: Prompt) -> tuple[int, ...]:
        """Turn a prompt into tokens, as Backend.encoded says."""
        return await self._of(prompt).encoded(prompt)

    async def add_adapter(self, adapter: Adapter, plain: Recipe) -> Alive:
        """Prove an adapter alive, as Backend.add_adapter says."""
        return await self._own.add_adapter(adapter, plain)

    async def remove_adapter(self, adapter: Adapter) -> None:
        """Let an adapter go, as Backend.remove_adapter says."""
        await self._own.remove_adapter(adapter)

    async def aclose(self) -> None:
        """End every answer in words, and close the connections."""
        try:
            await self._own.aclose()
        finally:
            await self._other.aclose()
