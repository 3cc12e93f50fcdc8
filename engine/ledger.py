"""The ledger of roles: what a request, and each near-duplicate of it, is for a pair of contestants. It is one thing, and stays that.

A request that a recipe shows as an example, or that an adapter was trained on, proves nothing about them; one on which choices were made
(dev) flatters; a request that came up in a duel has been looked at, so it is no test any more. So the first use of a request counts, and a
later use for something else is refused with the place of the first.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from engine.contestants import Contestant
from engine.near import LIMIT, grams
from engine.trained_on import TrainedOn

Role = Literal["train", "example", "dev", "test", "evidence"]
WORDS: dict[str, str] = {
    "train": "is trained on",
    "example": "is an example that the prompt shows",
    "dev": "is for making choices on",
    "test": "is kept for the test",
    "evidence": "is evidence of a duel",
}

HANDED_ON = {"evidence": "test"}  # the role that a request may have had before


@dataclass(frozen=True, slots=True)
class Use:
    """What a request is for, and where that is said."""

    role: str  # a Role
    where: str  # "line 12 of rows.jsonl", "example 2 of the recipe house"

    @property
    def words(self) -> str:
        """The use as a part of a sentence: the request …"""
        return f"{WORDS[self.role]} ({self.where})"


class RoleLedger:
    """Uses of requests, the earliest first. Texts are compared exactly; what adapters list, by its signatures."""

    def __init__(self) -> None:
        self._uses: list[Use] = []
        self._sizes: list[int] = []  # 5-grams of each text
        self._places: dict[str, list[int]] = {}  # 5-gram -> numbers of the texts that hold it
        self._lists: list[tuple[TrainedOn, str]] = []

    @classmethod
    def of(cls, contestants: Iterable[Contestant]) -> "RoleLedger":
        """Enter what these contestants were made with: examples of their recipes, and what their adapters list."""
        ledger = cls()
        for each in contestants:
            for number, example in enumerate(each.recipe.examples, 1):
                ledger.take(example.user, "example", f"example {number} of the recipe {each.recipe.name}")
            if each.adapter:
                ledger.add_list(each.adapter.trained_on, f"the training of the adapter {each.adapter.name}")
        return ledger

    def add_list(self, listed: TrainedOn, where: str) -> None:
        """Enter all that an adapter lists."""
        if len(listed):
            self._lists.append((listed, where))

    def uses(self, request: str) -> tuple[Use, ...]:
        """Find all that a request, or a near-duplicate of it, is for; what adapters list comes last."""
        own = grams(request)
        shared = Counter(number for gram in own for number in self._places.get(gram, ()))
        near = sorted(number for number, count in shared.items() if count / (len(own) + self._sizes[number] - count) >= LIMIT)
        listed = [Use(role, where) for marks, where in self._lists for role in marks.roles_of(request)]
        return (*(self._uses[number] for number in near), *listed)

    def clash(self, request: str, role: Role) -> Use | None:
        """Find the first use that forbids to use a request for `role`; None where it is free, or has this role already.

        A test request may be handed on to the vote: it was measured on once, and nothing was chosen by it. The way back is closed.
        """
        return next((use for use in self.uses(request) if use.role not in (role, HANDED_ON.get(role))), None)

    def take(self, request: str, role: Role, where: str) -> Use | None:
        """Use a request for `role`. Returns None, or the use for something else that it has already; then nothing was entered."""
        if used := self.clash(request, role):
            return used
        number, own = len(self._uses), grams(request)
        self._uses.append(Use(role, where))
        self._sizes.append(len(own))
        for gram in own:
            self._places.setdefault(gram, []).append(number)
        return None
