"""Jobs: work that takes minutes, one at a time in the order in which it was asked for, in a process of its own at low priority.

What a job does is its kind's: a command that reads nothing, says how far it is in files of its own, and ends with one JSON object on
stdout, or with a sentence on stderr. It ends in order when its standard input closes, so that it never outlives the bot.
"""

import asyncio
import json
import logging
import os
import secrets
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from bot.app.core import Core
from bot.app.progress import Signal
from bot.errors import StoreError
from bot.store.jobs import JobRows
from bot.views import Job, JobState
from engine.commandline import DONE, INTERRUPTED
from engine.errors import BadRequest, DuelbotError
from engine.settings import EngineSettings

LOWEST = 19  # priority of the process, as nice counts
GRACE_S = 5.0  # seconds that a job which shall stop has for its last step
MOST_BYTES = 1 << 20  # of what a job says that are kept
MOST_GOING = 20  # jobs that run or wait for their turn, of everybody
RETRY_S = 2.0  # seconds before a store that refused is asked again
LISTED = 30  # jobs that a list shows
SECRETS = ("DISCORD_TOKEN", "DUEL_WEB_PASSWORD", "DUEL_SERVER_KEY", "DUEL_PROMPTED_SERVER_KEY")  # no job needs them
STOPPED = "Stopped. What was learned up to there is kept, and it can go on."
KILLED = "Its process was ended from outside (signal {number}). What was learned up to its last checkpoint is kept, and it can go on."
UNKNOWN = "This Duelbot does no jobs of the kind {kind}."
log = logging.getLogger(__name__)


class JobKind(Protocol):
    """What one kind of jobs does."""

    def command(self, job: Job) -> Sequence[str]:
        """Return the program and its arguments; of a job that was begun before, those by which it goes on."""
        ...

    async def done(self, job: Job, result: Mapping[str, Any]) -> str:
        """Take up what a job has made. Returns a sentence for people. Raises DuelbotError where it is no good."""
        ...


@dataclass(frozen=True, slots=True)
class JobEnd:
    """What has come of a process."""

    state: JobState
    words: str
    result: Mapping[str, Any] | None = None


