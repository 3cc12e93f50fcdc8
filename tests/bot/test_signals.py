"""Signals, and what a system without some of them is like: Windows has no SIGHUP, no fcntl, and an event loop that hears no signals."""

import asyncio
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.signals import END, gone, hear, hear_close, terminals, there_are
from tests.patience import patient
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
HEARS = "import runpy, signal; signal.signal(signal.SIGHUP, signal.SIG_DFL); runpy.run_module('bot', run_name='__main__', alter_sys=True)"


class Deaf(asyncio.SelectorEventLoop):
    """An event loop as Windows has it."""

    def add_signal_handler(self, *_: object) -> None:  # type: ignore[override]
        raise NotImplementedError

    def add_reader(self, fd: int, callback: object, *args: object) -> None:  # type: ignore[override]
        if args or not hasattr(callback, "__code__"):  # the loop's own, which wakes it
            return super().add_reader(fd, callback, *args)  # type: ignore[arg-type]
        raise NotImplementedError


@pytest.mark.parametrize("loop", [asyncio.SelectorEventLoop, Deaf])
def test_a_signal_is_heard_and_what_was_before_is_put_back(loop: type[asyncio.SelectorEventLoop]) -> None:
    async def work() -> None:
        heard = asyncio.Event()
        undo = hear([signal.SIGUSR1], heard.set)
        os.kill(os.getpid(), signal.SIGUSR1)
        async with asyncio.timeout(patient(5)):
            await heard.wait()
        undo()

    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(work())
        assert signal.getsignal(signal.SIGUSR1) in (signal.SIG_IGN, signal.SIG_DFL)
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("loop", [asyncio.SelectorEventLoop, Deaf])
def test_the_end_of_a_stream_is_heard(loop: type[asyncio.SelectorEventLoop]) -> None:
    async def work() -> None:
        ours, theirs = os.pipe()
        heard = asyncio.Event()
        undo = hear_close(ours, heard.set)
        os.write(theirs, b"not the end")
        await asyncio.sleep(0.05)
        assert not heard.is_set()
        os.close(theirs)
        async with asyncio.timeout(patient(5)):
            await heard.wait()
        undo()
        os.close(ours)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(work())


def test_only_signals_that_there_are_and_that_are_not_switched_off_are_listed() -> None:
    assert there_are(["SIGBREAK", "SIGNONE"]) == ()
    before = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    try:
        assert there_are(["SIGUSR2", *END]) == (signal.SIGTERM, signal.SIGINT)
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_a_terminal_that_has_gone_is_told_from_one_that_is_there() -> None:
    ours, theirs = pty.openpty()
    assert os.isatty(theirs) and not gone([theirs])
    os.close(ours)
    assert gone([theirs]) and not gone([])
    os.close(theirs)
    assert set(terminals()) <= {0, 1, 2}


WINDOWS = """
import asyncio, os, signal, sys, types
import aiohttp, ssl, aiosqlite, platformdirs, pydantic, dotenv, prometheus_client, numpy, scipy.stats  # they know where they are

sys.path.insert(0, {root!r})
del signal.SIGHUP, signal.SIGKILL, os.pread, os.setpriority, os.setpgid, os.nice
sys.modules["fcntl"] = sys.modules["resource"] = sys.modules["termios"] = sys.modules["pwd"] = sys.modules["grp"] = None
taken = set()

def locking(descriptor, mode, count):
    found = os.fstat(descriptor)
    if found.st_ino in taken:
        raise OSError(13, "Permission denied")
    taken.add(found.st_ino)

sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, LK_NBLCK=2)
sys.platform = "win32"
import engine.locks, bot.store.opening, bot.deciding.order, bot.app.jobs  # each asks for what Windows lacks
assert engine.locks.take.__module__ == "engine.locks" and "msvcrt" in vars(engine.locks)
sys.platform = "linux"

from bot.ballots import Choice
from bot.errors import StoreError
from bot.store import Store
from bot.signals import AGAIN, END, there_are
from pathlib import Path
from tests.bot.scripted import answered, cast, scripted_app

async def main():
    path = Path(sys.argv[1])
    async with scripted_app(path) as (app, _):
        duel = await answered(app)
        view = await cast(app, duel.id, "ann", Choice.LEFT)
        assert view.state == "closed" and (await app.readiness.look()).whole
        try:
            await Store.open(path)
        except StoreError as error:
            print(error)
        await app.core.store.back_up(path.with_name("copy"), False)

asyncio.run(main())
assert there_are([AGAIN]) == () and there_are(END)
print("done")
"""


@pytest.mark.process
def test_a_duel_is_asked_and_closed_on_a_system_like_windows(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(WINDOWS.format(root=str(ROOT)), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, str(program), str(tmp_path / "s")], capture_output=True, text=True, check=False, timeout=patient(120), cwd=ROOT
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("Another Duelbot uses the store") and ended.stdout.endswith("done\n")


@pytest.mark.process
def test_sighup_has_a_running_bot_read_its_files_again_and_a_bad_one_leaves_it_as_it_was(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("[[tag]]\nname = 'one'\nwords = ['x']\n", encoding="utf-8")
    plain = {name: value for name, value in os.environ.items() if not name.startswith("DUEL_")}
    names = {
        "DUEL_STORE_PATH": str(tmp_path / "s"),
        "DUEL_WEB_PORT": str(free_port()),
        "DUEL_WATCH_PORT": str(free_port()),
        "DUEL_BASE_MODEL": "demo",
        "DUEL_TEAM_TAG_RULES": str(rules),
        "DUEL_LOG_FORMAT": "json",
        "DUEL_LOG_LEVEL": "info",
        "PYTHONPATH": str(ROOT),
    }
    with subprocess.Popen(
        [sys.executable, "-c", HEARS],  # under nohup it would be ignored, and the bot leaves it so
        env=plain | names,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout

        def until(words: str) -> str:
            ends = time.monotonic() + patient(120)
            while time.monotonic() < ends and process.stdout and (line := process.stdout.readline()):
                if words in line:
                    return line
            raise AssertionError(process.communicate())

        until("is ready")
        process.send_signal(signal.SIGHUP)
        assert "there are 1 tag rules" in until("read again")
        rules.write_text("[[tag]]\nname = 'one'\npattern = '('\n", encoding="utf-8")
        process.send_signal(signal.SIGHUP)
        assert "is no regular expression" in until("Nothing was changed")
        process.terminate()
        _, errors = process.communicate(timeout=patient(30))
    assert process.returncode == 0 and '"level": "warning"' in errors and "Traceback" not in errors
