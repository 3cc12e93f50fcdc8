"""One way to end for all verbs of duelbot and python -m engine, adapters and bot: 2 and a sentence for bad input; help with an example."""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import adapters.__main__
import adapters.arguments
import bot.__main__
import bot.arguments
import bot.duelbot
import engine.__main__
import engine.arguments
from engine.commandline import BAD_INPUT, FAILED, INTERRUPTED, PIPE_CLOSED, ended, whole, wholes
from engine.errors import BackendError, SettingsError

Main = Callable[[list[str]], int]
MAINS: dict[str, Main] = {
    "engine": engine.__main__.main,
    "adapters": adapters.__main__.main,
    "bot": bot.__main__.main,
    "duelbot": bot.duelbot.main,
}


def end(main: Main, arguments: list[str]) -> int:
    """The exit status, whether it is returned or argparse leaves with it."""
    try:
        return main(arguments)
    except SystemExit as left:
        assert isinstance(left.code, int)
        return left.code


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUEL_STORE_PATH", str(tmp_path / "none" / "store.sqlite3"))


def names(root: argparse.ArgumentParser) -> set[str]:
    """The verbs of a command line, and of its verbs: "adapters demo build"."""
    found = set()
    for action in root._actions:
        for name, below in action.choices.items() if isinstance(action, argparse._SubParsersAction) else ():
            found |= {name} | {f"{name} {more}" for more in names(below)}
    return found


ROOTS = {
    "engine": engine.arguments.parser,
    "adapters": adapters.arguments.parser,
    "bot": bot.arguments.parser,
    "duelbot": bot.duelbot.parser,
}
VERBS = [f"{package} {name}" for package, parser in ROOTS.items() for name in sorted(names(parser()))]


