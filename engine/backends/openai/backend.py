"""The coroutines in front of a server."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace

from engine.backends.base import NOBODY, NOT_LOADED, Alive, Chunk, Finish, Party, Prompt, Stop, Usage, too_long
from engine.backends.openai.counting import UNCOUNTED, prompt_text, prompt_tokens
from engine.backends.openai.events import ServedUsage, read_answer_event
from engine.backends.openai.probe import UNKNOWN_CONTEXT, FoundServer, digest_of
from engine.backends.openai.proof import bare_prompts, probe_answers, prove_alive
from engine.backends.openai.sharing import SharedTime
from engine.backends.openai.shelf import ServerShelf
from engine.backends.openai.wire import ServerWire
from engine.contestants import Adapter, Base
from engine.errors import BackendError, BadAdapter
from engine.parsing import shown_all
from engine.recipes import Message, Recipe
from engine.settings import LEAST_DIFFERENCE, MAX_ROWS

LOOK_S = 0.1  # seconds between two looks at the stop flags of all answers
FRAME_TOKENS = 64  # that a chat template writes around a message at most, for telling quickly that a prompt fits
CLOSED = "The connection to the server has been closed."
LOADED_FROM_HERE = (
    "The server has loaded the adapter {0} from your folder of adapters. That it was trained on the weights which the server calls {1} "
    "cannot be seen from here."
)
TWO_MODELS = (
    "The server has {0} and {1} as two models and does not say that they stand on the same base, which cannot be proven from here: unless "
    "they do, a verdict says nothing about fine-tuning."
)


@dataclass(eq=False, slots=True)
class ServedAnswer:
    """An answer while a server writes it; its times are a clock's."""

    prompt: Prompt
    submitted: float
    sent: float | None = None
    first: float | None = None
    pieces: int = 0  # with text
    finish: Finish | None = None
    usage: ServedUsage | None = None
    texts: "asyncio.Queue[str | None]" = field(default_factory=asyncio.Queue)  # None: nothing more comes

    def hear(self, data: str, now: float) -> bool:
        """Take an event; say whether the answer has begun with it. Raises BackendError for one that is malformed."""
        event = read_answer_event(data)
        self.finish, self.usage = event.finish or self.finish, event.usage or self.usage
        if not event.text:
            return False
        self.first = now if self.first is None else self.first
        self.pieces += 1
        self.texts.put_nowait(event.text)
        return True

    async def next(self) -> tuple[str, bool]:
        """Wait for text; take all that has come since. Returns it, and whether nothing more comes. The text is empty for who is woken."""
        piece, pieces = await self.texts.get(), list[str]()
        while piece is not None:
            pieces.append(piece)
            if self.texts.empty():
                return "".join(pieces), False
            piece = self.texts.get_nowait()
        return "".join(pieces), True

    def check_end(self, where: str) -> None:
        """Raise BackendError unless the answer came to an end with an account that can be true."""
        if self.finish is None:
            raise BackendError("server", f"{where} broke off in the middle of the answer.")
        if self.usage is None:
            raise BackendError("server", f"{where} told no account of the answer (usage), so its tokens and cost are not known.")
        most = self.prompt.sampling.max_new_tokens
        if self.usage.new_tokens > most or (self.pieces and not self.usage.new_tokens) or not self.usage.prompt_tokens:
            words = f"{self.usage.prompt_tokens:,} tokens read and {self.usage.new_tokens:,} written, of {most:,} at most"
            raise BackendError("server", f"{where} told a wrong account of the answer: {words}.")


