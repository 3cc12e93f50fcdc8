"""The store's files are moved, deleted or replaced while it is open: nothing is acknowledged that a restart would not find."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.ballots import Choice
from bot.errors import StoreError
from bot.store import Store
from bot.store.place import beside, lock_of
from tests.bot.scripted import answered, ask, cast, close, scripted_app
from tests.bot.test_main import ROOT, environment
from tests.bot.test_store import duel, look_inside, read_one, refusal, write_one

REQUESTS = "SELECT request FROM duels ORDER BY turn"


async def test_a_moved_store_takes_nothing_until_it_is_put_back_and_keeps_what_it_took(tmp_path: Path) -> None:
    path, away = tmp_path / "s", tmp_path / "elsewhere"
    store = await Store.open(path)
    await write_one(store, duel())
    path.rename(away)
    for _ in range(2):
        with pytest.raises(StoreError, match=f"The store {path} was moved to {away} while Duelbot uses it. Nothing was changed"):
            await write_one(store, duel("d2", turn=2))
    assert await read_one(store) == duel()  # what is open can be read
    assert look_inside(away, REQUESTS) == [("Hello?",)]  # also without the log, which stayed behind
    away.rename(path)
    await write_one(store, duel("d2", turn=2))
    await store.aclose()
    store = await Store.open(path)
    assert [await read_one(store, name) for name in ("d1", "d2")] == [duel(), duel("d2", turn=2)]
    await store.aclose()


def rename_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("renamed"))


def replace_by_a_copy(path: Path) -> None:
    other = path.with_name("copy")
    shutil.copy(path, other)
    other.replace(path)


def write_over(path: Path) -> None:
    shutil.copy(path.with_name("earlier"), path)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (lambda path: path.unlink(), "was deleted .* What was kept is in .*s.rescued now"),
        (lambda path: shutil.rmtree(path.parent), "was deleted .* Put a backup back"),
        (rename_folder, "was moved to .*renamed/s"),
        (replace_by_a_copy, "was replaced by another file .* What was kept is in .*s.rescued now"),
        (
            lambda path: (path.rename(path.with_name("old")), path.touch()),
            "leads to another file now .*folder/old. .* put the open one back",
        ),
        (write_over, "was written over by another program"),
        (lambda path: beside(path)[0].unlink(), "s-wal, a part of the open store, was moved or deleted.* what was kept is in"),
        (lambda path: beside(path)[1].unlink(), "s-shm, a part of the open store"),
        (lambda path: lock_of(path).unlink(), "s.lock, a part of the open store"),
    ],
)
async def test_whatever_happens_to_the_files_is_said_before_anything_is_acknowledged(
    tmp_path: Path, what: Callable[[Path], object], words: str
) -> None:
    path = tmp_path / "folder" / "s"
    store = await Store.open(path)
    await store.aclose()
    shutil.copy(path, path.with_name("earlier"))
    store = await Store.open(path)
    await write_one(store, duel())
    what(path)
    for _ in range(2):
        with pytest.raises(StoreError, match=words) as refused:
            await write_one(store, duel("d2", turn=2))
        assert str(refused.value).endswith(".") and "\n" not in str(refused.value)
    await store.aclose()


async def test_a_link_that_leads_elsewhere_is_noticed(tmp_path: Path) -> None:
    link, one, other = tmp_path / "link", tmp_path / "one", tmp_path / "other"
    for path in (one, other):
        await (await Store.open(path)).aclose()
    link.symlink_to(one)
    store = await Store.open(link)
    link.unlink()
    link.symlink_to(other)
    with pytest.raises(StoreError, match=f"{link} leads to another file now than to the store that Duelbot has open, {one}"):
        await write_one(store, duel())
    link.unlink()
    link.symlink_to(one)
    await write_one(store, duel())
    await store.aclose()


async def test_what_a_deleted_store_held_is_in_a_file_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "s"
    store = await Store.open(path)
    await write_one(store, duel())
    path.unlink()
    with pytest.raises(StoreError, match=r"s\.rescued"):
        await write_one(store, duel("d2", turn=2))
    await store.aclose()
    path.with_name("s.rescued").rename(path)
    store = await Store.open(path)
    assert await read_one(store) == duel()
    await write_one(store, duel("d2", turn=2))
    await store.aclose()


async def test_a_store_moved_and_closed_without_another_change_holds_all_that_was_kept(tmp_path: Path) -> None:
    path, away = tmp_path / "s", tmp_path / "elsewhere"
    store = await Store.open(path)
    await write_one(store, duel())
    path.rename(away)
    await store.aclose()
    assert look_inside(away, REQUESTS) == [("Hello?",)]


async def test_a_log_that_is_not_the_stores_own_is_neither_used_nor_lost_when_a_written_over_store_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    await (await Store.open(path)).aclose()
    shutil.copy(path, earlier := tmp_path / "earlier")
    store = await Store.open(path)
    await write_one(store, duel())
    shutil.copy(earlier, path)
    await store.aclose()
    assert path.read_bytes() == earlier.read_bytes()
    assert "belongs to another file" in await refusal(path)
    for left in beside(path):
        left.unlink()
    await (await Store.open(path)).aclose()


async def test_another_program_may_write_and_empty_the_log_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "s"
    store = await Store.open(path)
    await write_one(store, duel())
    look_inside(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    await write_one(store, duel("d2", turn=2))
    look_inside(path, "UPDATE duels SET request = 'changed' WHERE id = 'd1'")
    look_inside(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    look_inside(path, "UPDATE duels SET request = 'again' WHERE id = 'd1'")
    await write_one(store, duel("d3", turn=3))
    await store.aclose()
    assert look_inside(path, REQUESTS) == [("again",), ("Hello?",), ("Hello?",)]


async def test_every_way_to_vote_says_the_same_sentence(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await answered(app, "first", quorum=2)
        (tmp_path / "s").rename(tmp_path / "away")
        said = set()
        for change in (
            lambda: cast(app, view.id, "ann", Choice.LEFT),
            lambda: close(app, view.id),
            lambda: ask(app, "second", asker="ann"),
        ):
            with pytest.raises(StoreError) as refused:
                await change()
            said.add(str(refused.value))
        assert len(said) == 1
        (tmp_path / "away").rename(tmp_path / "s")
        await cast(app, view.id, "ann", Choice.LEFT)
    async with scripted_app(tmp_path / "s") as (app, _):
        assert [each.request for each in await app.looking.history()] == ["first"]
        assert (await app.looking.view(view.id, "ann")).ballots == 1


WRITER = """
import asyncio, sys
from pathlib import Path
from tests.bot.test_store import NOW
from bot.store import Store, store as module
from bot.store.conversations import ConversationRows

