"""Cards and the registry: what is written is read back, what is damaged is refused with the reason."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from adapters.__main__ import main
from adapters.card import BaseRef, Card, RecipeRef, parse_card, read_card
from adapters.registry import DEMO_ADAPTER, DEMO_BASE, check_adapter, list_adapters
from engine.contestants import folder_revision
from engine.errors import BadAdapter, BadModel, BadRecipe
from engine.recipes import load_recipe
from tests.patience import patient

CARD = Card(
    name="letters",
    version="2",
    base=BaseRef("duelbot-demo", "0123456789abcdef"),
    recipe=RecipeRef("plain", "1", "fedcba9876543210"),
    training={"steps": 3, "lora": {"r": 8}},
    figures={"right decision": 0.5},
    limits=("knows letters alone",),
)


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    CARD.write(tmp_path)
    assert read_card(tmp_path) == CARD


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": 3},
        {"base": {"name": "x"}},
        {"base": None},
        {"recipe": {"name": "plain", "version": "1", "digest": 7}},
        {"training": []},
        {"figures": {"a": "good"}},
        {"figures": {"a": True}},
        {"figures": {"a": float("nan")}},
        {"figures": {"a": 10**400}},
        {"limits": "none"},
        {"colour": "red"},
    ],
)
def test_a_card_with_wrong_parts_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(BadAdapter):
        parse_card({**json.loads(json.dumps(asdict(CARD))), **change})


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{", b"[]", b"{}", b'"card"', b"\xff\xfe{}", b"[" * 100_000, b'{"name": ' + b"9" * 5_000 + b"}"),
        *(b'{"a": 1e999}', b'{"a": NaN}', b'{"a": 1, "a": 2}'),
    ],
)
def test_a_damaged_card_names_its_file(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "card.json").write_bytes(text)
    with pytest.raises(BadAdapter, match=r"card\.json"):
        read_card(tmp_path)
    with pytest.raises(BadAdapter, match="no readable"):
        read_card(tmp_path / "nowhere")


def test_a_card_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    CARD.write(tmp_path)
    (tmp_path / "card.json").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "card.json").read_bytes())
    assert read_card(tmp_path) == CARD


def test_the_shipped_adapter_fits_the_shipped_base_and_recipe() -> None:
    adapter, card, notes = check_adapter(DEMO_ADAPTER)
    assert card is not None and notes == ()
    assert card.base.revision == folder_revision(DEMO_BASE) and card.recipe.digest == load_recipe("plain").digest
    assert adapter.base_revision == card.base.revision and card.limits
    assert json.loads((DEMO_ADAPTER / "adapter_config.json").read_text())["base_model_name_or_path"] == "duelbot-demo"


def test_an_adapter_for_another_base_is_refused(tmp_path: Path) -> None:
    shutil.copytree(DEMO_ADAPTER, tmp_path / "own")
    table = json.loads((tmp_path / "own" / "card.json").read_text())
    table["base"]["revision"] = "0" * 16
    (tmp_path / "own" / "card.json").write_text(json.dumps(table))
    with pytest.raises(BadAdapter, match="was trained on"):
        check_adapter(tmp_path / "own")


def test_an_adapter_without_a_card_is_checked_as_far_as_it_can_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(DEMO_ADAPTER, tmp_path / "own")
    (tmp_path / "own" / "card.json").unlink()
    adapter, card, notes = check_adapter(tmp_path / "own")
    assert card is None and adapter.base_revision is None
    assert len(notes) == 1 and "trained on duelbot-demo, and runs on demo here" in notes[0]
    assert main(["check", str(tmp_path / "own")]) == 0 and "only a start can tell" in capsys.readouterr().out
    assert main(["list", str(tmp_path)]) == 0 and "for duelbot-demo, without a card" in capsys.readouterr().out
    config = json.loads((tmp_path / "own" / "adapter_config.json").read_text())
    (tmp_path / "own" / "adapter_config.json").write_text(json.dumps(config | {"init_lora_weights": "pissa"}))
    with pytest.raises(BadAdapter, match="path_initial_model_for_weight_conversion"):
        check_adapter(tmp_path / "own")


def test_a_check_against_a_base_or_recipe_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="no folder"):
        check_adapter(DEMO_ADAPTER, tmp_path / "nowhere")
    with pytest.raises(BadRecipe, match="no shipped recipe"):
        check_adapter(DEMO_ADAPTER, recipe="nope")
    with pytest.raises(BadAdapter, match="another plain recipe"):
        check_adapter(DEMO_ADAPTER, recipe="house")


def test_broken_adapters_are_listed_with_their_trouble(tmp_path: Path) -> None:
    shutil.copytree(DEMO_ADAPTER, tmp_path / "good")
    shutil.copytree(DEMO_ADAPTER, tmp_path / "bad")
    (tmp_path / "bad" / "card.json").write_text("{")
    listed = {one.folder.name: one for one in list_adapters((tmp_path,))}
    assert listed["good"].card and not listed["bad"].card and "card.json" in listed["bad"].trouble


def test_the_command_lists_checks_and_explains_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0 and "demo" in capsys.readouterr().out
    assert main(["check", str(DEMO_ADAPTER)]) == 0 and "fits duelbot-demo" in capsys.readouterr().out
    assert main(["check", str(tmp_path)]) == 2 and "adapter_config.json" in capsys.readouterr().err


def test_a_reader_that_leaves_ends_the_command_without_a_trace() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "adapters", "list"], check=False, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=patient(60)
        )
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, "")
