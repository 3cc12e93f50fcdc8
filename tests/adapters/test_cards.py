"""Cards and the registry: what is written is read back, what is damaged is refused with the reason."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from adapters.__main__ import main
from adapters.registry import check_adapter, list_adapters
from engine.card import BaseRef, Card, RecipeRef, Training, parse_card, read_card
from engine.contestants import check_made_for, folder_revision, open_adapter
from engine.errors import BadAdapter, BadModel, BadRecipe
from engine.recipes import load_recipe
from engine.shipped import DEMO_ADAPTER, DEMO_BASE
from engine.trained_on import digest, read_trained_on, write_trained_on
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


def table_of(card: Card) -> dict[str, Any]:
    """A card as its file has it."""
    table: dict[str, Any] = json.loads(json.dumps(asdict(card)))
    del table["others"]
    return table


def test_a_card_may_leave_out_what_is_not_known() -> None:
    card = parse_card({"name": "a", "version": "2026-11 draft", "base": {"revision": "r"}, "recipe": {"digest": "d"}})
    assert card == Card("a", "2026-11 draft", BaseRef("", "r"), RecipeRef("", "", "d")) and card.trained == Training()


def test_what_means_nothing_on_a_card_is_named_and_not_refused() -> None:
    table = table_of(CARD)
    card = parse_card(table | {"colour": "red", "base": table["base"] | {"commit": "1"}})
    assert card.others == ("colour", "base.commit") and replace(card, others=()) == CARD


TOLD = {"lora": {"r": 8}, "plan": {"steps": 70}, "hours": 0.5, "device": "cpu", "examples": 1200}


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (TOLD, Training(rank=8, steps=70, hours=0.5, device="cpu", examples=1200)),
        ({"steps": 3, "plan": {"steps": 70}, "usd": 2, "failed_runs": 0, "tools": "x"}, Training(steps=3, usd=2, failed_runs=0, tools="x")),
        ({"lora": 3, "plan": [], "hours": "long", "device": 4, "examples": True, "usd": -1, "tokens": 10**400}, Training()),
    ],
)
def test_figures_of_a_training_are_read_and_nothing_is_made_up(table: dict[str, Any], told: Training) -> None:
    assert Training.of(table) == told == Training.of(told.table())


def test_the_training_of_the_shipped_adapter_is_read_with_its_units() -> None:
    adapter = open_adapter(DEMO_ADAPTER)
    assert adapter.card is not None
    told = adapter.card.trained
    assert (told.rank, told.steps, told.hours, told.tokens) == (32, 2401, 0.05, 33185128) and told.device
    assert adapter.trainable == 1_376_256


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
        {"version": None},
    ],
)
def test_a_card_with_wrong_parts_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(BadAdapter):
        parse_card({**table_of(CARD), **change})


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
    assert read_card(tmp_path / "nowhere") is None


def test_a_card_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    CARD.write(tmp_path)
    (tmp_path / "card.json").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "card.json").read_bytes())
    assert read_card(tmp_path) == CARD


def test_the_shipped_adapter_fits_the_shipped_base_and_recipe() -> None:
    adapter, notes = check_adapter(DEMO_ADAPTER, "demo")
    card = adapter.card
    assert card is not None and notes == ()
    assert card.base.revision == folder_revision(DEMO_BASE) and card.recipe.digest == load_recipe("plain").digest
    assert card.limits and not card.others
    assert json.loads((DEMO_ADAPTER / "adapter_config.json").read_text())["base_model_name_or_path"] == "duelbot-demo"


def test_an_adapter_for_another_base_is_refused(tmp_path: Path) -> None:
    shutil.copytree(DEMO_ADAPTER, tmp_path / "own")
    table = json.loads((tmp_path / "own" / "card.json").read_text())
    table["base"]["revision"] = "0" * 16
    (tmp_path / "own" / "card.json").write_text(json.dumps(table))
    with pytest.raises(BadAdapter, match="was trained on"):
        check_adapter(tmp_path / "own", "demo")


def test_an_adapter_without_a_card_is_checked_as_far_as_it_can_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(DEMO_ADAPTER, tmp_path / "own")
    (tmp_path / "own" / "card.json").unlink()
    adapter, notes = check_adapter(tmp_path / "own", "demo")
    assert adapter.card is None
    assert len(notes) == 1 and "trained on duelbot-demo, and runs on demo here" in notes[0]
    assert main(["check", str(tmp_path / "own")]) == 0 and "only a start can tell" in capsys.readouterr().out
    assert main(["list", str(tmp_path)]) == 0 and "for duelbot-demo, without a card" in capsys.readouterr().out
    config = json.loads((tmp_path / "own" / "adapter_config.json").read_text())
    (tmp_path / "own" / "adapter_config.json").write_text(json.dumps(config | {"init_lora_weights": "pissa"}))
    with pytest.raises(BadAdapter, match="path_initial_model_for_weight_conversion"):
        check_adapter(tmp_path / "own", "demo")


def test_a_check_against_a_base_or_recipe_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="no folder"):
        check_adapter(DEMO_ADAPTER, str(tmp_path / "nowhere"))
    with pytest.raises(BadRecipe, match="no shipped recipe"):
        check_adapter(DEMO_ADAPTER, "demo", "nope")
    with pytest.raises(BadAdapter, match="another plain recipe"):
        check_adapter(DEMO_ADAPTER, "demo", "house")


def test_broken_adapters_are_listed_with_their_trouble(tmp_path: Path) -> None:
    shutil.copytree(DEMO_ADAPTER, tmp_path / "good")
    shutil.copytree(DEMO_ADAPTER, tmp_path / "bad")
    (tmp_path / "bad" / "card.json").write_text("{")
    listed = {one.folder.name: one for one in list_adapters((tmp_path,))}
    assert listed["good"].adapter and not listed["bad"].adapter and "card.json" in listed["bad"].trouble


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


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "as it ships": lambda card: None,
    "no card": lambda card: card.clear(),
    "another base": lambda card: card["base"].update(revision="0" * 16),
    "another recipe": lambda card: card["recipe"].update(digest="0" * 16),
    "no figures": lambda card: card.pop("figures"),
    "a key that means nothing": lambda card: card.update(colour="red"),
    "wrong figures": lambda card: card.update(figures={"a": "good"}),
    "no version": lambda card: card.pop("version"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_check_says_what_a_start_of_the_engine_says(tmp_path: Path, change: str) -> None:
    """The engine opens the folder and compares; `adapters check` and a start with this adapter come to the same words."""
    shutil.copytree(DEMO_ADAPTER, tmp_path / "own")
    table = json.loads((tmp_path / "own" / "card.json").read_text())
    CHANGES[change](table)
    (tmp_path / "own" / "card.json").write_text(json.dumps(table))
    if not table:
        (tmp_path / "own" / "card.json").unlink()

    def started() -> tuple[str, ...]:
        return check_made_for(open_adapter(tmp_path / "own"), DEMO_BASE.name, folder_revision(DEMO_BASE), load_recipe("plain"))

    def said(run: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        try:
            return run()
        except BadAdapter as error:
            return ("refused", error.words)

    assert said(lambda: check_adapter(tmp_path / "own", "demo")[1]) == said(started)
    assert (said(started)[:1] == ("refused",)) == (change in ("another base", "another recipe", "wrong figures", "no version"))


def test_the_check_takes_base_and_recipe_from_the_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUEL_DISCORD_QUORUM", "4")
    assert main(["check", str(DEMO_ADAPTER)]) == 0
    monkeypatch.setenv("DUEL_PLAIN_RECIPE", "house")
    assert main(["check", str(DEMO_ADAPTER)]) == 2 and "DUEL_PLAIN_RECIPE" in capsys.readouterr().err
    assert main(["check", str(DEMO_ADAPTER), "--recipe", "plain"]) == 0
    monkeypatch.setenv("DUEL_BASE_MODEL", str(tmp_path / "gone"))
    assert main(["check", str(DEMO_ADAPTER)]) == 2 and "no folder" in capsys.readouterr().err
    monkeypatch.setenv("DUEL_BASE_MODLE", "demo")
    assert main(["list"]) == 2 and "Did you mean DUEL_BASE_MODEL?" in capsys.readouterr().err


def test_requests_of_a_training_are_listed_by_digest_and_known_again(tmp_path: Path) -> None:
    shutil.copytree(DEMO_ADAPTER, tmp_path / "own")
    assert not open_adapter(tmp_path / "own").saw("We have 300 tickets")
    write_trained_on(tmp_path / "own", ["We have  300 TICKETS", "we have 300\ntickets", "Another one"])
    assert set(read_trained_on(tmp_path / "own").listed) == {digest("we have 300 tickets"), digest("another one")}
    adapter = open_adapter(tmp_path / "own")
    assert adapter.saw("we have 300 Tickets") and adapter.saw("we have 300 tickets!") and not adapter.saw("we have 301 tickets")
    assert digest("We have 300 tickets") == "a6ddd60d4b695e2a"  # as lists that were written before have it
    assert open_adapter(DEMO_ADAPTER).digest == adapter.digest


@pytest.mark.parametrize("text", [b"\xff\xfe", b"0123456789abcdef\nour first request\n", b"0123456789ABCDEF\n"])
def test_a_list_that_cannot_be_read_is_an_error_and_never_an_empty_one(tmp_path: Path, text: bytes) -> None:
    shutil.copytree(DEMO_ADAPTER, tmp_path / "own")
    (tmp_path / "own" / "trained_on.txt").write_bytes(text)
    with pytest.raises(BadAdapter, match=r"trained_on\.txt"):
        open_adapter(tmp_path / "own")
    assert main(["check", str(tmp_path / "own")]) == 2
