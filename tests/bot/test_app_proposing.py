"""Examples proposed from votes: winners alone, like what is asked, each like no other."""

from dataclasses import replace
from pathlib import Path

from bot.app.proposing import proposed
from bot.ballots import Choice
from bot.store import DuelRecord
from bot.store.duels import DuelRows
from engine.recipes import Example, Recipe
from tests.bot.scripted import answered, cast, scripted_app

TEAPOTS = [f"The {colour} teapot arrived without its lid, order 5287{at}" for at, colour in enumerate(("blue", "red", "green", "black"))]
OTHERS = ["How long does glue take to dry?", "Do you ship to Norway in winter?"]


async def test_winners_are_proposed_by_likeness_and_one_of_a_kind_first(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        for at, asked in enumerate((*OTHERS, *TEAPOTS)):
            await cast(app, (await answered(app, asked)).id, "ann", Choice.LEFT if at % 2 else Choice.RIGHT)
        await cast(app, (await answered(app, "Nobody liked either of these answers")).id, "ann", Choice.BOTH_BAD)
        found = await app.proposing.examples(Recipe("house", "1"), None)
        assert found[0].example.user in TEAPOTS and found[0].like >= 4 and {one.votes for one in found} == {1}
        assert {one.example.user for one in found} >= set(OTHERS)
        assert all(one.example.assistant == f"{one.arm} says {'hi' if one.arm == 'prompted' else 'hello'}" for one in found)
        there = Recipe("house", "1", examples=(Example(OTHERS[0].upper(), "x"),))
        assert OTHERS[0] not in {one.example.user for one in await app.proposing.examples(there, None)}
        async with app.core.store.reading() as look:
            duels = await DuelRows(look).matching("state = 'closed'", ())
        assert len(proposed(duels, (), most=2)) == 2 and proposed([], ()) == ()
        assert proposed([by_hand(duel) for duel in duels], ()) == ()


def by_hand(duel: DuelRecord) -> DuelRecord:
    """Closed by somebody who could look at the result first."""
    return replace(duel, closed_by="hand")