class ServerBackend:
    """A Backend over a server that speaks OpenAI's API. Open one with `open_server`."""

    def __init__(
        self,
        wire: ServerWire,
        found: FoundServer,
        base: Base,
        shelf: ServerShelf,
        *,
        max_rows: int = MAX_ROWS,
        least: float = LEAST_DIFFERENCE,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._wire, self._found, self._base, self._least, self._clock = wire, found, base, least, clock
        self._shelf = shelf
        self._places = asyncio.Semaphore(max_rows)
        self._time = SharedTime(clock)
        self._alive: dict[str, Alive] = {}  # by the digest of each adapter that is in use
        self._leaving: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()  # an answer each, called by the digest of its adapter
        self._stops: dict[ServedAnswer, Stop] = {}  # of answers that somebody waits for
        self._watching: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def base(self) -> Base:
        """The base model as the server shows it."""
        return self._base

    @property
    def notes(self) -> tuple[str, ...]:
        """What people should be told of this server, a sentence each."""
        unpinned = (
            f"{self._base.name} runs on a server, so it is unpinned: its revision {self._base.revision} is made of its name, of what "
            "the server says of itself and of its answers to probe requests, not of its weights."
        )
        return (unpinned, *self._found.notes)

    async def served(self, name: str) -> Adapter:
        """Find an adapter of the server by its name, or its number. Raises BadAdapter.

        Its digest is of its name, of the base, and of its answers to probes: one that is exchanged under its name is another one.
        """
        dialect = self._found.dialect
        known = self._found.loras if dialect.kind == "llama" else {each: each for each in self._found.models if each != dialect.base}
        numbers = [number for number, called in known.items() if name in (number, called)]
        if len(numbers) > 1:
            raise BadAdapter(f"The server has several adapters {name}. Set DUEL_ADAPTER to the number of one: {', '.join(numbers)}.")
        if not numbers and (known or dialect.kind == "llama" or name == dialect.base):
            raise BadAdapter(
                f"The server has no adapter {name} (it has: {shown_all(sorted(known.values())[:10]) or 'none'}). Set DUEL_ADAPTER."
            )
        number = numbers[0] if numbers else name
        found = Adapter(known.get(number, name), "unpinned", "", "", served=number)
        try:
            answers = await probe_answers(self._wire, dialect, [_with(prompt, found) for prompt in bare_prompts()])
        except BackendError as error:
            raise BadAdapter(f"The adapter {name} on the server does not answer: {error.words}") from error
        digest = digest_of([found.name, self._base.revision, [answer.text for answer in answers]])
        return Adapter(found.name, f"unpinned {digest[:8]}", "", digest, served=number)

    async def generate(self, prompt: Prompt, stop: Stop, party: Party = NOBODY) -> AsyncGenerator[Chunk, None]:
        """Stream one answer, as Backend.generate says; answers wait in the order in which they were asked, whoever asked.

        Raises BackendError for an adapter that is not in use, a rule that the server does not know, what it refuses, and after `aclose`.
        """
        self._check(prompt)
        answer, digest = ServedAnswer(prompt, self._clock()), prompt.adapter.digest if prompt.adapter else ""
        task = asyncio.create_task(self._write(answer, self._found.dialect.asked(self._named(prompt))), name=digest)
        self._tasks.add(task)
        self._stops[answer] = stop
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch_stops())
        task.add_done_callback(lambda _: answer.texts.put_nowait(None))
        try:
            while not stop.raised:
                text, ended = await answer.next()
                if text and not stop.raised:
                    yield Chunk(text)
                if ended and not stop.raised:
                    yield self._last(answer, task)
                    return
            await _ended(task)
            yield Chunk("", "stopped", self._usage(answer))
        finally:
            self._stops.pop(answer, None)
            await _ended(task)
            self._tasks.discard(task)
            self._time.end(answer)

    async def _watch_stops(self) -> None:
        """Wake the answers whose flags are raised, as long as there are any: a flag that a clock raises wakes nobody by itself."""
        while self._stops:
            await asyncio.sleep(LOOK_S)
            for answer, stop in list(self._stops.items()):
                if stop.raised:
                    answer.texts.put_nowait("")

    def _check(self, prompt: Prompt) -> None:
        if self._closed:
            raise BackendError("closed", CLOSED)
        if prompt.adapter and (prompt.adapter.digest not in self._alive or prompt.adapter.digest in self._leaving):
            raise BackendError("bad_prompt", NOT_LOADED.format(prompt.adapter.name))

    def _named(self, prompt: Prompt) -> Prompt:
        """Have a prompt's adapter carry the name that it has on the server."""
        adapter = prompt.adapter
        if adapter is None or adapter.served:
            return prompt
        return replace(prompt, adapter=replace(adapter, served=self._shelf.name_of(adapter)))

    async def _write(self, answer: ServedAnswer, body: dict[str, object]) -> None:
        """Have one answer written when there is a place for it. Raises BackendError."""

        def sent() -> None:
            answer.sent = self._clock()
            self._time.begin(answer)

        async with self._places:
            await self._check_room(answer.prompt)
            await self._wire.stream(body, sent=sent, hear=lambda data: answer.hear(data, self._clock()))
        answer.check_end(self._wire.where)

    async def _check_room(self, prompt: Prompt) -> None:
        """Raise BackendError for a prompt that leaves no room for its answer. One that is short by its bytes is not counted."""
        kept = prompt.sampling.max_new_tokens
        most = sum(len(message.content.encode()) + FRAME_TOKENS for message in prompt.messages) + FRAME_TOKENS
        if not self._found.counts or self._base.context_tokens == UNKNOWN_CONTEXT or most <= self._base.context_tokens - kept:
            return
        tokens = len(await self.encoded(prompt))
        if tokens > self._base.context_tokens - kept:
            raise too_long(self._base, tokens, kept)

    def _last(self, answer: ServedAnswer, task: "asyncio.Task[None]") -> Chunk:
        """Make the chunk that ends an answer. Raises BackendError where nothing of it came."""
        error = BackendError("closed", CLOSED) if task.cancelled() else task.exception()
        if error is None:
            return Chunk("", answer.finish, self._usage(answer))
        if isinstance(error, BackendError) and answer.pieces:
            return Chunk("", usage=self._usage(answer), error=error)
        raise error

    def _usage(self, answer: ServedAnswer) -> Usage:
        """Account for an answer, by the server's own counts where it has told them, else by the pieces that came."""
        now = self._clock()
        busy_s, together = self._time.end(answer)
        sent = now if answer.sent is None else answer.sent
        told = answer.usage or ServedUsage(0, 0, 0)
        return Usage(
            prompt_tokens=told.prompt_tokens,
            cached_prompt_tokens=told.cached_tokens,
            new_tokens=max(told.new_tokens, answer.pieces) if answer.finish is None else told.new_tokens,
            queued_s=sent - answer.submitted,
            first_token_s=(now if answer.first is None else answer.first) - sent,
            total_s=now - sent,
            busy_s=busy_s,
            device=self._wire.where.removeprefix("The "),
            ran="together" if together else "alone",
        )

    async def unread(self, prompt: Prompt) -> tuple[Message, ...]:
        """Find the messages that the chat template drops or changes, as Backend.unread says; none where the server does not show it."""
        if not self._found.counts:
            return ()
        text = "".join((await prompt_text(self._wire, self._found.dialect, self._named(prompt))).split())
        return tuple(message for message in prompt.messages if "".join(message.content.split()) not in text)

    async def encoded(self, prompt: Prompt) -> tuple[int, ...]:
        """Turn a prompt into tokens, as Backend.encoded says. Raises BackendError of the kind "uncounted" where the server cannot."""
        if not self._found.counts:
            raise BackendError("uncounted", UNCOUNTED)
        return await prompt_tokens(self._wire, self._found.dialect, self._named(prompt))

    async def add_adapter(self, adapter: Adapter, plain: Recipe) -> Alive:
        """Prove an adapter alive, as Backend.add_adapter says; one that lies in a folder here is loaded where the server allows that."""
        if self._closed:
            raise BackendError("closed", CLOSED)
        if adapter.digest not in self._alive:
            self._alive[adapter.digest] = await (self._proven(adapter, plain) if adapter.served else self._taken(adapter, plain))
        return self._alive[adapter.digest]

    async def _taken(self, adapter: Adapter, plain: Recipe) -> Alive:
        """Load an adapter that lies here, and prove it alive; a dead one is let go again. Raises BadAdapter, BackendError."""
        if adapter.card:
            adapter.card.check_recipe(plain)
        await self._shelf.load(adapter)
        try:
            return await self._proven(adapter, plain)
        except BaseException:
            await self._shelf.unload(adapter)
            raise

    async def _proven(self, adapter: Adapter, plain: Recipe) -> Alive:
        """Raises BadAdapter; BackendError where the server is away."""
        named = replace(adapter, served=self._shelf.name_of(adapter))
        try:
            proof = await prove_alive(self._wire, self._found.dialect, named, plain, self._least)
        except BackendError as error:
            words = f"Whether the adapter {adapter.name} is alive cannot be told: {error.words}"
            raise (BackendError(error.kind, words, passing=True) if error.passing else BadAdapter(words)) from error
        return Alive(proof.moved, proof.least, (*proof.notes, *self._notes(adapter)))

    def _notes(self, adapter: Adapter) -> tuple[str, ...]:
        """Say what is not known of an adapter: its weights never, and mostly not its base."""
        dialect, card = self._found.dialect, self._found.models.get(adapter.served, {})
        if not adapter.served:
            return (LOADED_FROM_HERE.format(adapter.name, self._base.name),)
        unpinned = (
            f"The adapter {adapter.name} is on the server, so it is unpinned: it is known again by its name and its answers to probes."
        )
        same = dialect.kind == "llama" or card.get("parent") == dialect.base or adapter.served.startswith(f"{dialect.base}:")
        return (unpinned,) if same else (unpinned, TWO_MODELS.format(dialect.base, adapter.name))

    async def remove_adapter(self, adapter: Adapter) -> None:
        """Use an adapter no more, as Backend.remove_adapter says; the server keeps it unless it was loaded from here."""
        digest = adapter.digest
        if digest not in self._alive or digest in self._leaving:
            raise BadAdapter(f"The adapter {adapter.name} is not loaded, so it cannot be removed.")
        self._leaving.add(digest)
        try:
            while writing := [task for task in self._tasks if task.get_name() == digest]:
                await asyncio.wait(writing)
            del self._alive[digest]
            await self._shelf.unload(adapter)
        finally:
            self._leaving.discard(digest)

    async def aclose(self) -> None:
        """End every answer in words, and close the connections. The server goes on."""
        self._closed = True
        for task in list(self._tasks):
            await _ended(task)
        await self._wire.aclose()


def _with(prompt: Prompt, adapter: Adapter) -> Prompt:
    return replace(prompt, adapter=adapter)


async def _ended(task: "asyncio.Task[None]") -> None:
    """End a task, and wait until it has ended; what it raised is told by whoever asks it."""
    task.cancel()
    await asyncio.wait([task])
