"""Any two contestants: picked by name, blind, counted as the pair that they are; and the two of which least is known."""

import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from bot.app import App
from bot.ballots import Choice
from bot.picks import Pick, Picked, PickedPair
from bot.views import DuelView
from engine.backends.base import Prompt
from engine.backends.scripted import Script
from engine.contestants import Arm
from engine.errors import BadRequest, DuelbotError, UnfairDuel
from tests.bot.scripted import HOUSE, ask, cast, is_tuned, scripted_app, until

PROMPTED, TUNED, PLAIN, COMBINED = (Picked(arm) for arm in (Arm.PROMPTED, Arm.TUNED, Arm.PLAIN, Arm.COMBINED))


def unlike(prompt: Prompt) -> Script:
    """Another answer for each contestant."""
    return Script((f"answer {zlib.crc32(repr((prompt.messages, is_tuned(prompt))).encode())}",))


async def met(app: App, pick: Pick, text: str = "Why?") -> DuelView:
    """The two that met on a request, which is voted on."""
    asked = await ask(app, text, asker="ann", pick=pick)
    view = await until(app, asked.id, "open", "closed")
    assert view.reveal is None and "plain" not in repr([view.sides, view.note])
    return await cast(app, view.id, "ann", Choice.LEFT)


def arms(view: DuelView) -> list[Arm]:
    assert view.reveal
    return [side.arm for side in view.reveal.sides.values()]


@pytest.mark.parametrize("picked", [(PLAIN, TUNED), (TUNED, PLAIN)])
async def test_who_was_picked_meets_and_the_evidence_is_the_same_whoever_was_named_first(tmp_path: Path, picked: PickedPair) -> None:
    async with scripted_app(tmp_path / "s", unlike) as (app, _):
        view = await met(app, Pick(pair=picked))
        assert arms(view) == [Arm.PLAIN, Arm.TUNED]
        [(first, second, duels)] = await app.judging.pairs()
        assert (first.arm, second.arm, duels) == (Arm.PLAIN, Arm.TUNED, 1)
        verdict = await app.judging.verdict((first, second))
        assert verdict.better == (1, 0)
        assert (await app.judging.verdict()).duels == 0  # of the pair that usually meets


async def test_a_saved_version_of_a_recipe_meets_the_usual_one(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", unlike) as (app, _):
        app.choices.hold(replace(HOUSE, version="2", system="You are the new house."))
        view = await met(app, Pick(pair=(PROMPTED, Picked(Arm.PROMPTED, recipe="house@2"))))
        assert view.reveal and {str(side.recipe) for side in view.reveal.sides.values()} == {"house 1", "house 2"}
        offered = await app.pairing.pickable()
        assert offered and offered.usual == (Arm.PROMPTED, Arm.TUNED) and {"house@1", "house@2"} <= {*offered.recipes}


@pytest.mark.parametrize(
    ("picked", "why", "kind"),
    [
        ((PLAIN, PLAIN), "would meet itself", BadRequest),
        ((Picked(Arm.PROMPTED, recipe="nobody's@1"), TUNED), "There is no recipe nobody's@1", BadRequest),
        ((PROMPTED, Picked(Arm.TUNED, adapter="nobody's@1")), "nobody's@1", DuelbotError),
        ((Picked(Arm.PLAIN, recipe="house@1"), TUNED), "has no place for house@1", BadRequest),
    ],
)
async def test_who_cannot_meet_is_refused_in_words(tmp_path: Path, picked: PickedPair, why: str, kind: type[Exception]) -> None:
    async with scripted_app(tmp_path / "s", unlike) as (app, _):
        with pytest.raises(kind, match=why):
            await ask(app, "Why?", asker="ann", pick=Pick(pair=picked))
        assert await app.looking.history() == []


async def test_recipes_that_draw_in_another_way_do_not_meet(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", unlike) as (app, _):
        app.choices.hold(replace(HOUSE, version="2", sampling=replace(HOUSE.sampling, max_new_tokens=7)))
        with pytest.raises(UnfairDuel):
            await ask(app, "Why?", asker="ann", pick=Pick(pair=(PROMPTED, Picked(Arm.PROMPTED, recipe="house@2"))))


async def test_a_surprise_is_the_pair_with_the_fewest_decided_duels(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", unlike) as (app, _):
        seen = set()
        for number in range(6):  # four contestants, each arm once
            view = await met(app, Pick(surprise=True), f"Request {number}")
            seen.add(frozenset(arms(view)))
        assert len(seen) == 6
