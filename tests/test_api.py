"""docs/api.md: its scripts do what it says, with the demo model, and the names that it calls public are those of the three modules."""

import ast
import asyncio
import re
from pathlib import Path

import numpy as np
import pytest

import adapters.api
import bot.api
import engine.api
from bot.store import Store
from bot.tools.seed import Team, plant

PAGE = (Path(__file__).parents[1] / "docs" / "api.md").read_text(encoding="utf-8")
SCRIPTS = dict(re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
[ROWS] = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
MODULES = {"engine.api": engine.api, "bot.api": bot.api, "adapters.api": adapters.api}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Run":
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUEL_STORE_PATH", str(tmp_path / "s"))
    return Run(capsys)


class Run:
    """Runs a script of the page in the present folder, as a module of its own."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, title: str) -> list[str]:
        """Returns the lines that it prints."""
        exec(compile(SCRIPTS[title], f"docs/api.md: {title}", "exec"), {"__name__": "__main__"})
        return self._capsys.readouterr().out.splitlines()


def test_the_names_that_the_page_calls_public_are_those_of_the_modules() -> None:
    for name, module in MODULES.items():
        [row] = re.findall(rf"^\| `{name}` \| (.+) \|$", PAGE, re.MULTILINE)
        assert sorted(re.findall(r"`(\w+)`", row)) == sorted(module.__all__)
        assert all(hasattr(module, each) for each in module.__all__)


def test_the_scripts_import_public_names_alone_and_every_one_is_run_here() -> None:
    for script in SCRIPTS.values():
        for node in ast.walk(ast.parse(script)):
            if isinstance(node, ast.ImportFrom):
                assert {alias.name for alias in node.names} <= set(MODULES[str(node.module)].__all__)
    tests = Path(__file__).read_text(encoding="utf-8")
    assert len(SCRIPTS) == PAGE.count("```python") and all(f'run("{title}")' in tests for title in SCRIPTS)


def test_both_arms_are_asked(run: Run) -> None:
    said = run("Ask both arms")
    assert any(re.match(r"prompted \(\d+\.\d\d s\): \w", line) for line in said)
    assert any(re.match(r"tuned \(\d+\.\d\d s\): \w", line) for line in said)


def test_both_arms_are_streamed(run: Run) -> None:
    pieces = [(line[:9].strip(), ast.literal_eval(line[9:])) for line in run("Stream")]
    for arm in ("prompted", "tuned"):
        heard = [piece for who, piece in pieces if who == arm]
        assert len(heard) > 5 and len("".join(heard).split()) > 5
    assert len({who for who, _ in pieces[:4]}) == 2, "both sides at once"


def test_rows_are_evaluated(run: Run, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(ROWS, encoding="utf-8")
    said = run("Evaluate rows")
    assert [line.split(", {")[0] for line in said[:2]] == ["prompted: 2 rows, 0 failed", "tuned: 2 rows, 0 failed"]
    assert said[2].startswith("prompted against tuned all rows [{") and said[3].startswith("prompted against tuned few [{")


def test_a_verdict_is_read(run: Run, tmp_path: Path) -> None:
    async def planted() -> None:
        store = await Store.open(tmp_path / "s")
        await plant(store, Team(300, theta=0.8), np.random.default_rng(1))
        await store.aclose()

    asyncio.run(planted())
    words, counts, headline = run("Read a verdict")
    assert words.startswith("Fine-tune") and re.fullmatch(r"prompted against tuned: \d+ duels on \d+ requests, \d+ ballots", counts)
    assert re.search(r"Share of the second: 0\.[78]\d$", headline)


def test_how_requests_are_answered_is_read(run: Run, tmp_path: Path) -> None:
    async def planted() -> None:
        store = await Store.open(tmp_path / "s")
        await plant(store, Team(300, theta=0.8), np.random.default_rng(1))
        await store.aclose()

    asyncio.run(planted())
    standing, proposal = run("Read how requests are answered")
    assert standing == "every request becomes a duel"
    assert proposal.startswith("0.1 tuned Fine-tune") and "answer the others alone" in proposal


def test_a_store_without_votes_has_no_verdict(run: Run, tmp_path: Path) -> None:
    async def opened() -> None:
        await (await Store.open(tmp_path / "s")).aclose()

    asyncio.run(opened())
    assert run("Read a verdict") == ["Nothing is known yet: no vote has closed in this store."]


def test_adapters_are_looked_at(run: Run) -> None:
    demo, desk = run("Look at adapters")
    assert demo.startswith("demo {'") and desk.startswith("desk {'")
