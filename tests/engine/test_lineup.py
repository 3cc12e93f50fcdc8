"""A line-up that runs: adapters come and go, and any two of them meet."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.contestants import Arm, Contestant
from engine.cost import Price
from engine.duel import Answer, Side, run_duel
from engine.errors import BadAdapter
from engine.lineup import Lineup, open_lineup, with_adapter
from engine.request import Request
from engine.settings import EngineSettings
from tests.engine import tiny

PRICE = Price(None, "", "")


async def texts(lineup: Lineup, first: Contestant, second: Contestant) -> list[str]:
    """What two contestants say when they meet, and what each says alone, which is the same."""
    together = await run_duel("id", Request.of("hello"), {Side.LEFT: first, Side.RIGHT: second}, lineup.backend, PRICE)
    said = []
    for side, contestant in ((Side.LEFT, first), (Side.RIGHT, second)):
        alone = await run_duel("id", Request.of("hello"), {side: contestant}, lineup.backend, PRICE)
        answer, other = together[side], alone[side]
        assert isinstance(answer, Answer) and isinstance(other, Answer) and answer.text == other.text
        said.append(answer.text)
    return said


async def test_an_adapter_that_comes_while_it_runs_meets_the_one_that_was_there(tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path / "base")
    folders = [tiny.save_adapter(tmp_path / f"adapter {seed}", base, seed) for seed in (1, 2)]
    lineup = await open_lineup(EngineSettings(base_model=str(base), adapter=str(folders[0]), threads=1))
    try:
        more = await with_adapter(lineup, folders[1])
        [old, new] = more.kit.adapters
        assert lineup.kit.adapters.keys() == {old} and more.entrants == lineup.entrants
        first, second = (more.kit.pick(more.kit.plain.named, name) for name in (old, new))
        assert first.arm is second.arm is Arm.TUNED and first == more.kit.contestant(Arm.TUNED)
        said = await texts(more, first, second)
        assert said[0] != said[1]
        fewer = replace(more, kit=more.kit.without_adapter(old))
        assert set(fewer.kit.adapters) == {new}
        with pytest.raises(BadAdapter, match="DUEL_ADAPTER"):
            fewer.kit.contestant(Arm.TUNED)
        dead = tiny.save_adapter(tmp_path / "dead", base, dead=True)
        with pytest.raises(BadAdapter, match="is dead"):
            await with_adapter(more, dead)
        assert await texts(more, first, second) == said
    finally:
        await lineup.backend.aclose()
