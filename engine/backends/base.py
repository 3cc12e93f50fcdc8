"""The seam between a duel and whatever runs the model: prompts go in, answers stream out, adapters come and go."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from engine.contestants import Adapter, Base
from engine.errors import BackendError, BadAdapter
from engine.recipes import Message, Recipe, Sampling

PROBES = (  # requests on which an adapter is proven alive
    "We have 300 labelled support tickets and answers must change every week. What should we do?",
    "Hello, what can you do?",
    "Summarise this in one sentence: the meeting was moved from Monday to Thursday.",
)
NOT_LOADED = "The adapter {} is not loaded, so it cannot answer."
Finish = Literal["end", "length", "stopped"]  # the model ended its answer; it met the token limit; somebody stopped it


@dataclass(frozen=True, slots=True)
class Prompt:
    """Everything that one answer depends on. Greedy, the same prompt gives the same tokens whatever runs beside it."""

    messages: tuple[Message, ...]
    sampling: Sampling
    adapter: Adapter | None = None
    seed: int = 0
    chat_template: tuple[tuple[str, Any], ...] = ()
    elsewhere: bool = False  # for the other of two servers


@dataclass(frozen=True, slots=True)
class Party:
    """For whom an answer is, and with which it belongs together; no answer depends on it. The empty text is nobody, and alone."""

    owner: str = ""  # a key of whoever asked: where many wait, people take turns
    group: str = ""  # answers of one owner with the same group are begun together


NOBODY = Party()


@dataclass(frozen=True, slots=True)
class Load:
    """How busy the machine is that runs the model: programs that want a processor, its own threads included, and processors there are."""

    wanting: float  # mean of the last minute
    processors: int

    @property
    def busy(self) -> bool:
        """Whether programs have to wait for a processor."""
        return self.wanting > 1.25 * self.processors


@dataclass(frozen=True, slots=True)
class Usage:
    """The account of one answer: tokens and seconds."""

    prompt_tokens: int  # after the chat template, special tokens included
    cached_prompt_tokens: int  # of these, taken from the key-value cache of an earlier prompt
    new_tokens: int
    queued_s: float  # waiting for a place in the batch
    first_token_s: float  # from leaving the queue to the first token
    total_s: float  # from leaving the queue to the last token
    busy_s: float  # engine time charged to this answer; summed over answers it is the engine's busy time
    device: str  # "cpu", "cuda:0", a server's name
    ran: Literal["alone", "together"]  # together: the times include other answers' work


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of an answer. The last one, and only it, has usage, and either finish or the error that ended it.

    It has the machine's load, too, where that is known.
    """

    text: str
    finish: Finish | None = None
    usage: Usage | None = None
    error: BackendError | None = None
    load: Load | None = None


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How likely a model is to answer a prompt with a text: for each of its tokens, and for the end where one is wanted.

    The chances are those after the prompt and the tokens before, at the temperature that was asked for; nothing is cut off and no token
    penalised, whatever the prompt's sampling says.
    """

    logs: tuple[float, ...]  # natural logarithm of each token's chance
    leads: tuple[float, ...]  # by how much that is above the logarithm of the likeliest other token: above 0, and greedy decoding writes it
    usage: Usage  # new_tokens are those of the text
    stopped: bool = False  # before all tokens were told of


@dataclass(frozen=True, slots=True)
class Alive:
    """The proof that an adapter does something, and sentences that people should be told of it before a duel."""

    moved: float  # how far it moves next-token distributions on probe requests: the largest total variation, 0 to 1
    least: float  # how far it has to move them, in the same unit
    notes: tuple[str, ...] = ()


class Stop:
    """A flag that a person or a clock raises and the engine sees within one step. Safe from any thread.

    With a parent it also counts as raised when the parent is.
    """

    __slots__ = ("_parent", "_raised")

    def __init__(self, parent: "Stop | None" = None) -> None:
        self._parent = parent
        self._raised = False

    def raise_(self) -> None:
        """Raise the flag, for good."""
        self._raised = True  # one attribute store: atomic in CPython

    @property
    def raised(self) -> bool:
        """Whether this flag or its parent's has been raised."""
        return self._raised or (self._parent is not None and self._parent.raised)


