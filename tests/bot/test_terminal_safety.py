"""Names are chosen by others, too: an adapter's, a file's, a tag's. None moves the cursor, sets a title or turns the text around."""

import io
import json
import logging
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from adapters.__main__ import main as adapters_main
from bot.__main__ import main as bot_main
from bot.app import App
from bot.ballots import Choice
from bot.fronts.terminal import render, results
from bot.logs import LineFormatter
from bot.settings import Settings
from engine.backends.scripted import ScriptedBackend
from engine.contestants import Arm
from engine.cost import Price
from engine.kit import Kit
from engine.lineup import Lineup
from engine.shipped import DEMO_ADAPTER
from tests.bot.scripted import ADAPTER, HOUSE, PLAIN, Coin, answered, cast, two_answers

EVIL = "evil\x1b]0;owned\x07\x1b[2J\u202e\x9b31m"
UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def safe(text: str) -> None:
    """The name is there, and nothing of it but what is drawn."""
    assert "evil␛]0;owned" in text.replace("\n", ""), text
    assert not UNSAFE.search(text), repr(text)


async def evil_lineup() -> Lineup:
    """Every name that comes from a file is hostile."""
    backend = ScriptedBackend(two_answers)
    adapter, house, plain = (replace(each, name=EVIL) for each in (ADAPTER, HOUSE, PLAIN))
    kit = Kit.of(replace(backend.base, name=EVIL), engineered=house, plain=plain, adapter=adapter)
    return Lineup(backend, kit, Price(0.36, f"a price {EVIL}", "2026-11-22"), (Arm.PROMPTED, Arm.TUNED))


def printed(*shown: RenderableType) -> str:
    out = io.StringIO()
    console = Console(file=out, width=200)
    for each in shown:
        console.print(each)
    return out.getvalue()


async def test_the_chat_draws_hostile_names_as_text(tmp_path: Path) -> None:
    settings = Settings.of(store_path=str(tmp_path / "s"), team_base_licence=EVIL)
    async with App.open(settings, evil_lineup, rng=Coin(True)) as app:
        await app.model_settled()
        view = await answered(app, "Which?")
        closed = await cast(app, view.id, "ann", Choice.LEFT)
        found = await app.judging.verdict()
        assert not UNSAFE.search(render.toolbar(app.model, None, 200))
        safe(printed(render.decided(closed)))
        safe(printed(results.results(found, await app.judging.board_lines())))
        assert not UNSAFE.search(printed(results.verdict(found)))


def test_the_adapters_commands_draw_hostile_names_as_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", EVIL):
        shutil.copytree(DEMO_ADAPTER, tmp_path / name)
    card = json.loads((tmp_path / "one" / "card.json").read_text())
    (tmp_path / "one" / "card.json").write_text(json.dumps(card | {"name": EVIL}))
    (tmp_path / EVIL / "card.json").write_text("{")
    assert adapters_main(["list", str(tmp_path)]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "evil" in line]
    assert len(lines) == 2
    for line in lines:
        safe(line)
    assert adapters_main(["check", str(tmp_path / EVIL)]) != 0
    safe(capsys.readouterr().err)


def test_the_bots_commands_draw_hostile_names_as_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUEL_STORE_PATH", str(tmp_path / f"{EVIL}.sqlite3"))
    assert bot_main(["import", str(tmp_path / EVIL)]) == 2
    safe(capsys.readouterr().err)
    assert bot_main(["export", "--format", "csv", "--out", str(tmp_path / f"{EVIL}out")]) == 0
    safe(capsys.readouterr().out)


def test_the_log_draws_what_strangers_send_as_text() -> None:
    record = logging.LogRecord("nicegui", logging.WARNING, "x.py", 1, "%s not found", (f"http://127.0.0.1/{EVIL}",), None)
    safe(LineFormatter(()).format(record))