@pytest.mark.parametrize("verb", [*VERBS, *MAINS])
def test_every_verb_says_what_it_does_and_shows_a_call_as_it_was_typed(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    package, *words = verb.split()
    typed = verb if package == "duelbot" else f"python -m {verb}"
    assert end(MAINS[package], [*words, "--help"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"usage: {typed} [-h]") and "%(" not in told
    if words:
        assert f" {typed}" in told.split("examples:\n")[1]
        assert len(told.split("\n\n")[1]) > 10  # the description
        assert ("python -m" in told) == (package != "duelbot"), "no other command than the one that was typed"
    else:
        assert "exit status: 0 done, 1 something failed although the input was good, 2 bad input" in told
        assert all(f"    {name}" in told for name in names(ROOTS[package]()) if " " not in name)


def test_duelbot_reaches_every_verb_of_the_three_packages() -> None:
    """Its bench is the engine's, so the store's has another name; what python -m adapters does stands below adapters."""
    bots, engines, below = (names(ROOTS[package]()) for package in ("bot", "engine", "adapters"))
    assert names(bot.duelbot.parser()) == bots | {"bench-store"} | engines | {"adapters"} | {f"adapters {name}" for name in below}


@pytest.mark.parametrize(
    ("call", "package"),
    [("", "bot"), ("chat", "bot"), ("bench-store --json", "bot"), ("ask x", "engine"), ("bench", "engine"), ("adapters list", "adapters")],
)
def test_duelbot_hands_a_verb_to_its_package(call: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def started(options: argparse.Namespace) -> int:
        return len(f"{options.package} started")

    monkeypatch.setattr(f"{package}.__main__.run", started)
    assert bot.duelbot.main(call.split()) == len(f"{package} started")


@pytest.mark.parametrize("package", MAINS)
def test_every_command_has_a_version(package: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert end(MAINS[package], ["--version"]) == 0
    assert capsys.readouterr().out.startswith("Duelbot ")


BAD = [
    *(
        "engine",
        "engine ask",
        "engine ask a --file b",
        "engine ask --file none.jsonl",
        "engine ask --file bad.jsonl",
        "engine ask --file .",
    ),
    *("engine ask x --arms best", "engine ask x --arms ,", "engine ask x --colour", "engine show", "engine bench --rounds 0"),
    *("engine bench --rounds -5", "engine bench --rounds nan", "engine bench --rounds 1e3", "engine bench --rounds 101", "engine bench x"),
    *(
        "engine bench --users 0",
        "engine bench --users 1,x",
        "engine bench --users 33",
        "engine bench --base ./none",
        "engine bench --write x.txt",
    ),
    *("engine bench --write none/x.md", "engine bench --base"),
    *("adapters", "adapters list none", "adapters check none", "adapters check . --base none", "adapters check", "adapters demo"),
    *("adapters demo eval --file none.jsonl", "adapters demo eval --file bad.jsonl", "adapters demo eval --generated 0"),
    *("adapters demo eval --generated -3", "adapters demo eval --generated 9999999999", "adapters demo build --size huge"),
    *(
        "bot chart",
        "bot web --port 1",
        "bot chat x",
        "bot verdict",
        "bot verdict --days 0",
        "bot verdict --days nan",
        "bot verdict --days -1",
    ),
    *("bot verdict --pair 0", "bot verdict --pair x", "bot simulate --seed -1", "bot simulate --seed nan", "bot simulate --teams 5"),
    *("bot bench --sizes 0", "bot bench --sizes -5", "bot bench --sizes 10,x", "bot bench --sizes ,", "bot bench --sizes 99999999999"),
    *("bot export", "bot export --out x", "bot export --format xml --out x", "bot import", "bot import none.jsonl", "bot evaluate"),
    *(
        "bot evaluate --file none.jsonl",
        "bot evaluate --file bad.jsonl",
        "bot evaluate --file .",
        "bot evaluate --file good.jsonl --arms best",
    ),
    *("bot aa --duels -5", "bot aa --duels 0", "bot aa --duels nan", "bot aa --duels 1e9", "bot aa --duels 10001", "bot aa --duels ²"),
    *("bot aa --arm best", "bot alive x", "duelbot chart", "duelbot ask", "duelbot ask --file none.jsonl", "duelbot verdict"),
    *("duelbot adapters", "duelbot adapters check none", "duelbot bench-store --sizes 0", "duelbot bench --sizes 10"),
]


@pytest.mark.parametrize("call", BAD)
def test_bad_input_of_every_verb_ends_with_2_and_a_sentence(call: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.jsonl").write_text('{"request": "a", "reference": "b"}\n{"question": NaN}\n')
    (tmp_path / "good.jsonl").write_text('{"request": "a", "reference": "b"}\n')
    package, *arguments = call.split()
    assert end(MAINS[package], arguments) == BAD_INPUT
    out, err = capsys.readouterr()
    assert out == "" and err.rstrip().split("\n")[-1].strip() and "Traceback" not in err


@pytest.mark.parametrize(
    "call", ["engine ask x", "engine bench", "bot web", "bot chat", "bot verdict", "bot export --out x", "bot aa", "bot alive"]
)
def test_an_unknown_setting_ends_with_2(call: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DUEL_WEB_PROT" if call.startswith("bot") else "DUEL_MODLE", "1")
    package, *arguments = call.split()
    assert end(MAINS[package], arguments) == BAD_INPUT
    assert capsys.readouterr().err.startswith("Unknown setting: ")


@pytest.mark.parametrize(
    ("ends", "status", "said"),
    [
        (SettingsError("A \x1b[2J setting."), BAD_INPUT, "A ␛[2J setting.\n"),
        (BackendError("server", "It went away."), FAILED, "It went away.\n"),
        (KeyboardInterrupt(), INTERRUPTED, "Stopped.\n"),
    ],
)
def test_errors_become_sentences_and_numbers(ends: BaseException, status: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    def run() -> int:
        raise ends

    assert ended(run) == status and capsys.readouterr().err == said


def test_a_bug_stays_one() -> None:
    with pytest.raises(ZeroDivisionError):
        ended(lambda: 1 // 0)


def test_numbers_of_flags_are_whole_and_in_their_range() -> None:
    assert whole(-5, 5)("-5") == -5 and wholes(1, 9)("1, 9") == (1, 9)
    for text in ("", "-", "6", "+3", "1.0", "1e1", "inf", "0x1", "²", "9" * 5000, "--1"):
        with pytest.raises(Exception, match="is not a whole number from -5 to 5"):
            whole(-5, 5)(text)


@pytest.mark.process
@pytest.mark.parametrize(("stdout", "status"), [("| true", PIPE_CLOSED), ("> /dev/full", FAILED)])
def test_a_reader_that_left_and_a_full_disk_are_no_traceback(stdout: str, status: int) -> None:
    if "full" in stdout and not Path("/dev/full").exists():
        pytest.skip("needs a device that is always full")
    program = "import sys; from engine.commandline import ended; sys.exit(ended(lambda: [print('x' * 99) for _ in range(99999)] and 0))"
    root = Path(__file__).parents[1]
    done = subprocess.run(
        ["bash", "-c", f"'{sys.executable}' -c \"{program}\" {stdout}; exit ${{PIPESTATUS[0]}}"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (
        status,
        "" if status == PIPE_CLOSED else "The output cannot be written: No space left on device.\n",
    )
