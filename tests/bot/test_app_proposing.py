"""Examples proposed from votes: winners alone, like what is asked, each like no other."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.app.proposing import proposed, proposed_rows
from bot.ballots import Choice
from bot.store import DuelRecord
from bot.store.duels import DuelRows
from engine.errors import BadRequest
from engine.recipes import Example, Recipe
from engine.rows import Row
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


def row(line: int, text: str, role: str = "train") -> Row:
    return Row(line, text, references=(f"Team: {line}",), line=line, role=role)


def test_rows_to_learn_from_are_proposed_like_what_is_asked() -> None:
    rows = [*(row(at, text) for at, text in enumerate(TEAPOTS, 1)), row(5, OTHERS[0], ""), row(6, OTHERS[1], "test")]
    found = proposed_rows(rows, (), ())
    assert (found.looked_at, found.asked, found.own) == (5, 5, False), "what is measured on is never looked at"
    assert found.rows[0].example.user in TEAPOTS and found.rows[0].like >= 4
    assert {one.example.user for one in found.rows} >= {OTHERS[0]} and OTHERS[1] not in {one.example.user for one in found.rows}
    late = [f"{OTHERS[0]} And {number} coats?" for number in range(20)]
    own = proposed_rows(rows, late, ())
    assert own.own and own.asked == 20 and own.rows[0].example == Example(OTHERS[0], "Team: 5")
    assert not proposed_rows([row(1, OTHERS[0])], (), (Example(OTHERS[0], "x"),)).rows
    with pytest.raises(BadRequest, match="No row of this file can be an example"):
        proposed_rows([row(1, OTHERS[0], "dev"), row(2, "x" * 3000)], (), ())


async def test_a_file_of_rows_is_read_and_what_is_none_is_told(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        found = await app.proposing.from_rows('{"request": "Is it late?", "answer": "delivery"}\n', Recipe("house", "1"), None)
        assert [each.example for each in found.rows] == [Example("Is it late?", "delivery")]
        with pytest.raises(BadRequest):
            await app.proposing.from_rows("\x00", Recipe("house", "1"), None)
