"""The command in processes of its own, on the demo base: killed, stopped, and on a disk that is full."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.train.runs import Status, WorkFolder
from engine.commandline import DONE, FAILED, INTERRUPTED

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[3]
PLAN = "[lora]\nrank = 4\nalpha = 8\nlayers = 0.2\ndropout = 0.1\n[steps]\nbatch_rows = 2\nepochs = 12\n[safety]\ncheckpoint = 0.03\n"
KILLS = 3
PATIENCE_S = 240.0


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    (tmp_path / "plan.toml").write_text(PLAN)
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"request": f"Is {n} {'long ' * (n % 4)}?", "answer": f"It is {n}."}) + "\n" for n in range(10)))
    return path


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "adapters", "train", *words, "--work", str(folder / "work"), "--out", str(folder / "loras"), "--json"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "DUEL_THREADS": "1", "DUEL_DEVICE": "cpu"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=environ, stdout=pipe, stderr=pipe, text=True)


def begun(rows: Path, folder: Path) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    return started(folder, str(rows), "--plan", str(rows.with_name("plan.toml")), "--base", "demo")


def gone_on(folder: Path) -> subprocess.Popen[str]:
    return started(folder, "--resume", "--name", "rows")


def wait_for(process: subprocess.Popen[str], folder: Path, what: Callable[[Status], bool]) -> None:
    """Wait until the status file says so; every look at it finds it whole."""
    work, until = WorkFolder(folder / "work" / "rows"), time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < until:
        status = work.status()
        assert status is not None or not work.status_file.exists()
        if status and status.pid == process.pid and what(status):
            return
        time.sleep(0.005)


def ended(process: subprocess.Popen[str], status: int = DONE) -> str:
    out, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == status, said
    return said if status else out


def made(folder: Path) -> bytes:
    return (folder / "loras" / "rows-1" / "adapter_model.safetensors").read_bytes()


def test_killed_at_any_moment_it_goes_on_to_the_same_weights(rows: Path, tmp_path: Path) -> None:
    told = json.loads(ended(begun(rows, tmp_path / "straight")))
    assert told["training"]["steps"] == 60 and told["folder"] == str(tmp_path / "straight" / "loras" / "rows-1")
    dice, folder = random.Random(7), tmp_path / "killed"
    process, reached = begun(rows, folder), 0
    for kill in range(KILLS):
        at = reached + dice.randrange(1, 60 // KILLS)
        wait_for(process, folder, lambda status, at=at: status.phase == "training" and status.step >= at)  # type: ignore[misc]
        time.sleep(dice.random() * 0.05)
        process.kill()
        process.communicate()
        status = WorkFolder(folder / "work" / "rows").status()
        assert status and status.phase == "training", f"kill {kill} came too late to prove anything"
        reached = status.step
        process = gone_on(folder)
    ended(process)
    assert made(folder) == made(tmp_path / "straight")


def test_a_stop_keeps_a_checkpoint_and_says_how_to_go_on(rows: Path, tmp_path: Path) -> None:
    process = begun(rows, tmp_path)
    wait_for(process, tmp_path, lambda status: status.phase == "training" and status.step >= 5)
    process.send_signal(signal.SIGTERM)
    said = ended(process, INTERRUPTED)
    assert "Stopped at step" in said and "--resume --name rows" in said
    status = WorkFolder(tmp_path / "work" / "rows").status()
    assert status and status.phase == "stopped" and status.step < 60
    process = gone_on(tmp_path)
    wait_for(process, tmp_path, lambda again: again.phase == "training")
    first = WorkFolder(tmp_path / "work" / "rows").status()
    assert first and first.step > status.step
    process.kill()  # that it goes on to its end is shown above
    process.communicate()


def test_a_full_disk_is_said_and_the_run_goes_on_when_there_is_room(rows: Path, tmp_path: Path) -> None:
    limit = 60_000  # bytes of a file: the order and the status fit, a checkpoint does not
    process = begun(rows, tmp_path)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    said = ended(process, FAILED)
    assert said.startswith("The disk takes no more: rows could not be written.") and "--resume --name rows" in said
    assert not (tmp_path / "loras").exists() and not list((tmp_path / "work" / "rows").glob("*.part"))
    ended(gone_on(tmp_path))
    assert made(tmp_path)
