"""Jobs: one at a time in a process of its own, stopped, gone on with, also after a restart; and a training that is one."""

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from adapters.train.curve import CurveFile, TrainingCurve
from adapters.train.runs import Status
from bot.app import App
from bot.app.jobs import KILLED, STOPPED, Jobs, ended, environment
from bot.app.training import ESTIMATE, TRAIN, EstimateKind, TrainingWish, doing_words, jobs_folder
from bot.app.training import work_folder as work_of
from bot.charts import training_picture
from bot.settings import Settings
from bot.views import Job
from engine.contestants import open_adapter
from engine.errors import BadAdapter, BadRequest
from engine.settings import EngineSettings
from tests.bot.scripted import scripted_app
from tests.engine import tiny
from tests.patience import patient

ROWS = [("late", "delivery"), ("broken", "repair"), ("paid", "billing"), ("drips", "repair")]


def job(**more: Any) -> Job:
    return Job("ab" * 8, TRAIN, {"name": "support"}, "ann", datetime(2026, 11, 28, tzinfo=UTC), **more)


# --- values


def test_the_end_of_a_process_becomes_a_state_and_a_sentence() -> None:
    assert ended(0, 'noise\n{"a": 1}\n', "warnings", stopped=False).result == {"a": 1}
    assert ended(0, "", "", stopped=False).state == "failed"
    told = ended(2, "", "Traceback\n\nThe rows are gone. Bring them again.\n", stopped=False)
    assert (told.state, told.words) == ("failed", "The rows are gone. Bring them again.")
    assert ended(-9, "", "", stopped=False).words == KILLED.format(number=9)
    assert ended(130, "", "x", stopped=True).words == ended(-15, "", "", stopped=True).words == STOPPED
    assert ended(130, "", "Stopped at step 3 of 9.", stopped=False).state == "stopped"


def test_a_job_has_the_engines_settings_one_thread_and_no_secret() -> None:
    given = {"PATH": "/bin", "DISCORD_TOKEN": "secret", "DUEL_WEB_PASSWORD": "secret", "DUEL_SERVER_KEY": "secret", "DUEL_THREADS": "8"}
    made = environment(EngineSettings(base_model="demo", device="cpu", device_usd_per_hour=None, server_key=SecretStr("secret")), given)
    expected = {"PATH": "/bin", "DUEL_BASE_MODEL": "demo", "DUEL_DEVICE": "cpu", "DUEL_DEVICE_USD_PER_HOUR": ""}
    assert made == expected | {"DUEL_THREADS": "1", "OMP_NUM_THREADS": "1"}


def test_a_curve_is_read_as_it_was_written_and_the_later_line_counts(tmp_path: Path) -> None:
    file = CurveFile(tmp_path / "curve.jsonl")
    assert file.read() == TrainingCurve()
    for step in range(1, 1001):
        file.add_loss(step, 1000, 1 / step)
    file.add_right(0, 0.1, 40)
    file.add_right(500, 0.5, 20)
    file.add_loss(5, 1000, 9.0)  # a run that goes on writes again
    with file.path.open("a") as text:
        text.write('{"step": 12, "lo')
    curve = file.read()
    assert len(curve.losses) == 200 and curve.losses[0] == (5, 9.0) and curve.losses[-1] == (1000, 0.001)
    assert [(each.step, each.share, each.rows) for each in curve.right] == [(0, 0.1, 40), (500, 0.5, 20)]


async def test_a_training_s_picture_has_the_prompts_line_and_says_so() -> None:
    curve = TrainingCurve(((5, 2.0), (10, 0.5)), ())
    one, other = await training_picture(curve, 0.39), await training_picture(curve, None)
    assert "fell from 2.000 at step 5 to 0.500 at step 10" in one.alt and "prompt is right on 39%" in one.alt.replace("39 %", "39%")
    assert one.data != other.data and "prompt" not in other.alt
    assert "no step is done yet" in (await training_picture(TrainingCurve(), None)).alt


def test_what_a_job_does_is_said() -> None:
    assert doing_words(job(), None) == "Waits for its turn."
    assert doing_words(job(state="running"), None) == "Begins."
    said = doing_words(job(state="running"), Status("training", 30, 150, 0.5))
    assert said == "Training, 30 of 150, loss 0.500"
    assert doing_words(job(state="failed", words="The disk is full."), Status("training")) == "The disk is full."


