"""Copies of the store, made beside a running process and put back; logs that are not a store's own; a store killed while it is made."""

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.app.orders import Order
from bot.store import Store, opening
from bot.store.place import beside
from tests.bot.scripted import scripted_app, until
from tests.bot.test_main import ROOT, environment
from tests.bot.test_place import acknowledged, writing
from tests.bot.test_store import duel, look_inside, read_one, refusal, write_one
from tests.patience import patient

COUNT = "SELECT count(*) FROM conversations"


def call(*words: str | Path) -> int:
    return main([str(word) for word in words])


@pytest.mark.process
def test_a_backup_beside_a_running_process_holds_what_was_acknowledged_and_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, copy = tmp_path / "s", tmp_path / "copy"
    monkeypatch.setenv("DUEL_STORE_PATH", str(path))
    process = writing(path)
    assert process.stdout
    for _ in range(50):
        process.stdout.readline()
    assert call("backup", copy) == 0 and copy.stat().st_mode & 0o777 == 0o600
    [(held,)] = look_inside(copy, COUNT)
    assert isinstance(held, int) and held >= 50
    assert look_inside(copy, "PRAGMA integrity_check") == [("ok",)] and not any(left.exists() for left in beside(copy))
    assert call("restore", copy) == 2 and "Another Duelbot uses the store" in capsys.readouterr().err
    assert call("backup", copy) == 2 and "--over" in capsys.readouterr().err
    assert call("backup", path, "--over") == 2 and "the store itself" in capsys.readouterr().err
    assert call("backup", tmp_path / "no" / "copy") == 2 and "cannot be written" in capsys.readouterr().err
    log, more = path.with_name(f"{path.name}-wal"), 0
    salts = log.read_bytes()[16:24]  # https://www.sqlite.org/fileformat2.html#the_write_ahead_log
    while more < 100 or log.read_bytes()[16:24] in (salts, b""):  # until the log has been emptied and begun anew
        process.stdout.readline()
        more += 1
    told = 50 + more + acknowledged(process, 0)
    shutil.copy(copy, path)  # by hand, beside the log of the killed process
    assert "belongs to another file" in asyncio.run(refusal(path))
    assert call("export", "--out", tmp_path / "out") == 2 and "belongs to another file" in capsys.readouterr().err
    assert call("restore", copy) == 0 and f"What was there is now {path}.20" in capsys.readouterr().out
    asyncio.run(opened_and_closed(path))
    assert look_inside(path, COUNT) == [(held,)] and told > held
    assert call("backup", copy, "--over") == 0


