"""python -m engine ask, over the scripted backend."""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import lineup as lineups
from engine.__main__ import main
from engine.ask import Answered, answer_rows, entrants_of
from engine.backends.base import Prompt
from engine.backends.scripted import Script, ScriptedBackend
from engine.contestants import Adapter, Arm
from engine.cost import Price
from engine.errors import BackendError, BadModel, BadRequest
from engine.kit import Kit
from engine.lineup import Lineup
from engine.recipes import Recipe
from engine.rows import Row, read_rows
from engine.settings import EngineSettings

ROOT = Path(__file__).parents[2]


def reply(prompt: Prompt) -> Script:
    request = prompt.messages[-1].content
    if "fail" in request and prompt.adapter:
        return Script(("part",), error=BackendError("too_long", "Too long for the model."))
    return Script(("to ", request), pause_s=0.02 if "slow" in request else 0.0)


def lineup(script: Callable[[Prompt], Script] = reply, *, adapter: bool = True) -> Lineup:
    backend = ScriptedBackend(script)
    kit = Kit.of(
        backend.base, Recipe("house", "1", "Be brief."), Recipe("plain", "1"), Adapter("demo", "1", "", "0" * 16) if adapter else None
    )
    return Lineup(backend, kit, Price(0.1, "a list", "2026-11-22"), (Arm.PROMPTED, Arm.TUNED if adapter else Arm.PLAIN))


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def opened(settings: EngineSettings, say: object = None) -> Lineup:
        print("noise of a library")
        os.write(1, b"noise of a C library\n")
        return lineup()

    monkeypatch.setattr(lineups, "open_lineup", opened)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("DUEL_")]:
        monkeypatch.delenv(name)


Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(capfd: pytest.CaptureFixture[str]) -> Ask:
    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["ask", *arguments])
        return (status, *capfd.readouterr())

    return run


def typed(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))


