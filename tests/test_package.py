"""The package: what the wheel holds, and whether it works by itself, in an environment of its own outside of the checkout."""

import ast
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import sysconfig
import tarfile
import termios
import tomllib
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bot.installed import NEEDED, check_installed
from engine.commandline import BAD_INPUT, DONE, INTERRUPTED
from engine.errors import DuelbotError
from tests.test_api import SCRIPTS

ROOT = Path(__file__).parents[1]
PACKAGES = ("engine", "adapters", "bot")
REQUEST = "5,000 labels, stable rules, costly errors. fine-tune?"
PATIENCE_S = 400.0  # for a model to load and to answer, while other tests run
NOT_PACKED = {"LOG.md": "dated notes of trainings, which are read in the repository"}
NOT_NEEDED = {
    "py.typed": "is for type checkers",
    "*.md": "is for people",
    "*.jsonl": "rows of the demo, read by adapters demo eval alone",
    "phrases/*.txt": "texts that the demo learned from, read by adapters demo build alone",
}
pytestmark = [pytest.mark.process, pytest.mark.wheel]


def tracked() -> list[str]:
    """Every file that git tracks and that is there, by its path from the root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def environment(**names: str) -> dict[str, str]:
    """Our environment without a way back into the checkout, and without settings of whoever runs the tests."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("DUEL_", "PYTHON", "DISCORD_"))}
    fixed = {"DUEL_BASE_MODEL": "demo", "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1", "DUEL_DISCORD_BLINDING_SHARE": "0"}
    return ours | fixed | names