def names_in(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


async def opened_and_closed(path: Path) -> None:
    await (await Store.open(path)).aclose()


@pytest.mark.process
def test_what_restore_replaces_keeps_its_last_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, copy = tmp_path / "s", tmp_path / "copy"
    monkeypatch.setenv("DUEL_STORE_PATH", str(path))
    asyncio.run(opened_and_closed(path))
    assert call("backup", copy) == 0
    told = acknowledged(writing(path), patient(0.3))
    assert call("restore", copy) == 0
    [kept] = [file for file in tmp_path.glob("s.20*") if not file.name.endswith(("-wal", "-shm"))]
    asyncio.run(opened_and_closed(path))
    assert look_inside(path, COUNT) == [(0,)]
    asyncio.run(opened_and_closed(kept))
    [(held,)] = look_inside(kept, COUNT)
    assert isinstance(held, int) and held >= told


@pytest.mark.parametrize("content", [b"", b"Dear reader", b"other"])
def test_what_is_no_copy_of_a_store_is_not_put_back(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, copy = tmp_path / "s", tmp_path / "copy"
    monkeypatch.setenv("DUEL_STORE_PATH", str(path))
    asyncio.run(opened_and_closed(path))
    before = path.read_bytes()
    assert call("restore", copy) == 2 and "There is no file" in capsys.readouterr().err
    if content == b"other":
        look_inside(copy, "CREATE TABLE songs (name TEXT)")
    else:
        copy.write_bytes(content * 1000)
    assert (call("restore", copy) == 2 and "of another program" in (said := capsys.readouterr().err)) or "not a Duelbot store" in said
    assert path.read_bytes() == before


@pytest.mark.parametrize("generations", [0, 3])
async def test_the_log_of_another_time_is_refused_and_its_own_is_used(tmp_path: Path, generations: int) -> None:
    """The same store, some emptied logs ago, as plainly copied while it was open."""
    path, old, log = tmp_path / "s", tmp_path / "old", tmp_path / "log"
    store = await Store.open(path)
    await write_one(store, duel())
    shutil.copy(path, old)
    for turn in range(2, 2 + generations):
        await store.leave_no_trace()
        await write_one(store, duel(f"d{turn}", turn=turn))
    for kept, name in ((path, "whole"), (beside(path)[0], "whole-wal"), (beside(path)[0], "old-wal")):
        shutil.copy(kept, tmp_path / name)
    await store.aclose()
    store = await Store.open(tmp_path / "whole")  # both copied together belong together
    assert await read_one(store) == duel()
    await store.aclose()
    if generations:
        before = old.read_bytes()
        assert "belongs to another file" in await refusal(old)
        assert old.read_bytes() == before
        beside(old)[0].rename(log)
    await (await Store.open(old)).aclose()
    assert look_inside(old, "SELECT count(*) FROM duels") == [(0 if generations else 1,)]


MAKER = """
import asyncio, itertools, os, sys
from pathlib import Path
from bot.store import Store

async def main(folder):
    print(os.getpid(), flush=True)
    for number in itertools.count():
        print(number, flush=True)
        await (await Store.open(Path(folder) / str(number) / "s")).aclose()

for folder in iter(sys.stdin.readline, ""):  # each in a process of its own, forked so that what is imported is imported once
    if not os.fork():
        asyncio.run(main(folder.strip()))
    os.wait()
    print("killed", flush=True)
"""


@pytest.mark.process
def test_a_store_killed_while_it_is_made_is_whole_or_not_there(tmp_path: Path) -> None:
    rng, met = random.Random(4), set()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", MAKER], env=environment(), cwd=ROOT, **pipes) as process:
        for attempt in range(12):
            met.add(killed_while_made(process, tmp_path / str(attempt), rng.uniform(0, 0.1)))
    print(met)


def killed_while_made(process: subprocess.Popen[str], folder: Path, after_s: float) -> bool:
    """Have stores made in a folder, kill who makes them, and look at the last one. Whether it was there."""
    assert process.stdin and process.stdout
    print(folder, file=process.stdin, flush=True)
    maker, numbers = int(process.stdout.readline()), [process.stdout.readline()]
    time.sleep(after_s)
    os.kill(maker, signal.SIGKILL)
    numbers += iter(process.stdout.readline, "killed\n")
    path = folder / numbers[-1].strip() / "s"
    if there := path.exists():
        assert look_inside(path, "SELECT count(*) FROM seals") == [(1,)]
    asyncio.run(opened_and_closed(path))
    assert {file.name for file in path.parent.iterdir()} == {"s", "s.lock"}
    return there


STOPPED = """
import asyncio, os, signal, sys
from pathlib import Path
from bot.store import Store, opening

def killed(*given):
    os.kill(os.getpid(), signal.SIGKILL)

match sys.argv[2]:
    case "in a migration":
        opening._stored_key = killed
        opening.migrations = lambda read=opening.migrations: [*read()[:4], read()[4] + ";SELECT request_key('', '', '');"]
    case "before it has its name":
        Path.replace = killed
    case "right after":
        opening.sync_folder = killed
asyncio.run(Store.open(Path(sys.argv[1])))
"""


@pytest.mark.parametrize("moment", ["in a migration", "before it has its name", "right after"])
def test_a_store_killed_at_any_step_of_its_making_is_whole_or_not_there(moment: str, tmp_path: Path) -> None:
    path = tmp_path / "s"
    done = subprocess.run([sys.executable, "-c", STOPPED, str(path), moment], env=environment(), cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    left = names_in(tmp_path)
    assert path.exists() == (moment == "right after") and left > {"s.lock"}
    if moment == "right after":
        assert left == {"s", "s.lock"} and look_inside(path, "SELECT count(*) FROM seals") == [(1,)]
    asyncio.run(opened_and_closed(path))
    assert names_in(tmp_path) == {"s", "s.lock"}


@pytest.mark.parametrize("missing", ["all", "one in the middle"])
async def test_an_installation_without_its_sql_makes_no_store_and_says_so(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql = shutil.copytree(opening.MIGRATIONS, tmp_path / "migrations")
    for file in sql.glob("*.sql") if missing == "all" else sql.glob("0003_*"):
        file.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(opening, "MIGRATIONS", sql)
        words = await refusal(tmp_path / "new" / "s")
        assert words == f"This installation of Duelbot is not whole: SQL files are missing in {sql}. Install it again."
    assert names_in(tmp_path / "new") == {"s.lock"}
    await opened_and_closed(tmp_path / "new" / "s")


async def test_a_migration_that_fails_leaves_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a bug, and stays one; but the store is none."""
    with monkeypatch.context() as patch:
        patch.setattr(opening, "migrations", lambda read=opening.migrations: [*read(), "CREATE TABLE more (x); SELECT nothing"])
        with pytest.raises(sqlite3.OperationalError, match="nothing"):
            await Store.open(tmp_path / "s")
    assert names_in(tmp_path) == {"s.lock"}
    await opened_and_closed(tmp_path / "s")


def test_a_disk_that_fills_up_while_a_store_is_made_leaves_none(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: SQLite is told of both by its writes."""
    program = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))\n" + STOPPED
    command = [sys.executable, "-c", program, str(tmp_path / "s"), "never"]
    done = subprocess.run(command, env=environment(), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "StoreError: The disk" in done.stderr.splitlines()[-1]
    assert names_in(tmp_path) == {"s.lock"}
    asyncio.run(opened_and_closed(tmp_path / "s"))


async def test_a_forgotten_text_is_in_none_of_the_files(tmp_path: Path) -> None:
    secret = "the quick brown secret"
    async with scripted_app(tmp_path / "s") as (app, _):
        for number in range(9):  # short ones, and some that fill pages of their own
            text = f"{secret} {number} " * (1 + number % 3 * 250)
            view = (await app.asking.ask(Order(text, "ann", f"message:{number}", "red", "c"))).view
            await until(app, view.id, "open")
        assert held(tmp_path, secret)
        await app.remembering.forget("ann")
        assert not held(tmp_path, secret)


def held(folder: Path, text: str) -> bool:
    """Looked at by another process: a file that this one opened and closed would lose the store's locks."""
    found = subprocess.run(["grep", "-rqa", text, str(folder)], check=False)
    return found.returncode == 0
