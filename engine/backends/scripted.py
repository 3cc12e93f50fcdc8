"""A backend for tests: canned replies with canned timings, honest in everything else (stop flag, usage, errors)."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from engine.backends.base import NOBODY, Alive, Chunk, Finish, Party, Prompt, Stop, Usage
from engine.contestants import Adapter, Base
from engine.errors import BackendError
from engine.recipes import Message, Recipe


@dataclass(frozen=True, slots=True)
class Script:
    """One reply: pieces with a pause before each, then either an end or an error after the pieces."""

    pieces: tuple[str, ...]
    pause_s: float = 0.0
    finish: Finish = "end"
    error: BackendError | None = None


class ScriptedBackend:
    """Answers each prompt with what `script` returns for it; a token is a word. Keeps the prompts that it was given, and for whom."""

    def __init__(self, script: Callable[[Prompt], Script], base: str = "scripted") -> None:
        """base: the name of the base that is played."""
        self._script, self._base = script, base
        self.prompts: list[Prompt] = []
        self.parties: list[Party] = []
        self.running = 0  # answers being written now

    @property
    def base(self) -> Base:
        """A base of this name, which nothing runs on."""
        revision = "0" * 16 if self._base == "scripted" else self._base
        return Base(name=self._base, revision=revision, context_tokens=2048, parameters=0)

    async def generate(self, prompt: Prompt, stop: Stop, party: Party = NOBODY) -> AsyncGenerator[Chunk, None]:
        """Stream the script's pieces, each after its pause. Raises the script's error in place of an end."""
        self.prompts.append(prompt)
        self.parties.append(party)
        script = self._script(prompt)
        self.running += 1
        try:
            written, finish = 0, script.finish
            for piece in script.pieces:
                await asyncio.sleep(script.pause_s)
                if stop.raised:
                    finish = "stopped"
                    break
                written += 1
                yield Chunk(piece)
            if script.error is not None and finish != "stopped":
                raise script.error
            yield Chunk("", finish, self._usage(prompt, written, script.pause_s))
        finally:
            self.running -= 1

    def _usage(self, prompt: Prompt, new_tokens: int, pause_s: float) -> Usage:
        return Usage(
            prompt_tokens=sum(len(message.content.split()) for message in prompt.messages),
            cached_prompt_tokens=0,
            new_tokens=new_tokens,
            queued_s=0.0,
            first_token_s=pause_s,
            total_s=pause_s * new_tokens,
            busy_s=pause_s * new_tokens,
            device="scripted",
            ran="together" if self.running > 1 else "alone",
        )

    async def unread(self, prompt: Prompt) -> tuple[Message, ...]:
        """Say that every message is seen, as a script is given them all."""
        return ()

    async def encoded(self, prompt: Prompt) -> tuple[int, ...]:
        """Number the words, as a token is a word: the same word has the same number."""
        words = [word for message in prompt.messages for word in message.content.split()]
        return tuple(int.from_bytes(word.encode()[:6].ljust(6, b"\0"), "big") for word in words)

    async def add_adapter(self, adapter: Adapter, plain: Recipe) -> Alive:
        """Take every adapter for alive: a script may answer for it with other words than for the base."""
        return Alive(moved=1.0, least=0.0)

    async def remove_adapter(self, adapter: Adapter) -> None:
        """Keep nothing of an adapter, so nothing is to be let go."""

    async def aclose(self) -> None:
        """Keep nothing open, so nothing is to be closed."""