async def main():
    module.LOG_BYTES = int(sys.argv[2])
    store = await Store.open(Path(sys.argv[1]))
    for number in range(1_000_000):
        async with store.writing() as change:
            await ConversationRows(change).start(f"{number:07}", NOW)
        print(number, flush=True)

asyncio.run(main())
"""


def writing(path: Path, log_bytes: int = 100_000) -> "subprocess.Popen[str]":
    """A process that writes without an end, and says what was acknowledged."""
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(log_bytes)], env=environment(), cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def acknowledged(process: "subprocess.Popen[str]", after_s: float) -> int:
    """Kill it after so many seconds from its first word; how many changes it has acknowledged."""
    assert process.stdout
    lines = [process.stdout.readline()]
    time.sleep(after_s)
    os.kill(process.pid, signal.SIGKILL)
    lines += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    return len(lines)


@pytest.mark.process
async def test_a_killed_process_whose_store_was_moved_leaves_its_log_to_nobody_else(tmp_path: Path) -> None:
    path, away = tmp_path / "s", tmp_path / "away"
    process = writing(path)
    assert process.stdout and process.stdout.readline()
    os.kill(process.pid, signal.SIGSTOP)
    path.rename(away)
    os.kill(process.pid, signal.SIGKILL)
    count = 1 + len(process.stdout.readlines())
    process.wait()
    process.stdout.close()
    assert "holds the last changes of one that was there" in await refusal(path)
    away.rename(path)
    await (await Store.open(path)).aclose()
    [(kept,)] = look_inside(path, "SELECT count(*) FROM conversations")
    assert isinstance(kept, int) and kept in (count, count + 1)  # the last one may have been kept and not told


@pytest.mark.process
def test_what_was_acknowledged_is_kept_when_the_log_is_emptied_all_the_time(tmp_path: Path) -> None:
    told = acknowledged(writing(tmp_path / "s", log_bytes=30_000), after_s=1.0)
    [(kept,)] = look_inside(tmp_path / "s", "SELECT count(*) FROM conversations")
    assert isinstance(kept, int) and told <= kept <= told + 1 and told > 30