class Jobs:
    """The queue. `run` works on it until it is cancelled; a job that is then under way goes on with the next start."""

    def __init__(self, core: Core, settings: EngineSettings, kinds: Mapping[str, JobKind]) -> None:
        self._core, self._kinds = core, kinds
        self._environment = environment(settings, os.environ)
        self._process: asyncio.subprocess.Process | None = None
        self._running = ""  # the job whose process that is
        self._stopped: set[str] = set()  # jobs whose stop somebody wished
        self.changed = Signal()  # woken by every change of state

    # --- what people do

    async def ask(self, kind: str, arguments: Mapping[str, Any], asker: str, *, team: str | None = None, channel: str = "") -> Job:
        """Put a job into the queue. Raises BadRequest where too many wait."""
        job = Job(secrets.token_hex(8), kind, arguments, asker, self._core.now(), team, channel)
        async with self._core.store.writing() as change:
            if len(await JobRows(change).in_state("queued", "running")) >= MOST_GOING:
                raise BadRequest(f"{MOST_GOING} jobs wait already. Ask again when some of them are done.")
            await JobRows(change).add(job)
        self.changed.wake()
        return job

    async def look(self, job: str) -> Job:
        """Read a job as it stands. Raises BadRequest for one that is not there."""
        async with self._core.store.reading() as look:
            found = await JobRows(look).of(job)
        if found is None:
            raise BadRequest("There is no such job any more.")
        return found

    async def by_message(self, message: str) -> Job | None:
        """Read the job whose progress this message shows."""
        async with self._core.store.reading() as look:
            return await JobRows(look).by_message(message)

    async def latest(self) -> list[Job]:
        """Read the latest jobs, the newest first."""
        async with self._core.store.reading() as look:
            return await JobRows(look).latest(LISTED)

    async def going(self) -> list[Job]:
        """Read the jobs that run or wait for their turn, in their order."""
        async with self._core.store.reading() as look:
            return await JobRows(look).in_state("running", "queued")

    async def sent(self, job: str, message: str) -> None:
        """Keep which message says how far a job is."""
        async with self._core.store.writing() as change:
            await JobRows(change).sent(job, message)

    async def stop(self, job: str) -> None:
        """Stop a job: one that waits leaves the queue, one that runs ends after its step. What has ended stays as it is."""
        found = await self.look(job)
        if found.state == "queued":
            await self._end(found, JobEnd("stopped", STOPPED))
        elif found.state == "running":
            self._stopped.add(job)
            if self._running == job and self._process:
                _tell_to_end(self._process)

    async def go_on(self, job: str) -> Job:
        """Put a job that was stopped or failed back into the queue. Raises BadRequest for another one."""
        found = await self.look(job)
        if found.state not in ("stopped", "failed"):
            raise BadRequest("Only a job that was stopped or has failed can go on.")
        async with self._core.store.writing() as change:
            await JobRows(change).queue(job)
        self.changed.wake()
        return await self.look(job)

    async def drop(self, job: str) -> None:
        """Delete a job that has ended. Raises BadRequest while it runs or waits."""
        if (await self.look(job)).going:
            raise BadRequest("This job has not ended. Stop it first.")
        async with self._core.store.writing() as change:
            await JobRows(change).drop(job)
        self.changed.wake()

    # --- what the queue does

    async def run(self) -> None:
        """Carry out one job after the other, first what an earlier process left. Ends only when it is cancelled."""
        await self._kept(self._take_over())
        while True:
            event = self.changed.event
            try:
                if job := await self._next():
                    await self._carry_out(job)
                    continue
            except StoreError as error:
                log.warning("The next job has to wait: %s", error)
                await asyncio.sleep(RETRY_S)
                continue
            await event.wait()

    async def _take_over(self) -> None:
        async with self._core.store.writing() as change:
            for job in await JobRows(change).in_state("running"):
                await JobRows(change).queue(job.id)

    async def _next(self) -> Job | None:
        async with self._core.store.reading() as look:
            return next(iter(await JobRows(look).in_state("queued")), None)

    async def _carry_out(self, job: Job) -> None:
        async with self._core.store.writing() as change:
            await JobRows(change).begin(job.id, self._core.now())
        self.changed.wake()
        try:
            end = await self._ended(job)
        except Exception as error:  # a bug in a kind: the log gets it, other jobs go on
            log.exception("The job %s failed", job.id)
            end = JobEnd("failed", f"An error in Duelbot ended this job ({type(error).__name__}). The log has the details.")
        self._stopped.discard(job.id)
        await self._kept(self._end(job, end))

    async def _ended(self, job: Job) -> JobEnd:
        if (kind := self._kinds.get(job.kind)) is None:
            return JobEnd("failed", UNKNOWN.format(kind=job.kind))
        try:
            code, out, err = await self._spawned(job, kind.command(job))
            end = ended(code, out, err, stopped=job.id in self._stopped)
            if end.state == "done" and end.result is not None:
                return JobEnd("done", await kind.done(job, end.result), end.result)
            return end
        except DuelbotError as error:
            return JobEnd("failed", error.words)

    async def _spawned(self, job: Job, command: Sequence[str]) -> tuple[int, str, str]:
        """Run the process to its end. Returns its exit status and the ends of what it said."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, env=self._environment)
        with suppress(OSError, AttributeError):  # it has ended already; Windows has no such priorities
            os.setpriority(os.PRIO_PROCESS, process.pid, LOWEST)
        self._process, self._running = process, job.id
        try:
            if job.id in self._stopped:
                _tell_to_end(process)
            assert process.stdout and process.stderr
            out, err = await asyncio.gather(_tail(process.stdout), _tail(process.stderr))
            return await process.wait(), out, err
        finally:
            self._process, self._running = None, ""
            await _leave(process)

    async def _end(self, job: Job, end: JobEnd) -> None:
        async with self._core.store.writing() as change:
            await JobRows(change).end(job.id, end.state, end.words, end.result, self._core.now())
        self.changed.wake()

    async def _kept(self, change: Any) -> None:
        """Change the store; what it does not take now is mended by the next start, which finds the job as running."""
        try:
            await change
        except StoreError as error:
            log.warning("A job's state is not stored: %s", error)


def ended(code: int, out: str, err: str, *, stopped: bool) -> JobEnd:
    """Say what has come of a process from its exit status and what it said last. Pure."""
    said = [line.strip() for line in err.splitlines() if line.strip()]
    if code == DONE:
        try:
            result = json.loads(out.strip().splitlines()[-1])
            return JobEnd("done", "", result if isinstance(result, dict) else {"value": result})
        except (ValueError, IndexError):
            return JobEnd("failed", "The job ended without saying what it has made.")
    if stopped:
        return JobEnd("stopped", STOPPED)
    if code < 0:
        return JobEnd("failed", KILLED.format(number=-code))
    return JobEnd("stopped" if code == INTERRUPTED else "failed", said[-1] if said else f"The job ended with the status {code}.")


def environment(settings: EngineSettings, given: Mapping[str, str]) -> dict[str, str]:
    """Make the environment of jobs: one thread, no secrets, and the engine's settings as they hold here. Pure."""
    usual = EngineSettings()
    differing = {
        alias: "" if (value := getattr(settings, field)) is None else str(value)
        for alias, field in EngineSettings.names().items()
        if getattr(settings, field) != getattr(usual, field) and alias not in SECRETS
    }
    return {name: value for name, value in given.items() if name not in SECRETS} | differing | {"DUEL_THREADS": "1", "OMP_NUM_THREADS": "1"}


def _tell_to_end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)


async def _tail(stream: asyncio.StreamReader) -> str:
    """Read to the end, and keep the last of it."""
    kept = b""
    while part := await stream.read(1 << 16):
        kept = (kept + part)[-MOST_BYTES:]
    return kept.decode(errors="replace")


async def _leave(process: asyncio.subprocess.Process) -> None:
    """Have a process end that has not: told so first, then at once."""
    if process.stdin:
        process.stdin.close()
    if process.returncode is not None:
        return
    _tell_to_end(process)
    try:
        await asyncio.wait_for(process.wait(), GRACE_S)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
