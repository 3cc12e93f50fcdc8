"""The ledger of roles: no request, and no near-duplicate of one, is two things for a pair of contestants."""

from itertools import combinations
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from engine.contestants import Adapter, Arm, Base, Contestant
from engine.ledger import HANDED_ON, Role, RoleLedger, Use
from engine.near import near
from engine.recipes import Recipe, load_recipe
from engine.trained_on import TrainedOn

BASE = Base("b", "1", 100, 10)
ROLES: tuple[Role, ...] = get_args(Role)
WORDS = st.lists(st.sampled_from(["where", "is", "my", "parcel", "lamp", "broken", "?"]), min_size=1, max_size=12).map(" ".join)


@given(st.lists(st.tuples(WORDS, st.sampled_from(ROLES)), max_size=25))
def test_no_two_near_duplicates_get_two_roles(asked: list[tuple[str, Role]]) -> None:
    ledger, taken = RoleLedger(), list[tuple[str, Role, int]]()
    for line, (request, role) in enumerate(asked):
        used = ledger.take(request, role, f"line {line}")
        others = [Use(other, f"line {at}") for text, other, at in taken if near(text, request) and other not in (role, HANDED_ON.get(role))]
        assert used == (others[0] if others else None), "refused if and only if a near-duplicate is something else, with its line"
        if used is None:
            taken.append((request, role, line))
    pairs = [{one[1], other[1]} for one, other in combinations(taken, 2) if near(one[0], other[0])]
    assert all(len(roles) == 1 or roles == {"test", "evidence"} for roles in pairs), "one role each, but for the way from test to vote"


def test_what_contestants_were_made_with_is_entered() -> None:
    house = load_recipe("house")
    request = "We have 4,000 labelled letters, the rules change once a year, and 90,000 requests a month. Prompt or fine-tune?"
    listed = TrainedOn.of(["Where is my parcel with the blue lamp?"]) | TrainedOn.of(["Do you ship to Norway?"], "test")
    adapter = Adapter("shop", "1", "", "0", trained_on=listed)
    ledger = RoleLedger.of((Contestant(Arm.PROMPTED, house, None, BASE), Contestant(Arm.TUNED, Recipe("plain", "1"), adapter, BASE)))
    shown = ledger.clash(request.upper(), "evidence")
    assert shown == Use("example", f"example 1 of the recipe {house.name}")
    assert shown.words == f"is an example that the prompt shows (example 1 of the recipe {house.name})"
    assert ledger.clash("where is my parcel with the blue lamp??", "evidence") == Use("train", "the training of the adapter shop")
    assert ledger.clash("Do you ship to Norway?", "test") is None and ledger.clash("Do you ship to Norway?", "train")
    assert ledger.clash("Do you ship to Norway?", "evidence") is None  # a vote may confirm what was measured
    assert ledger.clash("Is the blue lamp in stock?", "evidence") is None