def file_of(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "requests.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def test_one_request_as_json_is_one_line_with_both_arms(ask: Ask) -> None:
    status, out, _ = ask("what now?", "--json")
    assert status == 0
    assert out.count("\n") == 1
    answered = json.loads(out)
    assert answered["request"] == "what now?"
    assert list(answered["sides"]) == ["prompted", "tuned"]
    side = answered["sides"]["tuned"]
    assert set(side) == {"text", "finish", "contestant", "usage", "cost"}
    assert side["text"] == "to what now?"
    assert side["usage"]["new_tokens"] == 2
    assert set(side["cost"]) == {"usd", "basis", "source", "date", "usd_per_1000"}


def test_a_failed_side_is_a_failure_beside_the_other_answer(ask: Ask) -> None:
    status, out, _ = ask("fail", "--json")
    sides = json.loads(out)["sides"]
    assert status == 1
    assert sides["prompted"]["text"] == "to fail"
    assert sides["tuned"]["failure"] == {"kind": "too_long", "words": "Too long for the model."}
    assert "text" not in sides["tuned"]


def test_the_noise_of_libraries_goes_to_stderr(ask: Ask) -> None:
    _, out, err = ask("hello", "--json")
    assert "noise" not in out
    assert "noise of a library" in err
    assert "noise of a C library" in err


def test_a_person_gets_answers_side_by_side_and_figures(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    status, out, _ = ask("hello")
    assert status == 0
    assert any(line.count("to hello") == 2 for line in out.splitlines())
    for label in ("answered by", "finish", "first words", "full answer", "tokens in", "tokens out", "cost", "per 1,000"):
        assert label in out


def test_in_a_narrow_terminal_answers_stand_below_each_other(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    _, out, _ = ask("hello")
    assert [line.count("to hello") for line in out.splitlines() if "to hello" in line] == [1, 1]
    assert max(map(len, out.splitlines())) <= 60


def test_right_to_left_answers_are_never_side_by_side(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    _, out, _ = ask("שלום")
    assert [line.count("שלום") for line in out.splitlines() if "שלום" in line] == [1, 1]


def test_escape_sequences_of_an_answer_reach_no_terminal(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hostile(settings: EngineSettings, say: object = None) -> Lineup:
        return lineup(lambda prompt: Script(("\x1b]0;owned\x07 [red]x[/red]", "\x9b2J")))

    monkeypatch.setattr(lineups, "open_lineup", hostile)
    _, out, _ = ask("hello")
    assert "\x1b" not in out
    assert "\x9b" not in out
    assert "[red]x[/red]" in out
    _, out, _ = ask("hello", "--json")
    assert "\x9b" not in out
    assert json.loads(out)["sides"]["tuned"]["text"] == "\x1b]0;owned\x07 [red]x[/red]\x9b2J"


def test_arms_can_be_picked(ask: Ask) -> None:
    _, out, _ = ask("hello", "--json", "--arms", "combined,plain,tuned,prompted")
    sides = json.loads(out)["sides"]
    assert list(sides) == ["combined", "plain", "tuned", "prompted"]
    assert len({side["contestant"] for side in sides.values()}) == 4


@pytest.mark.parametrize("arms", ["best", "plain,plain", ","])
def test_bad_arms_are_one_sentence(ask: Ask, arms: str) -> None:
    status, out, err = ask("hello", "--arms", arms)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "noise" not in err  # said before anything was loaded


@pytest.mark.parametrize("text", ["", "  \n ", "a\0b", "x" * 100_000])
def test_a_request_that_cannot_be_asked_is_one_sentence(ask: Ask, text: str) -> None:
    status, out, err = ask(text, "--json")
    assert (status, out) == (2, "")
    assert err.startswith("The request ")
    assert err.count("\n") == 1


def test_a_request_can_come_from_stdin(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "what\nnöw?\n".encode())
    _, out, _ = ask("-", "--json")
    assert json.loads(out)["request"] == "what\nnöw?"


def test_a_wrong_setting_and_a_missing_model_are_one_sentence(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    async def missing(settings: EngineSettings, say: object = None) -> Lineup:
        raise BadModel("There is no model there.")

    monkeypatch.setattr(lineups, "open_lineup", missing)
    assert ask("hello") == (2, "", "There is no model there.\n")
    monkeypatch.setenv("DUEL_MODLE", "x")
    status, _, err = ask("hello")
    assert status == 2
    assert "DUEL_MODLE" in err


def test_either_a_request_or_a_file_must_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["ask"], ["ask", "x", "--file", "y"]):
        assert main(arguments) == 2
        assert "one request in quotes, or --file" in capsys.readouterr().err


def test_a_file_gives_a_line_for_every_request_and_arm_in_its_order(ask: Ask, tmp_path: Path) -> None:
    rows = [json.dumps({"id": number, "text": f"{'slow ' if number % 3 == 0 else ''}{number}"}) for number in range(20)]
    status, out, err = ask("--json", "--file", file_of(tmp_path, *rows))
    written = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [(row["id"], row["arm"]) for row in written] == [(number, arm) for number in range(20) for arm in ("prompted", "tuned")]
    assert set(written[0]) == {"id", "arm", "text", "finish", "contestant", "usage", "cost"}
    assert "Requests: 20, answers: 40, failures: 0." in err


def test_a_refused_request_of_a_file_fails_alone(ask: Ask, tmp_path: Path) -> None:
    lines = ['{"id": "a", "text": ""}', '{"id": "b", "text": "x\\u0000"}', '{"id": "c", "text": "' + "x" * 30_000 + '"}']
    history = '{"id": "d", "text": "x", "history": [{"role": "user", "text": " "}]}'
    status, out, _ = ask("--json", "--file", file_of(tmp_path, *lines, history, '{"id": "e", "text": "fine"}'))
    written = [json.loads(line) for line in out.splitlines()]
    assert status == 1
    assert [row["failure"]["kind"] for row in written[:8]] == ["bad_request"] * 8
    assert "Turn 1 of the history" in written[6]["failure"]["words"]
    assert [row["text"] for row in written[8:]] == ["to fine"] * 2


BAD_FILES = {
    "no JSON": ('{"id": 1, "text": "x"}\nhello', "Line 2 of "),
    "no object": ("[1]", "Line 1 of "),
    "no text": ('{"id": "1"}', "lacks text"),
    "an id that no text can hold": ('{"id": "\\ud800", "text": "x"}', "half of a surrogate pair"),
    "an id that is none": ('{"id": null, "text": "x"}', "id must be"),
    "text that is none": ('{"id": 1, "text": ["x"]}', "text must be text"),
    "an id twice": ('{"id": "1", "text": "x"}\n\n{"id": 1, "text": "y"}', "Line 3 of "),
    "a bad history": ('{"id": 1, "text": "x", "history": [{"role": "system", "text": "x"}]}', "history must be"),
    "deep nesting": ("[" * 100_000, "not JSON"),
    "a giant number": ('{"id": ' + "9" * 5_000 + "}", "number that is too long"),
    "nothing": ("\n\n", "holds no requests"),
}


@pytest.mark.parametrize(("content", "words"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_malformed_file_stops_everything_before_it_begins(ask: Ask, tmp_path: Path, content: str, words: str) -> None:
    status, out, err = ask("--json", "--file", file_of(tmp_path, content))
    assert (status, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_a_file_that_cannot_be_read_is_one_sentence(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "latin.jsonl").write_bytes('{"id": 1, "text": "ü"}'.encode("latin-1"))
    for name, words in ((str(tmp_path / "none"), "No such file"), (str(tmp_path), "directory"), ("latin.jsonl", "UTF-8"), ("\0", "read")):
        status, out, err = ask("--file", name)
        assert (status, out) == (2, "")
        assert words in err


def test_a_file_on_stdin_with_a_byte_order_mark_and_windows_line_ends_is_read(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, b'\xef\xbb\xbf{"id": 1, "text": "x"}\r\n\r\n')
    status, out, _ = ask("--file", "-", "--json", "--arms", "plain")
    assert (status, json.loads(out)["id"]) == (0, 1)


def test_keys_that_nobody_uses_are_named(ask: Ask, tmp_path: Path) -> None:
    _, _, err = ask("--json", "--file", file_of(tmp_path, '{"id": 1, "text": "x", "histroy": []}'))
    assert "histroy" in err.splitlines()[0]


def test_rows_of_an_evaluation_are_rows_here_too(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("request,reference,tags\nhello,hi,t\n")
    status, out, err = ask("--json", "--file", str(tmp_path / "rows.csv"), "--arms", "plain")
    assert (status, json.loads(out)["id"], json.loads(out)["text"]) == (0, 1, "to hello")
    assert "Not used in" in err and "reference, tags." in err


def test_history_goes_before_the_request() -> None:
    rows = read_rows([b'{"id": 1, "text": "c", "history": [{"role": "user", "text": "a"}, {"role": "assistant", "text": "b"}]}'], "x").rows
    team = lineup()
    asyncio.run(answer_rows(rows, team, entrants_of(team, [Arm.PLAIN]), lambda answered: None, limit_s=9, at_once=1))
    assert isinstance(team.backend, ScriptedBackend)
    assert [message.content for message in team.backend.prompts[0].messages] == ["a", "b", "c"]


def test_a_file_for_people_ends_with_a_summary(ask: Ask, tmp_path: Path) -> None:
    status, out, _ = ask("--file", file_of(tmp_path, '{"id": "one", "text": "hello"}', '{"id": "two", "text": "fail"}'))
    assert status == 1
    assert "to hello" in out
    assert "No answer: Too long for the model." in out
    assert "answered" in out.split("───")[-1]


async def test_at_most_so_many_requests_run_at_once() -> None:
    most = 0

    def script(prompt: Prompt) -> Script:
        nonlocal most
        most = max(most, backend.running)
        return Script(("x",), 0.001)

    team = lineup(script)
    assert isinstance(team.backend, ScriptedBackend)
    backend = team.backend
    rows = [Row(number, "x") for number in range(12)]
    await answer_rows(rows, team, entrants_of(team, [Arm.PLAIN]), lambda answered: None, limit_s=9, at_once=3)
    assert 1 <= most < 3  # counted before the newcomer itself
    assert len(backend.prompts) == 12


async def test_an_interrupted_file_tells_what_was_ready_and_frees_the_rest() -> None:
    def script(prompt: Prompt) -> Script:
        return Script(("x",) * 10_000, 0.01) if "slow" in prompt.messages[-1].content else Script(("x",))

    team, told, begun = lineup(script), list[Answered](), asyncio.Event()

    def tell(answered: Answered) -> None:
        told.append(answered)
        begun.set()

    rows = [Row(1, "a"), Row(2, "slow"), Row(3, "b"), Row(4, "slow")]
    running = asyncio.create_task(answer_rows(rows, team, entrants_of(team, []), tell, limit_s=99, at_once=4))
    assert isinstance(team.backend, ScriptedBackend)
    await begun.wait()
    await asyncio.sleep(0.05)  # for row 3, which is ready behind the slow row 2
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [answered.row.id for answered in told] == [1, 3]
    assert team.backend.running == 0


def test_no_rows_is_bad_input() -> None:
    with pytest.raises(BadRequest):
        read_rows([], "x")


PROGRAM = """
import sys
from engine import lineup as lineups
from tests.engine.test_ask import lineup
from engine.backends.scripted import Script
async def opened(settings, say=None):
    return lineup(lambda prompt: Script(("x",) * (10_000 if "slow" in prompt.messages[-1].content else 1), 0.01))
lineups.open_lineup = opened
from engine.__main__ import main
sys.exit(main())
"""


def started(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "ask", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.process
def test_ctrl_c_leaves_what_was_written_and_no_traceback(tmp_path: Path) -> None:
    path = file_of(tmp_path, '{"id": 1, "text": "x"}', '{"id": 2, "text": "slow"}')
    with started(tmp_path, "--json", "--file", path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, err = process.stdout.read(), process.stderr.read()
    assert json.loads(first)["id"] == 1
    assert [json.loads(line)["arm"] for line in rest.splitlines()] == ["tuned"]
    assert err == "Stopped.\n"
    assert process.returncode == 130


@pytest.mark.process
@pytest.mark.parametrize("form", [["--json"], []])
def test_a_closed_pipe_ends_quietly(tmp_path: Path, form: list[str]) -> None:
    path = file_of(tmp_path, *(json.dumps({"id": number, "text": "x"}) for number in range(300)))
    with started(tmp_path, *form, "--file", path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = list[str]()
        reader = threading.Thread(target=lambda: errors.append(process.stderr.read() if process.stderr else ""))
        reader.start()
        status = process.wait()
        reader.join()
    assert (status, errors) == (141, [""])


@pytest.mark.process
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("form", [["--json"], []])
def test_a_full_disk_under_stdout_is_one_sentence(tmp_path: Path, form: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, "ask", *form, "x"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (1, "The answers cannot be written: No space left on device.\n")
