"""Bots that start within a tenth of a second: a process that has imported what a bot imports forks one after the other.

What is forked has an interpreter, files, signals and an end of its own, like any other process; the two CPU seconds that importing takes
are spent once. Tests of the very start use `python -m bot` itself.
"""

import array
import asyncio
import atexit
import functools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Forked:
    """A forked bot, with those parts of asyncio's Process that tests use."""

    def __init__(self, pid: int, stdout: asyncio.StreamReader, control: socket.socket) -> None:
        self.pid, self.stdout = pid, stdout
        self.returncode: int | None = None
        self._control = control
        self._ended = asyncio.Event()
        self._watched = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._watched, self._end)

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._watched)
        os.close(self._watched)
        self.returncode = ask(self._control, {"ended": self.pid})
        self._ended.set()

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        if self.returncode is None:
            signal.pidfd_send_signal(self._watched, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


async def forked(environ: Mapping[str, str], folder: Path) -> Forked:
    """Fork a bot with this environment, in this folder."""
    control = forker()
    ours, its = os.pipe()
    pid = ask(control, {"environ": dict(environ), "folder": str(folder)}, its)
    os.close(its)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours, "rb"))
    return Forked(pid, reader, control)


@functools.cache
def forker() -> socket.socket:
    """Start the process that forks, once for all tests of this one; it ends with it."""
    ours, its = socket.socketpair()
    environ = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with its:
        started = subprocess.Popen(
            [sys.executable, "-m", "tests.loopback.forker", str(its.fileno())],
            env=environ,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            pass_fds=[its.fileno()],
        )
    atexit.register(started.wait)
    atexit.register(ours.close)  # called first
    return ours


def ask(control: socket.socket, order: object, descriptor: int | None = None) -> int:
    """Say one line, with a descriptor, and hear the number that answers it."""
    line = [json.dumps(order).encode() + b"\n"]
    if descriptor is None:
        control.sendmsg(line)
    else:
        control.sendmsg(line, [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))])
    return int(heard(control))


def heard(control: socket.socket) -> bytes:
    """One line; nothing at the end."""
    line = b""
    while not line.endswith(b"\n"):
        more = control.recv(1)
        if not more:
            break
        line += more
    return line