def done(command: list[str | Path], folder: Path, **names: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, outside of the checkout."""
    return subprocess.run(command, cwd=folder, env=environment(**names), capture_output=True, text=True, check=False, timeout=PATIENCE_S)


@dataclass(frozen=True, slots=True)
class Built:
    """The two packages, as files."""

    source: Path
    wheel: Path

    @property
    def names(self) -> set[str]:
        """Paths in the wheel."""
        with zipfile.ZipFile(self.wheel) as wheel:
            return set(wheel.namelist())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build the source package from what is tracked, and the wheel from the source package, without a network."""
    folder = tmp_path_factory.mktemp("built")
    for name in tracked():
        (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / "tree" / name)
    program = f"from setuptools.build_meta import build_sdist; build_sdist({str(folder)!r})"
    made = done([sys.executable, "-c", program], folder / "tree")
    assert made.returncode == 0, made.stderr
    [source] = folder.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    [unpacked] = (folder / "unpacked").iterdir()
    build = ["wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, unpacked]
    made = done([sys.executable, "-m", "pip", *build], folder)
    assert made.returncode == 0, made.stderr
    [wheel] = folder.glob("*.whl")
    return Built(source, wheel)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an environment of its own, which sees the project's libraries. Returns the environment's bin."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, symlinks=True)
    install = ["--python", folder / "bin/python", "install", "-q", "--no-deps", "--no-index", built.wheel]
    made = done([sys.executable, "-m", "pip", *install], folder)
    assert made.returncode == 0, made.stderr
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "libraries.pth").write_text("\n".join(dict.fromkeys(sysconfig.get_paths()[kind] for kind in ("purelib", "platlib"))))
    return folder / "bin"


def test_the_wheel_holds_every_tracked_file_of_the_packages_and_nothing_else(built: Built) -> None:
    ours = {name for name in tracked() if name.startswith(tuple(f"{package}/" for package in PACKAGES))}
    left_out = {name for name in ours if PurePosixPath(name).name in NOT_PACKED}
    packed = {name for name in built.names if ".dist-info/" not in name}
    assert packed == ours - left_out
    assert {name.split("/")[0] for name in built.names - packed} == {built.wheel.name.rsplit("-", 3)[0] + ".dist-info"}


def test_the_source_package_holds_all_that_a_checkout_needs(built: Built) -> None:
    with tarfile.open(built.source) as archive:
        held = {member.name.partition("/")[2] for member in archive if member.isfile()}
    assert {name for name in tracked() if name not in (".gitignore",)} <= held


def imports(text: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module}
    return found


def test_everything_that_the_wheel_imports_is_in_it_or_declared(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        modules = {name for name in built.names if name.endswith(".py")}
        wanted = set().union(*(imports(wheel.read(name).decode()) for name in modules))
    ours = {name for name in wanted if name.split(".")[0] in PACKAGES}
    assert not {name for name in ours if not {f"{name.replace('.', '/')}{end}" for end in (".py", "/__init__.py")} & modules}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {line.split(">")[0].lower() for line in project["dependencies"]}
    others = {name.split(".")[0] for name in wanted - ours} - sys.stdlib_module_names
    provided = packages_distributions()
    assert not {name for name in others if not {each.lower() for each in provided[name]} & declared}, "imported and not declared"
    assert declared == {each.lower() for name in others for each in provided[name]} & declared, "declared and not imported"


def test_the_known_good_installation_is_one_that_is_asked_for() -> None:
    constraints = [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {
        canonicalize_name(each.name): each for each in map(Requirement, project["dependencies"] + project["optional-dependencies"]["dev"])
    }
    known = {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in constraints}
    assert not asked.keys() - known.keys()
    assert not [str(each) for name, each in asked.items() if known[name] not in each.specifier]


def test_a_default_install_is_known_by_hashes_in_the_versions_that_were_tested() -> None:
    text = (ROOT / "hashes.txt").read_text(encoding="utf-8")
    hashed = dict(re.findall(r"^(\S+)==(\S+) \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", text, re.MULTILINE))
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {canonicalize_name(name): version for name, version in (line.split("==") for line in lines if not line.startswith("#"))}
    assert {name: pins[name] for name in hashed} == hashed and len(hashed) == text.count("==")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {canonicalize_name(Requirement(each).name) for each in project["dependencies"]} - hashed.keys() == {"torch"}


def test_every_kind_of_file_that_is_read_is_looked_for_at_the_start(tmp_path: Path) -> None:
    data = [PurePosixPath(name) for name in tracked() if name.startswith(tuple(f"{package}/" for package in PACKAGES))]
    data = [name for name in data if name.suffix != ".py" and not any(name.match(kind) for kind in NOT_NEEDED)]
    assert not [name for name in data if not any(name.match(kind) for kind in NEEDED)]
    for name in data:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    check_installed(tmp_path)
    for kind in NEEDED:
        gone = [name for name in data if name.match(kind)]
        for name in gone:
            (tmp_path / name).unlink()
        with pytest.raises(DuelbotError) as refused:
            check_installed(tmp_path)
        assert str(refused.value) == f"This installation of Duelbot is not whole: {tmp_path} has no {kind}. Install it again."
        for name in gone:
            (tmp_path / name).touch()


def test_a_type_checker_reads_the_wheel_with_the_scripts_of_the_page(installed: Path, tmp_path: Path) -> None:
    names = []
    for number, script in enumerate(SCRIPTS.values()):
        names.append(f"script_{number}.py")
        (tmp_path / names[-1]).write_text(script, encoding="utf-8")
    (tmp_path / "mypy.toml").write_text('[tool.mypy]\nstrict = true\nplugins = ["pydantic.mypy"]\npython_version = "3.11"\n')
    if (known := ROOT / ".mypy_cache").is_dir():  # the libraries as the project's own check read them a minute ago, with the same options
        shutil.copytree(known, tmp_path / "cache")
    mypy = [sys.executable, "-m", "mypy", "--config-file", "mypy.toml", "--cache-dir", "cache", "--python-executable", installed / "python"]
    told = done([*mypy, *names], tmp_path)
    assert told.returncode == 0, told.stdout + told.stderr


# --- what follows runs the installed wheel


def test_the_command_is_there_and_the_code_is_the_wheels(installed: Path, tmp_path: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    told = done([installed / "duelbot", "--version"], tmp_path)
    assert (told.returncode, told.stdout) == (DONE, f"Duelbot {version}\n"), told.stderr
    where = done(
        [installed / "python", "-c", "import adapters, bot, engine; print(adapters.__file__, bot.__file__, engine.__file__)"], tmp_path
    )
    assert all(Path(file).is_relative_to(installed.parent) for file in where.stdout.split()), where
    listed = done([installed / "duelbot", "adapters", "list"], tmp_path)
    assert listed.returncode == DONE and listed.stdout.startswith("demo@"), listed


def test_a_request_is_answered_by_both_arms(installed: Path, tmp_path: Path) -> None:
    asked = done([installed / "duelbot", "ask", "--json", REQUEST], tmp_path)
    assert asked.returncode == DONE, asked.stderr
    sides = json.loads(asked.stdout)["sides"]
    assert sides.keys() == {"prompted", "tuned"} and all(side["text"].strip() for side in sides.values())


def test_ctrl_c_ends_a_command_with_130_and_a_word(installed: Path, tmp_path: Path) -> None:
    """It comes while the command waits for its requests."""
    os.mkfifo(tmp_path / "requests")
    command = [installed / "duelbot", "ask", "--file", "requests"]
    with (
        subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
        (tmp_path / "requests").open("w"),
    ):  # opened as soon as the command opens its end
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, *told) == (INTERRUPTED, "", "Stopped.\n")


def test_the_page_is_served_and_a_signal_ends_it(installed: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = str(bound.getsockname()[1])
    names = {"DUEL_STORE_PATH": str(tmp_path / "s"), "DUEL_WEB_PORT": port, "DUEL_BASE_MODEL": str(tmp_path / "none")}
    with subprocess.Popen(
        [installed / "duelbot"], cwd=tmp_path, env=environment(**names), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            while (line := process.stdout.readline().strip()) != f"http://127.0.0.1:{port}":
                assert line, process.communicate()
            pages = {path: get(f"http://127.0.0.1:{port}{path}") for path in ("/", "/results")}
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert (process.returncode, errors) == (DONE, "")
    styles = {"/": "style.css", "/results": "results.css"}
    for path, file in styles.items():
        style = (ROOT / "bot/fronts/web" / file).read_text(encoding="utf-8")
        assert "Duelbot" in pages[path] and style.strip().splitlines()[-1] in pages[path], path


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
        assert answer.status == 200
        return str(answer.read().decode())


class Terminal:
    """Our end of a pseudo-terminal of 100 by 30."""

    def __init__(self) -> None:
        self.ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.seen = b""
        self._read = 0

    def sees(self, words: str) -> None:
        """Read until these words come after those seen last."""
        while (at := self.seen.find(words.encode(), self._read)) < 0:
            assert select.select([self.ours], [], [], PATIENCE_S)[0], f"{words!r} never came, but {self.seen[self._read :]!r}"
            self.seen += os.read(self.ours, 65536)
        self._read = at + len(words.encode())

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())


@contextmanager
def a_terminal() -> Iterator[Terminal]:
    opened = Terminal()
    try:
        yield opened
    finally:
        os.close(opened.ours)
        os.close(opened.theirs)


def test_a_duel_in_the_chat_is_voted_on_kept_and_exported(installed: Path, tmp_path: Path) -> None:
    store = {"DUEL_STORE_PATH": str(tmp_path / "s")}
    with (
        a_terminal() as terminal,
        subprocess.Popen(
            [installed / "duelbot", "chat"],
            cwd=tmp_path,
            env=environment(**store),
            stdin=terminal.theirs,
            stdout=terminal.theirs,
            stderr=subprocess.PIPE,
        ) as process,
    ):
        try:
            terminal.sees("› ")
            terminal.type(f"{REQUEST}\r")
            terminal.sees(" skip")
            terminal.type("1")
            terminal.sees("goes on with answer A")
            terminal.sees("› ")
            terminal.type("\x04")
            assert process.wait(PATIENCE_S) == DONE and process.stderr and process.stderr.read() == b""
        finally:
            process.kill()
    out = done([installed / "duelbot", "export", "--out", "team.jsonl"], tmp_path, **store)
    assert out.returncode == DONE and "1 duels" in out.stdout, out
    assert REQUEST in (tmp_path / "team.jsonl").read_text(encoding="utf-8")
    told = done([installed / "duelbot", "verdict", "--json"], tmp_path, **store)
    assert told.returncode == DONE and json.loads(told.stdout)["words"], told


@pytest.mark.parametrize("command", ["duelbot", "duelbot chat", "duelbot verdict", "python -m bot export --out x"])
def test_without_its_data_it_says_so_and_makes_no_store(command: str, installed: Path, tmp_path: Path) -> None:
    [migrations] = installed.parent.glob("lib/python*/site-packages/bot/migrations")
    program, *words = command.split()
    migrations.rename(migrations.with_name("elsewhere"))
    try:
        told = done([installed / program, *words], tmp_path, DUEL_STORE_PATH=str(tmp_path / "s"))
    finally:
        migrations.with_name("elsewhere").rename(migrations)
    assert told.returncode == BAD_INPUT and told.stdout == ""
    assert told.stderr == (
        f"This installation of Duelbot is not whole: {migrations.parents[1]} has no bot/migrations/*.sql. Install it again.\n"
    )
    assert list(tmp_path.iterdir()) == []
