"""Power cuts, full disks, restarts: what people were told to be kept is kept."""

import asyncio
import signal
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from bot.app import App, running
from bot.ballots import Choice
from bot.errors import StoreError
from bot.settings import Settings
from engine.backends.base import Prompt
from engine.backends.scripted import Script, ScriptedBackend
from engine.duel import Side
from engine.errors import DuelbotError
from engine.lineup import Lineup
from tests.bot.scripted import answered, ask, cast, is_tuned, lineup_over, scripted_app, two_answers, until
from tests.patience import patient

ROOT = Path(__file__).parents[2]
SLOW = ("word ",) * 1000

VOTES_THEN_WAITS = """
import asyncio, sys
from pathlib import Path
from bot.ballots import Choice
from tests.bot.scripted import answered, ask, cast, scripted_app
from engine.backends.scripted import Script

def script(prompt):
    slow = prompt.messages[-1].content == "slow"
    return Script(("word ",) * 1000 if slow else (str(prompt.adapter),), 0.01)

async def main():
    async with scripted_app(Path(sys.argv[1]), script) as (app, backend):
        team = await answered(app, quorum=3)
        alone = await answered(app)
        running = await ask(app, "slow", asker="ann")
        await cast(app, team.id, "ann", Choice.LEFT)
        await cast(app, team.id, "ann", Choice.BOTH_BAD)
        await cast(app, alone.id, "ann", Choice.RIGHT)
        print(team.id, alone.id, running.id, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def allow_pages(app: App, pages: int) -> None:
    """Let the store's file grow to so many pages and no more: SQLite then reports a full disk, as it does for a real one."""
    async with app.core.store.reading() as look:
        await look.rows(f"PRAGMA max_page_count = {pages}")


async def fill_the_disk(app: App) -> None:
    async with app.core.store.reading() as look:
        [row] = await look.rows("PRAGMA page_count")
    await allow_pages(app, row[0])


