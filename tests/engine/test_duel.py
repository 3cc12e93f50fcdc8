"""A duel over scripted replies: both sides at once, one may fail, nobody's speed shows."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backends.base import Prompt, Stop
from engine.backends.scripted import Script, ScriptedBackend
from engine.contestants import Adapter, Arm, Base, Contestant
from engine.cost import Price
from engine.duel import Answer, Failure, Side, paced, run_duel, seed_of
from engine.errors import BackendError
from engine.kit import Kit
from engine.named import Named
from engine.recipes import Recipe
from engine.request import Request

PRICE = Price(3.6, "test", "2026-01-01")
KIT = Kit.of(Base("b", "r", 512, 1), Recipe("house", "1", system="Rules."), Recipe("plain", "1"), Adapter("a", "1", "/x", "d"))
SEATS: dict[Side, Contestant] = {Side.LEFT: KIT.contestant(Arm.TUNED), Side.RIGHT: KIT.contestant(Arm.PROMPTED)}


def by_arm(tuned: Script, prompted: Script) -> ScriptedBackend:
    def script(prompt: Prompt) -> Script:
        return tuned if prompt.adapter else prompted

    return ScriptedBackend(script)


async def test_both_sides_run_at_once_and_are_accounted_for() -> None:
    heard: list[tuple[Side, str]] = []
    backend = by_arm(Script(("a ", "b"), 0.01), Script(("x ", "y ", "z"), 0.01))
    outcomes = await run_duel("id", Request.of("Hi"), SEATS, backend, PRICE, hear=lambda side, text: heard.append((side, text)))
    left, right = outcomes[Side.LEFT], outcomes[Side.RIGHT]
    assert isinstance(left, Answer) and isinstance(right, Answer)
    assert (left.text, right.text) == ("a b", "x y z")
    assert [side for side, _ in heard[:4]] != [Side.LEFT, Side.LEFT, Side.RIGHT, Side.RIGHT]
    assert right.cost.usd == pytest.approx(right.usage.busy_s * 3.6 / 3600)


async def test_both_sides_are_one_group_of_whoever_asked_and_two_duels_are_two() -> None:
    backend = by_arm(Script(("a",)), Script(("b",)))
    for owner in ("ann", "ann", "ben"):
        await run_duel("the same id", Request.of("Hi"), SEATS, backend, PRICE, owner=owner)
    assert [party.owner for party in backend.parties] == ["ann"] * 4 + ["ben"] * 2
    groups = [party.group for party in backend.parties]
    assert groups[::2] == groups[1::2] and len(set(groups)) == 3


async def test_two_versions_of_a_recipe_meet_like_any_two() -> None:
    """Both sides are prompted; each gets its own recipe's words."""
    kit = KIT.with_recipe(Recipe("house", "2", system="Other rules."))
    first, second = kit.pick(Named("house", "1")), kit.pick(Named("house", "2"))
    assert (first.arm, second.arm) == (Arm.PROMPTED, Arm.PROMPTED) and first.id != second.id
    backend = ScriptedBackend(lambda prompt: Script((prompt.messages[0].content,)))
    outcomes = await run_duel("id", Request.of("Hi"), {Side.LEFT: first, Side.RIGHT: second}, backend, PRICE)
    assert [each.text for each in outcomes.values() if isinstance(each, Answer)] == ["Rules.", "Other rules."]


async def test_one_failing_side_leaves_the_other_whole() -> None:
    backend = by_arm(Script(("half",), error=BackendError("server", "It broke.")), Script(("all of it",)))
    outcomes = await run_duel("id", Request.of("Hi"), SEATS, backend, PRICE)
    assert outcomes[Side.LEFT] == Failure("server", "It broke.")
    assert isinstance(outcomes[Side.RIGHT], Answer)


async def test_a_bug_in_one_side_stays_a_bug_and_leaves_nothing_running() -> None:
    def script(prompt: Prompt) -> Script:
        if prompt.adapter:
            raise ZeroDivisionError
        return Script(("x",) * 1000, 0.01)

    backend = ScriptedBackend(script)
    with pytest.raises(ZeroDivisionError):
        await run_duel("id", Request.of("Hi"), SEATS, backend, PRICE)
    await asyncio.sleep(0.05)
    assert backend.running == 0


async def test_stop_ends_both_sides_with_what_they_have() -> None:
    stop = Stop()
    backend = by_arm(Script(("a",) * 1000, 0.005), Script(("b",) * 1000, 0.005))
    outcomes = await run_duel("id", Request.of("Hi"), SEATS, backend, PRICE, stop=stop, hear=lambda _side, _text: stop.raise_())
    assert {outcome.finish for outcome in outcomes.values() if isinstance(outcome, Answer)} == {"stopped"}


async def test_the_time_limit_fails_the_slow_side_only() -> None:
    backend = by_arm(Script(("a",)), Script(("b",) * 1000, 0.01))
    outcomes = await run_duel("id", Request.of("Hi"), SEATS, backend, PRICE, limit_s=0.05)
    slow = outcomes[Side.RIGHT]
    assert isinstance(slow, Failure) and slow.kind == "timeout"
    assert isinstance(outcomes[Side.LEFT], Answer)


def test_a_seed_is_the_duel_s_and_the_place_s() -> None:
    assert len({seed_of(duel, side) for duel in ("a", "b") for side in Side}) == 4
    assert seed_of("a", "left") == seed_of("a", Side.LEFT)


@given(st.text(), st.text(), st.booleans(), st.booleans())
def test_the_slower_side_sets_the_pace(left: str, right: str, left_done: bool, right_done: bool) -> None:
    texts, done = {Side.LEFT: left, Side.RIGHT: right}, {Side.LEFT: left_done, Side.RIGHT: right_done}
    shown = paced(texts, done)
    assert all(texts[side].startswith(shown[side]) for side in Side)
    if all(done.values()):
        assert shown == texts
    for side in Side:
        if not done[side]:  # nothing beyond a running side's text is shown of anybody
            assert all(len(text) <= len(texts[side]) for text in shown.values())
