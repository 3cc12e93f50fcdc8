"""The chat as a program: in a real terminal, and without one."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.process
PROGRAM = """
import asyncio, sys
from pathlib import Path
from bot.fronts.terminal.chat import run
from engine.backends.scripted import Script
from tests.bot.scripted import scripted_app
async def main():
    answer = lambda prompt: Script(("\\x1b]0;owned\\x07\\x1b[2Jhello \\u202e", "one " if prompt.adapter else "two ", "[red]x[/red]"), 0.01)
    async with scripted_app(Path(sys.argv[1]), answer) as (app, backend):
        return await run(app)
sys.exit(asyncio.run(main()))
"""


def program(tmp_path: Path, **streams: int) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
    for name in ("NO_COLOR", "COLUMNS", "LINES"):
        environment.pop(name, None)
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path / "duels.sqlite3")], env=environment, cwd=tmp_path, **streams)


class Terminal:
    """Our end of a pseudo-terminal of 100 by 30."""

    def __init__(self) -> None:
        self.ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.seen = b""
        self._read = 0

    def sees(self, words: str) -> None:
        """Reads until these words come after those seen last."""
        while (at := self.seen.find(words.encode(), self._read)) < 0:
            assert select.select([self.ours], [], [], 20)[0], f"{words!r} never came, but {self.seen[self._read :]!r}"
            self.seen += os.read(self.ours, 65536)
        self._read = at + len(words.encode())

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    yield opened
    os.close(opened.ours)
    os.close(opened.theirs)


def test_the_whole_chat_in_a_real_terminal(tmp_path: Path, terminal: Terminal) -> None:
    before = termios.tcgetattr(terminal.theirs)
    with program(tmp_path, stdin=terminal.theirs, stdout=terminal.theirs, stderr=subprocess.PIPE) as process:
        try:
            terminal.sees("› ")
            terminal.type("what now?\r")
            terminal.sees(" skip")
            terminal.type("1")
            terminal.sees("goes on with answer A")
            terminal.sees("› ")
            terminal.type("\x04")
            assert process.wait(20) == 0
        finally:
            process.kill()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert termios.tcgetattr(terminal.theirs) == before
    for harm in ("\x1b]0;", "\x07", "\u202e"):
        assert harm.encode() not in terminal.seen
    assert "␛]0;owned␇␛[2Jhello two [red]x[/red]".encode() in terminal.seen


def test_in_a_pipe_one_sentence_names_the_other_command(tmp_path: Path) -> None:
    with program(tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        out, err = process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert b"python -m engine ask" in err
    assert err.count(b"\n") == 1