def too_long(base: Base, tokens: int, kept: int) -> BackendError:
    """Word that a prompt of so many tokens does not fit beside an answer for which `kept` are kept."""
    return BackendError(
        "too_long",
        f"Request, conversation and instructions are {tokens:,} tokens together; {base.name} reads {base.context_tokens - kept:,} "
        f"and keeps {kept:,} for the answer. Shorten the request, or start a new conversation.",
    )


def dead(adapter: str, probes: int, moved: float, least: float) -> BadAdapter:
    """Word that an adapter moves next-token distributions by too little: total variation, 0 to 1."""
    return BadAdapter(
        f"The adapter {adapter} is dead: on {probes} probe requests its next-token distribution differs from the base's "
        f"by at most {moved:.2g} (at least {least:g} is needed). Both sides of a duel would be the same model."
    )


class Backend(Protocol):
    """Runs prompts. Opening one loads the model; everything after that may be called concurrently."""

    @property
    def base(self) -> Base:
        """The base model as it runs."""
        ...

    def generate(self, prompt: Prompt, stop: Stop, party: Party = NOBODY) -> AsyncGenerator[Chunk, None]:
        """Stream one answer; the last chunk carries usage and finish or error. Raises BackendError when nothing could start.

        Raising the stop flag, or closing the iterator, frees the row within one step.
        """
        ...

    async def unread(self, prompt: Prompt) -> tuple[Message, ...]:
        """Find the messages that the model would not see whole, as its chat template drops or changes them. Raises BackendError."""
        ...

    async def encoded(self, prompt: Prompt) -> tuple[int, ...]:
        """Turn a prompt into the tokens that the model would read; nothing is answered. Raises BackendError."""
        ...

    async def add_adapter(self, adapter: Adapter, plain: Recipe) -> Alive:
        """Load an adapter, while answers are written if need be, and prove it alive on requests asked with the plain recipe.

        Adapters are told apart by their digest. Raises BadAdapter with the reason when it is not fit to duel; the base stays as it was.
        """
        ...

    async def remove_adapter(self, adapter: Adapter) -> None:
        """Let an adapter go. From now on no new prompt may use it; answers with it that have begun are written to their end first.

        Returns when it is gone; then it can be added again. Raises BadAdapter when it is not loaded.
        """
        ...

    async def aclose(self) -> None:
        """End every answer with an error that says so, and free what the model holds. Nothing can be asked afterwards."""
        ...


@runtime_checkable
class Recalling(Protocol):
    """A backend that keeps on the disk what it has read of a recipe, so that the next start need not read it again."""

    async def recall(self, alike: Sequence[Prompt]) -> None:
        """Take back what an earlier start has kept of the tokens that all these prompts begin with; they differ in their requests alone."""
        ...

    async def remember(self, alike: Sequence[Prompt]) -> None:
        """Keep what these prompts begin with, once one of them has been answered."""
        ...


@runtime_checkable
class LikelihoodBackend(Backend, Protocol):
    """A Backend that can tell how likely an answer is. Interfaces of servers tell no such thing of a given text, so theirs are none."""

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
        """Tell how likely the model is to write this text behind the prompt and `given`, the beginning of its answer.

        ends: it is to end the answer there, too; else the text is not empty. temperature: at which its tokens would be drawn, above 0.
        Tokens are those of `given` and text together; one that is partly of `given` counts as the text's. Nothing is drawn: the same prompt
        and text give the same numbers whatever runs beside them. Raises BackendError where nothing can be told, as for a prompt that
        could not be answered.
        """
        ...
