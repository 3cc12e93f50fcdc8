"""What a new adapter has cost beside its task, asked of the engine as a duel asks: instructions whose answers a rule checks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapters.train.instructions import INSTRUCTIONS, followed
from engine.backends.base import Backend, Prompt
from engine.contestants import Adapter
from engine.cost import Price
from engine.duel import Answer, answer_each
from engine.recipes import Recipe
from engine.request import Request
from engine.rows import Row

ANSWER_TOKENS = 24  # of an answer to an instruction; each can be followed in fewer


@dataclass(frozen=True, slots=True)
class Followed:
    """Whether each instruction is followed, by the base and by the adapter."""

    before: tuple[bool, ...]
    after: tuple[bool, ...]

    @property
    def kept(self) -> int:
        """How many of those followed before are still followed."""
        return sum(one and other for one, other in zip(self.before, self.after, strict=True))


async def instructions_followed(backend: Backend, adapter: Adapter, plain: Recipe, price: Price) -> Followed:
    """Ask base and adapter, both with the plain recipe, each instruction. An answer that fails follows nothing."""
    prompts = {(number, arm): _prompt(plain, number, arm) for number in range(len(INSTRUCTIONS)) for arm in (None, adapter)}
    answers = await answer_each(prompts, backend, price)
    texts = {key: answer.text if isinstance(answer, Answer) else "" for key, answer in answers.items()}
    before, after = (followed([texts[number, arm] for number in range(len(INSTRUCTIONS))]) for arm in (None, adapter))
    return Followed(before, after)


async def ask_some(backend: Backend, plain: Recipe, price: Price) -> float:
    """Ask the base every other instruction, to see how long that takes. Returns the share of all that are asked of base and adapter."""
    some = range(0, len(INSTRUCTIONS), 2)
    await answer_each({number: _prompt(plain, number, None) for number in some}, backend, price)
    return len(some) / (2 * len(INSTRUCTIONS))


def _prompt(plain: Recipe, number: int, arm: Adapter | None) -> Prompt:
    """An instruction, to be answered in few tokens and the same way each time."""
    sampling = replace(plain.sampling, max_new_tokens=ANSWER_TOKENS, temperature=0.0)
    return Prompt(plain.messages(Request.of(INSTRUCTIONS[number].text)), sampling, arm, 0, plain.chat_template)


async def new_answers(backend: Backend, adapter: Adapter, plain: Recipe, rows: Sequence[Row], price: Price) -> list[str]:
    """Ask the adapter the requests of rows, greedily. An answer that fails is left out."""
    sampling = replace(plain.sampling, temperature=0.0)
    prompts = {
        number: Prompt(plain.messages(Request.of(row.text, row.history)), sampling, adapter, 0, plain.chat_template)
        for number, row in enumerate(rows)
    }
    answers = await answer_each(prompts, backend, price)
    return [answer.text for answer in answers.values() if isinstance(answer, Answer)]
