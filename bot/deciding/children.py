"""Steps that load a model run as processes of their own: their memory is free when they end, and a broken one breaks nothing here."""

import asyncio
import ctypes
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.deciding.order import BadDecision
from engine.commandline import BAD_INPUT, DONE, INTERRUPTED

LOOK_S = 0.5  # between two looks at how far a process is
PATIENCE_S = 30.0  # for a process to end that was told to
NICE = 5  # by how much it is less urgent than answers that people wait for
KILLED = 9  # SIGKILL's number, which Windows does not name
PR_SET_PDEATHSIG = 1  # of Linux: the signal that a process gets when its parent ends
SECRETS = ("DUEL_SERVER_KEY", "DUEL_PROMPTED_SERVER_KEY")  # no step needs them: a decision is made on a base of this machine
PAIR = ("DUEL_ADAPTER", "DUEL_RECIPE", "DUEL_PLAIN_RECIPE", "DUEL_ARMS", "DUEL_AA")
Look = Callable[[], None]


@dataclass(frozen=True, slots=True)
class ChildPlace:
    """Where a step runs."""

    base: str
    threads: int = 0  # of the processor; 0: the step chooses


class DecisionStopped(BadDecision):
    """Somebody stopped the decision; the same command goes on."""


async def run_child(arguments: Sequence[str], place: ChildPlace, log: Path, look: Look) -> str:
    """Run python with these arguments at a place; look is called while it runs. Returns what it wrote to stdout.

    Raises BadDecision with the last sentence of its stderr where it failed, and DecisionStopped where it was stopped. When this task is
    cancelled, the process is told to stop, and waited for: it keeps what it has.
    """
    with log.open("ab") as errors:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env=_environment(place),
            preexec_fn=_as_child if os.name == "posix" else None,
        )
    reading = asyncio.ensure_future(child.stdout.read() if child.stdout else _nothing())
    try:
        while not reading.done():
            look()
            await asyncio.wait([reading], timeout=LOOK_S)
        status, out = await child.wait(), (await reading).decode(errors="replace")
    except asyncio.CancelledError:
        await _stopped(child, reading)
        raise
    if status == INTERRUPTED or -status in (signal.SIGINT, signal.SIGTERM):
        raise DecisionStopped("Stopped.")
    if status != DONE:
        raise BadDecision(_last_words(log, arguments, status))
    return out


async def run_for_json(arguments: Sequence[str], place: ChildPlace, log: Path, look: Look) -> Any:
    """Run python as `run_child` does, and read the JSON object that it wrote. Raises BadDecision."""
    out = await run_child(arguments, place, log, look)
    try:
        return json.loads(out)
    except ValueError as error:
        raise BadDecision(f"{' '.join(arguments[:3])} did not say what it found; {log} has its words.") from error


async def _stopped(child: asyncio.subprocess.Process, reading: Awaitable[bytes]) -> None:
    """Tell a process to stop, wait for it, and end it where it does not."""
    with suppress(ProcessLookupError):
        child.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await reading
            await child.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()


def _environment(place: ChildPlace) -> dict[str, str]:
    """The environment of a step: this one's, with the decision's base, without the pair that is set beside it and a server's key."""
    threads = {"DUEL_THREADS": str(place.threads)} if place.threads else {}
    return {name: value for name, value in os.environ.items() if name not in (*PAIR, *SECRETS)} | {"DUEL_BASE_MODEL": place.base} | threads


async def _nothing() -> bytes:
    return b""


def _as_child() -> None:
    """In the new process: less urgent than a duel, and ended with its parent, however that ends."""
    with suppress(OSError):
        os.nice(NICE)
    os.setpgid(0, 0)  # a Ctrl-C in the terminal is the parent's to hand on; a session of its own would be as urgent as the bot's
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, KILLED)


def _last_words(log: Path, arguments: Sequence[str], status: int) -> str:
    """The sentence with which a process ended, or what is known."""
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    if status == -KILLED:
        return f"{' '.join(arguments[:3])} was killed, mostly for want of memory. Close programs, and start again: it goes on."
    if status == BAD_INPUT and lines:
        return lines[-1]
    return lines[-1] if lines and not lines[-1].startswith(" ") else f"{' '.join(arguments[:3])} failed with status {status}; see {log}."