# --- the queue


class Fake:
    """Jobs of small Python programs."""

    def __init__(self) -> None:
        self.begun: list[str] = []

    def command(self, job: Job) -> Sequence[str]:
        self.begun.append(job.arguments["name"])
        return sys.executable, "-c", job.arguments["program"]

    async def done(self, job: Job, result: Mapping[str, Any]) -> str:
        if result.get("bad"):
            raise BadAdapter("It is dead.")
        return f"made {result['made']}"


@asynccontextmanager
async def fakes(folder: Path) -> AsyncGenerator[tuple[App, Fake], None]:
    kind = Fake()
    async with scripted_app(folder / "duels.sqlite3") as (app, _):
        app.jobs._kinds = {"fake": kind}
        yield app, kind


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(patient(60.0)):
        while not await true():  # noqa: ASYNC110  # another process writes what is looked at
            await asyncio.sleep(0.02)


async def settled(jobs: Jobs, asked: Job, *states: str) -> Job:
    async def there() -> bool:
        return (await jobs.look(asked.id)).state in states

    await until(there)
    return await jobs.look(asked.id)


SAYS = "import json; print(json.dumps({'made': %r}))"
WAITS = "import sys; sys.stdin.read(); sys.exit('never')"


@pytest.mark.process
async def test_jobs_run_one_after_the_other_and_tell_what_they_made(tmp_path: Path) -> None:
    async with fakes(tmp_path) as (app, kind):
        asked = [await app.jobs.ask("fake", {"name": name, "program": SAYS % name}, "ann") for name in "abc"]
        ends = [await settled(app.jobs, each, "done") for each in asked]
        assert [each.words for each in ends] == ["made a", "made b", "made c"] and kind.begun == ["a", "b", "c"]
        assert ends[0].result == {"made": "a"} and ends[0].began_at and ends[0].ended_at
        bad = await app.jobs.ask("fake", {"name": "bad", "program": "print('{\"bad\": 1}')"}, "ann")
        assert (await settled(app.jobs, bad, "failed")).words == "It is dead."
        other = await app.jobs.ask("decide", {}, "ann")
        assert "no jobs of the kind decide" in (await settled(app.jobs, other, "failed")).words
        await app.jobs.drop(bad.id)
        assert [each.id for each in await app.jobs.latest()] == [other.id, *(each.id for each in reversed(asked))]
        with pytest.raises(BadRequest, match="no such job"):
            await app.jobs.look(bad.id)


@pytest.mark.process
async def test_a_job_is_stopped_killed_and_gone_on_with(tmp_path: Path) -> None:
    async with fakes(tmp_path) as (app, kind):
        first = await app.jobs.ask("fake", {"name": "first", "program": WAITS}, "ann")
        second = await app.jobs.ask("fake", {"name": "second", "program": WAITS}, "ann")
        await settled(app.jobs, first, "running")
        await app.jobs.stop(second.id)
        assert (await app.jobs.look(second.id)).state == "stopped" and kind.begun == ["first"]
        await until(lambda: asyncio.sleep(0, app.jobs._process is not None))
        process = app.jobs._process
        assert process and os.getpriority(os.PRIO_PROCESS, process.pid) == 19
        process.send_signal(signal.SIGKILL)
        assert (await settled(app.jobs, first, "failed")).words == KILLED.format(number=9)
        with pytest.raises(BadRequest, match="that was stopped or has failed"):
            await app.jobs.go_on((await app.jobs.ask("fake", {"name": "d", "program": SAYS % "d"}, "ann")).id)
        await app.jobs.go_on(first.id)
        await settled(app.jobs, first, "running")
        await app.jobs.stop(first.id)
        assert (await settled(app.jobs, first, "stopped")).words == STOPPED


@pytest.mark.process
async def test_a_job_that_the_end_of_the_bot_broke_off_goes_on_with_the_next_start(tmp_path: Path) -> None:
    async with fakes(tmp_path) as (app, _):
        asked = await app.jobs.ask("fake", {"name": "a", "program": WAITS}, "ann")
        await settled(app.jobs, asked, "running")
        await until(lambda: asyncio.sleep(0, app.jobs._process is not None))
        pid = app.jobs._process.pid  # type: ignore[union-attr]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    async with fakes(tmp_path) as (app, kind):
        await settled(app.jobs, asked, "running", "failed")
        assert kind.begun == ["a"]


