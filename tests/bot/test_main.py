"""python -m bot as a process: what it prints, and how it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from bot.__main__ import main
from tests.patience import patient
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.process


def environment(**names: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("DUEL_")}
    return plain | {"PYTHONPATH": str(ROOT), "DUEL_BASE_MODEL": "demo"} | names


def refusal(folder: Path, *arguments: str, **names: str) -> str:
    """What a start that is refused says on stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        env=environment(**names),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=patient(60),
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr
    return done.stderr


def test_wrong_arguments_settings_and_stores_are_one_sentence_and_exit_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letter").write_text("Dear reader")
    assert "invalid choice: 'chart'" in refusal(tmp_path, "chart")
    for name, value in (("DUEL_WEB_PROT", "1"), ("DUEL_STORE_PATH", str(tmp_path / "letter"))):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert main([]) == 2
    unknown, no_store = capsys.readouterr().err.splitlines()
    assert unknown == "Unknown setting: DUEL_WEB_PROT. Did you mean DUEL_WEB_PORT? .env.example lists every name with its meaning."
    assert "letter" in no_store


def test_a_taken_port_is_one_sentence_that_names_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = str(bound.getsockname()[1])
        words = refusal(tmp_path, DUEL_WEB_PORT=port, DUEL_STORE_PATH=str(tmp_path / "s"), DUEL_BASE_MODEL=str(tmp_path / "none"))
    assert port in words and "DUEL_WEB_PORT" in words and words.count("\n") == 1


def test_a_start_says_where_everything_is_and_ctrl_c_ends_it_in_order(tmp_path: Path) -> None:
    port = str(free_port())
    names = {"DUEL_STORE_PATH": str(tmp_path / "s"), "DUEL_WEB_PORT": port, "DUEL_BASE_MODEL": str(tmp_path / "none")}
    with subprocess.Popen(
        [sys.executable, "-m", "bot"],
        env=environment(**names),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        said: list[str] = []
        while not {f"http://127.0.0.1:{port}"} <= set(said):
            line = process.stdout.readline()
            assert line, process.communicate()
            said.append(line.rstrip())
        process.send_signal(signal.SIGINT)  # SIGTERM ends the others below
        _, errors = process.communicate(timeout=patient(30))
    assert said[0] == f"Store: {tmp_path / 's'}" and said[1].startswith("Loading the model")
    assert process.returncode == 0 and errors == ""


@pytest.mark.parametrize("stdout", [">&-", ">/dev/full", "| true"])
def test_the_page_is_served_though_nobody_hears_where_it_is(tmp_path: Path, stdout: str) -> None:
    port = str(free_port())
    names = {"DUEL_STORE_PATH": str(tmp_path / "s"), "DUEL_WEB_PORT": port, "DUEL_BASE_MODEL": str(tmp_path / "none")}
    command = f"( echo $BASHPID > pid; exec '{sys.executable}' -m bot {'' if '|' in stdout else stdout} ) {stdout if '|' in stdout else ''}"
    with subprocess.Popen(["bash", "-c", command], env=environment(**names), cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        answered = False
        while not answered:
            assert process.poll() is None, process.communicate()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=patient(5)) as page:
                    answered = page.status == 200
            except OSError:
                time.sleep(0.05)
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)
        _, errors = process.communicate(timeout=patient(30))
    assert process.returncode == 0 and errors == ""