@pytest.mark.process
async def test_a_kill_after_an_acknowledged_ballot_loses_nothing(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", VOTES_THEN_WAITS, str(tmp_path / "s"), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        assert process.stdout
        team, alone, running = (await process.stdout.readline()).decode().split()
        with pytest.raises(StoreError, match="Another Duelbot uses the store"):
            async with scripted_app(tmp_path / "s"):
                pass
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    async with scripted_app(tmp_path / "s") as (app, _):
        seen = await app.looking.view(team, "ann")
        assert (seen.state, seen.ballots, seen.own_choice) == ("open", 1, Choice.BOTH_BAD)
        closed = await app.looking.view(alone, "ann")
        assert closed.state == "closed" and closed.own_choice is Choice.RIGHT and closed.reveal and closed.carried is Side.RIGHT
        died = await app.looking.view(running, "ann")
        assert died.state == "void" and died.note == "Duelbot stopped while this was being answered. Ask it again."
        assert (await ask(app, "And now?", asker="ann", conversation=died.conversation)).turn == 2


async def test_leaving_in_mid_answer_keeps_what_was_written_and_lets_all_watchers_go(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", lambda prompt: Script(SLOW, 0.005)) as (app, backend):
        still_open = asyncio.create_task(_follow(app, (await ask(app, "Hello?", asker="ann")).id))
        asked = await ask(app, "Hello?", asker="ann")
        async with aclosing(app.looking.watch(asked.id, "ann")) as views:
            async for view in views:
                if len(view.sides[Side.LEFT].text) > 20:
                    break
    assert backend.running == 0
    assert await asyncio.wait_for(still_open, patient(5)) == "void"
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await app.looking.view(asked.id, "ann")
        assert view.state == "void" and view.note.startswith("Duelbot was stopped while this was being answered. Ask it again.")
        assert all(shown.text.startswith("word word") for shown in view.sides.values())


async def _follow(app: App, duel_id: str) -> str:
    async with aclosing(app.looking.watch(duel_id, "bob")) as views:
        async for view in views:
            state = view.state
    return state


async def test_a_watcher_of_an_open_vote_ends_when_the_app_is_left(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await answered(app)
        following = asyncio.create_task(_follow(app, view.id))
        await asyncio.sleep(0.02)
    assert await asyncio.wait_for(following, patient(5)) == "open"


async def test_nothing_new_is_taken_while_the_app_is_left(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, backend):
        view = await answered(app)
        asking = asyncio.create_task(ask(app, "Hello?", asker="ann"))
        await asyncio.sleep(0)  # it has begun: it is stored, started and stopped in order
    assert (await asking).state == "waiting" and backend.running == 0
    for late in (ask(app, "Hello?", asker="ann"), cast(app, view.id, "ann", Choice.TIE)):
        with pytest.raises(DuelbotError, match="being stopped"):
            await late
    async with scripted_app(tmp_path / "s") as (app, _):
        assert [line.state for line in await app.looking.history()] == ["void", "open"]


async def test_leaving_while_the_model_loads_ends_the_loading(tmp_path: Path) -> None:
    ended = []

    async def open_lineup() -> Lineup:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)
        raise AssertionError

    async with App.open(Settings.of(store_path=str(tmp_path / "s")), open_lineup) as app:
        asked = await ask(app, "Hello?", asker="ann")
        await asyncio.sleep(0.01)
    assert ended
    async with scripted_app(tmp_path / "s") as (app, _):
        assert (await app.looking.view(asked.id, "ann")).state == "void"


async def test_the_model_is_closed_when_the_app_is_left_even_by_an_error(tmp_path: Path) -> None:
    closed = []

    class Closing(ScriptedBackend):
        async def aclose(self) -> None:
            closed.append(True)

    async def open_lineup() -> Lineup:
        return lineup_over(Closing(two_answers))

    with pytest.raises(RuntimeError, match="of a front"):
        async with App.open(Settings.of(store_path=str(tmp_path / "s")), open_lineup) as app:
            await app.model_settled()
            raise RuntimeError("of a front")
    assert closed == [True]
    async with scripted_app(tmp_path / "s") as (app, _):  # and the store was let go
        assert await app.looking.history() == []


async def test_a_full_disk_refuses_the_ballot_in_words_and_takes_it_when_there_is_room(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await answered(app, quorum=9999)
        await fill_the_disk(app)
        kept = 0
        with pytest.raises(StoreError, match=r"disk is full.*Nothing was changed"):
            while True:  # a ballot is small: the room in the last page comes first
                await cast(app, view.id, f"voter {kept:0200}", Choice.LEFT)
                kept += 1
        refused = f"voter {kept:0200}"
        assert (await app.looking.view(view.id, refused)).ballots == kept
        with pytest.raises(StoreError):
            await cast(app, view.id, refused, Choice.LEFT)
        await allow_pages(app, 10_000)
        assert (await cast(app, view.id, refused, Choice.LEFT)).ballots == kept + 1
    async with scripted_app(tmp_path / "s") as (app, _):
        assert (await app.looking.view(view.id, refused)).own_choice is Choice.LEFT


async def test_a_full_disk_refuses_a_request_in_words_and_starts_nothing(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, backend):
        await answered(app)
        await fill_the_disk(app)
        with pytest.raises(StoreError, match="disk is full"):
            await ask(app, "x" * 19_000, asker="ann")
        assert len(backend.prompts) == 2 and len(await app.looking.history()) == 1
        await allow_pages(app, 10_000)
        assert (await answered(app, "x" * 19_000)).state == "open"


async def test_answers_that_the_disk_refuses_are_kept_and_shown_as_open_only_when_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "RETRY_S", 0.02)
    ready = asyncio.Event()

    def script(prompt: Prompt) -> Script:
        return Script(("long answer " * 1000, str(is_tuned(prompt))), 0.05)

    async with scripted_app(tmp_path / "s", script) as (app, _):
        asked = await ask(app, "Hello?", asker="ann")
        await fill_the_disk(app)
        async with aclosing(app.looking.watch(asked.id, "ann")) as views:
            async for view in views:
                if "disk is full" in view.note and not ready.is_set():
                    assert view.state == "answering" and view.sides[Side.LEFT].text.startswith("long answer")
                    ready.set()
                    await allow_pages(app, 10_000)
                if view.state == "open":
                    break
        assert ready.is_set() and view.note == "" and view.sides[Side.RIGHT].text.endswith("True")
        assert (await cast(app, asked.id, "ann", Choice.LEFT)).state == "closed"


async def test_a_cancelled_front_leaves_the_store_in_order(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await answered(app, quorum=99)
        for number in range(30):
            casting = asyncio.create_task(cast(app, view.id, f"voter {number}", Choice.TIE))
            for _ in range(number % 10):
                await asyncio.sleep(0)
            casting.cancel()
            await asyncio.gather(casting, return_exceptions=True)
        before = (await app.looking.view(view.id, "ann")).ballots
        assert (await cast(app, view.id, "ann", Choice.LEFT)).ballots == before + 1


async def test_a_cancelled_ask_after_its_storing_leaves_no_duel_that_answers_for_ever(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        for steps in range(40):
            asking = asyncio.create_task(ask(app, "Hello?", asker="ann"))
            for _ in range(steps):
                await asyncio.sleep(0)
            if steps % 2:
                await asyncio.sleep(0.001)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        for line in await app.looking.history():
            assert (await asyncio.wait_for(until(app, line.id, "open", "void"), patient(5))).state in ("open", "void")


async def test_leaving_waits_no_second_time_for_a_duel_that_was_stopped_and_does_not_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.app.running.GRACE_S", 3600.0)
    async with asyncio.timeout(patient(30)):
        async with scripted_app(tmp_path / "duels.sqlite3", lambda _: Script(("once ", "upon "), pause_s=3600.0)) as (app, _):
            asked = await ask(app, "hello", asker="ann")
            progress = app.core.running.progress(asked.id)
            assert progress is not None
            progress.halt("a front stopped it")
            progress.halted_at -= 3600.0
        async with scripted_app(tmp_path / "duels.sqlite3") as (app, _):
            assert (await app.looking.view(asked.id, "ann")).state == "void"
