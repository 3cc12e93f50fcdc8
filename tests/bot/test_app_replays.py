"""What happens while nobody waits: replays alone, that yield to people; who went live when; and an arm against itself."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.app import App
from bot.app import replays as engine_at_rest
from bot.ballots import Choice
from bot.evidence.decision import State
from bot.settings import Settings
from bot.store.contestants import ContestantRows
from bot.tools.selfcheck import run_aa
from bot.verdict import Verdict
from engine.backends.base import Prompt
from engine.backends.scripted import Script, ScriptedBackend
from engine.contestants import Arm
from engine.lineup import Lineup
from tests.bot.scripted import answered, cast, is_tuned, lineup_over, two_answers
from tests.patience import patient


def opened(path: Path, backend: ScriptedBackend, **names: Any) -> Any:
    async def open_lineup() -> Lineup:
        return lineup_over(backend)

    return App.open(Settings.of(store_path=str(path), **names), open_lineup)


async def replays(app: App) -> list[tuple[str, str, int]]:
    async with app.core.store.reading() as look:
        rows = await look.rows("SELECT duel, arm, first FROM replays JOIN contestants ON id = contestant ORDER BY replayed_at, duel, arm")
    return [(row["duel"], row["arm"], row["first"]) for row in rows]


async def until_replayed(app: App, count: int) -> list[tuple[str, str, int]]:
    for _ in range(300):
        if len(found := await replays(app)) >= count:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"only {len(found)} replays")


async def test_past_requests_are_replayed_alone_in_alternating_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_at_rest, "RETRY_S", 0.05)
    backend = ScriptedBackend(two_answers)
    async with opened(tmp_path / "s", backend, replays_idle_s=0.15, replays_most=3) as app:
        await app.model_settled()
        views = [await answered(app, f"Question {n}?") for n in range(4)]
        assert len(backend.prompts) == 8
        found = await until_replayed(app, 6)
        assert [duel for duel, *_ in found[::2]] == [view.id for view in reversed(views)][:3]  # the latest first, three at most
        assert {(arm, place) for _, arm, first in found for place in [first]} == {
            ("prompted", 0),
            ("prompted", 1),
            ("tuned", 0),
            ("tuned", 1),
        }
        await asyncio.sleep(0.3)
        assert len(await replays(app)) == 6 and len(backend.prompts) == 8 + 2 + 6  # one warm-up, then no more than was allowed
        assert backend.prompts[8].messages[-1].content == "Question 3?" and backend.prompts[8].seed in (p.seed for p in backend.prompts[:8])
        await cast(app, views[0].id, "ann", Choice.LEFT)
        found_verdict = await app.judging.verdict()
        assert isinstance(found_verdict, Verdict)
        assert [line.condition for line in found_verdict.latency] == ["as served"] * 2 + ["alone"] * 2
        assert found_verdict.alone.total_s == (pytest.approx((0.003,) * 3), pytest.approx((0.006,) * 3))


async def test_a_replay_yields_to_a_person_within_a_step_and_off_means_off(tmp_path: Path) -> None:
    slow = {"on": False}

    def script(prompt: Prompt) -> Script:
        return Script(("word ",) * 500, 0.01) if slow["on"] else Script((str(is_tuned(prompt)),))

    backend = ScriptedBackend(script)
    async with opened(tmp_path / "s", backend, replays_idle_s=0.05) as app:
        await app.model_settled()
        await answered(app)
        slow["on"] = True
        while len(backend.prompts) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        slow["on"] = False
        assert backend.running == 1  # a replay of five seconds is under way
        await asyncio.wait_for(answered(app, "Now me"), patient(1))
        await asyncio.sleep(0.03)
        assert await replays(app) == []
    async with opened(tmp_path / "s", backend, replays_idle_s=0.01, replays=False) as app:
        await app.model_settled()
        before = len(backend.prompts)
        await asyncio.sleep(0.1)
        assert len(backend.prompts) == before


async def test_who_went_live_is_noted_once_with_the_time_from_the_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where the adapter's folder is not
    recipe = tmp_path / "mine.toml"
    recipe.write_text("")
    edited = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    os.utime(recipe, (edited, edited))
    for _ in range(2):
        async with opened(tmp_path / "s", ScriptedBackend(two_answers), recipe=str(recipe)) as app:
            await app.model_settled()
            await asyncio.sleep(0.05)
            async with app.core.store.reading() as look:
                lives = {life.arm: life for life in await ContestantRows(look).lives()}
    assert lives[Arm.PROMPTED].ready_at == datetime(2026, 1, 1, tzinfo=UTC) and lives[Arm.PROMPTED].took_s > 0
    assert lives[Arm.TUNED].took_s == 0  # its folder is not there, so nothing is claimed


def copies(pieces: tuple[str, ...]) -> ScriptedBackend:
    turn = iter(range(10**6))
    return ScriptedBackend(lambda prompt: Script((pieces[next(turn) % len(pieces)],)))


@pytest.mark.parametrize("pieces", [("the same",), ("one", "two words", "three", "a fourth one")])
async def test_an_arm_against_itself_comes_out_as_no_difference(tmp_path: Path, pieces: tuple[str, ...]) -> None:
    backend = copies(pieces)

    async def open_lineup() -> Lineup:
        lineup = lineup_over(backend)
        return Lineup(lineup.backend, lineup.kit, lineup.price, (Arm.PROMPTED, Arm.PROMPTED))

    table = await run_aa(Settings.of(store_path=str(tmp_path / "unused")), 40, lambda line: None, open_lineup)
    assert table["passed"] and table["requests"] == table["duels"] == 40 and table["ballots"] == 120, "each request is evidence of its own"
    assert table["state"] in (State.EQUAL, State.COLLECT)
    assert table["low"] <= 0.6 and table["high"] >= 0.4, "its interval misses one half by chance in a run of twenty, and by little"
    assert not (tmp_path / "unused").exists()
