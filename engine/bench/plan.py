"""What a run asks: how many tokens on which side, by how many people at once. Prompts are tokens; no request comes twice."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.contestants import Arm
from engine.recipes import load_recipe

DUEL = (Arm.PROMPTED, Arm.TUNED)
Tokens = tuple[int, ...]
Encode = Callable[[str], Sequence[int]]
SENTENCES = (
    "my parcel number {} has not come and nobody answers the phone.",
    "I was charged {} euros twice for one order, please look at it.",
    "The app shows error {} whenever I open my last invoice.",
    "Can I send back item {} when the box has been opened?",
    "We have {} tickets a month and the rules change in spring.",
    "How do I change the address of order {} before it leaves?",
    "The discount code {} is refused although it is still valid.",
    "Since update {} the lamp blinks red and does not connect.",
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Tokens of a duel."""

    recipe: int = 600  # the engineered recipe, which begins every prompt of the prompted side
    frame: int = 20  # the plain recipe, which begins every prompt of the tuned side
    request: int = 40  # what is asked, another text each time
    new: int = 96  # of each answer; no answer ends before


@dataclass(frozen=True, slots=True)
class Demand:
    """Answers that are written at the same time: those of some people's duels, or of one side alone."""

    users: int
    arms: tuple[Arm, ...] = DUEL

    @property
    def label(self) -> str:
        """The load in words."""
        if len(self.arms) == 1:
            return f"{self.arms[0]} alone"
        return "1 user" if self.users == 1 else f"{self.users} users"


ALONE = tuple(Demand(1, (arm,)) for arm in DUEL)


@dataclass(frozen=True, slots=True)
class Ask:
    """One answer that is wanted: the tokens of its recipe and of its request."""

    arm: Arm
    recipe: Tokens
    request: Tokens

    @property
    def prompt(self) -> Tokens:
        """All tokens that are read for it."""
        return self.recipe + self.request


class Material:
    """The prompts of a run, of a text that ships read by the base's own tokenizer, or of random tokens where a base has none."""

    def __init__(self, sizes: Sizes, vocabulary: int, encode: Encode | None) -> None:
        self._sizes, self._vocabulary, self._encode = sizes, vocabulary, encode
        house = load_recipe("house")
        words = " ".join([house.system, *(f"{example.user} {example.assistant}" for example in house.examples)])
        self._begins = {
            Arm.PROMPTED: self._tokens(words, sizes.recipe, 1),
            Arm.TUNED: self._tokens("Answer the customer. " * 9, sizes.frame, 2),
        }

    def asks(self, load: Demand, number: int) -> list[Ask]:
        """List the answers of a load, person by person; the first person's request has this number, the next one the next."""
        return [Ask(arm, self._begins[arm], self._request(number + user)) for user in range(load.users) for arm in load.arms]

    def _request(self, number: int) -> Tokens:
        chance = random.Random(number)
        sentences = [sentence.format(chance.randrange(10, 10_000)) for sentence in chance.sample(SENTENCES, len(SENTENCES))]
        return self._tokens(f"{chance.randrange(10**6)}: {' '.join(sentences)}", self._sizes.request, 1000 + number)

    def _tokens(self, text: str, count: int, seed: int) -> Tokens:
        """`count` tokens of a text, over and over when it is shorter; random ones of that seed where no tokenizer is."""
        if self._encode is None:
            chance = random.Random(seed)
            return tuple(chance.randrange(1, self._vocabulary) for _ in range(count))
        tokens = list(self._encode(text))
        return tuple((tokens * (count // len(tokens) + 1))[:count])