# --- a training as a job


def rows_file() -> bytes:
    """Rows to learn, and some that are measured on; no two requests are alike."""
    draw = random.Random(5)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(300)]
    rows = [
        {"request": " ".join([*draw.sample(words, 5), asked]), "answer": answer, "role": "train" if number < 48 else "test"}
        for number in range(60)
        for asked, answer in [ROWS[number % len(ROWS)]]
    ]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.mark.process
async def test_a_training_that_was_killed_goes_on_and_its_adapter_may_duel(tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path / "base")
    settings = Settings.of(
        store_path=str(tmp_path / "duels.sqlite3"), base_model=str(base), adapters=str(tmp_path / "loras"), threads=1, device="cpu"
    )
    async with App.open(settings) as app:
        await app.model_settled()
        brought = await app.training.bring("my rows.jsonl", rows_file())
        assert brought.rows == 60 and not brought.wrong and brought.name == "my-rows.jsonl"
        assert (await app.training.brought(brought.token)) == brought, "what was brought survives a reload"
        asked = await app.training.train(TrainingWish(brought.token, "support", "quick", 0.25), "ann")
        work = work_of(jobs_folder(settings), asked)

        async def half_way() -> bool:
            status = work.status()
            return bool(status and status.phase == "training" and status.step > 10 and work.checkpoint.is_file())

        await until(half_way)
        app.jobs._process.kill()  # type: ignore[union-attr]
        failed = await settled(app.jobs, asked, "failed")
        assert "signal 9" in failed.words
        before = app.training.progress(failed)
        assert before.share and 0 < before.share < 1 and before.curve.losses and before.prompt_right == 0.25
        await app.jobs.go_on(asked.id)
        done = await settled(app.jobs, asked, "done", "failed")
        assert done.state == "done", done.words
        assert "support@1 is ready" in done.words and "alive" in done.words
        after = app.training.progress(done)
        assert after.share == 1 and after.doing == done.words and after.curve.losses[: len(before.curve.losses)] == before.curve.losses
        assert after.curve.right[0].step == 0 and len(after.curve.right) == 5
        adapter = open_adapter(tmp_path / "loras" / "support-1")
        assert adapter.card and adapter.card.name == "support" and (tmp_path / "loras" / "support-1" / "curve.jsonl").is_file()
        kit = app.choices.kit
        assert kit and adapter.named in kit.adapters, "it is loaded beside the others, without a restart"
        await app.shelf.use("support")
        with pytest.raises(BadRequest, match="Take another name"):
            await app.training.train(TrainingWish(brought.token, "support"), "ann")


async def test_rows_are_checked_when_they_are_brought_and_what_holds_none_is_not_kept(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "duels.sqlite3") as (app, _):
        twice = b'{"request": "late", "answer": "a"}\n{"request": "late", "answer": "b"}\n'
        brought = await app.training.bring("../../etc/rows.jsonl", twice)
        assert brought.wrong and brought.name == "rows.jsonl" and "contradiction" in {each.kind for each in brought.faults}
        with pytest.raises(BadRequest):
            await app.training.bring("rows.jsonl", b"\x00\x01")
        folder = tmp_path / "duels.sqlite3.jobs" / "rows"
        assert [each.name for each in folder.iterdir()] == [brought.token]
        for token in ("../../x", "0" * 16):
            with pytest.raises(BadRequest, match="not here any more"):
                await app.training.brought(token)
        with pytest.raises(BadRequest, match="no plan"):
            await app.training.train(TrainingWish(brought.token, "a", plan="/etc/passwd"), "ann")


async def test_an_estimate_is_worded() -> None:
    result = {"seconds": {"value": 120, "least": 90, "most": 150}, "memory_bytes": {"value": 1.5e9}, "usd": None, "words": "It pays."}
    said = await EstimateKind().done(job(), result)
    assert said == "A training takes about 2.0 minutes (1.5 to 2.5), 1.5 GB of memory. It pays." and ESTIMATE == "estimate"
