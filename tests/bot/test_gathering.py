"""What an adapter's folder tells the card, and that nothing is made up where it tells nothing."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from adapters.card import BaseRef, Card, RecipeRef
from bot.app.gathering import Training, read_training
from bot.settings import Settings
from engine.contestants import open_adapter
from tests.bot.scripted import scripted_app


def adapter_folder(path: Path, **training: Any) -> str:
    """A folder with a card; returns the adapter's digest."""
    path.mkdir()
    (path / "adapter_config.json").write_text("{}")
    entries = {"a.lora_A": [8, 64], "a.lora_B": [64, 8]}
    table = {name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for name, shape in entries.items()}
    header = json.dumps({"__metadata__": {"format": "pt"}, **table}).encode()
    (path / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    Card("mine", "3", BaseRef("base", "b" * 16), RecipeRef("plain", "1", "c" * 16), training, {}, ()).write(path)
    return open_adapter(path).digest


def test_rank_parameters_steps_and_hours_are_read(tmp_path: Path) -> None:
    digest = adapter_folder(tmp_path / "a", lora={"r": 8}, plan={"steps": 70}, hours=0.5, device="cpu", examples=1200)
    assert read_training(tmp_path / "a", digest) == Training(
        base_revision="b" * 16, rank=8, trainable_parameters=1024, labelled_examples=1200, steps=70, hours=0.5, device="cpu"
    )


@pytest.mark.parametrize("training", [{}, {"lora": 3, "plan": [], "hours": "long", "device": 4, "examples": True}])
def test_what_a_card_does_not_tell_is_not_known(tmp_path: Path, training: dict[str, Any]) -> None:
    digest = adapter_folder(tmp_path / "a", **training)
    assert read_training(tmp_path / "a", digest) == Training(base_revision="b" * 16, trainable_parameters=1024)


def test_another_adapter_in_the_same_folder_tells_nothing(tmp_path: Path) -> None:
    adapter_folder(tmp_path / "a", hours=1.0)
    assert read_training(tmp_path / "a", "0" * 16) == Training() == read_training(tmp_path / "none", "0" * 16)


async def test_an_adapter_without_a_card_leaves_the_card_open(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        found = await app.judging.verdict()
        assert Settings().team.training_usd is None
        if found.aspects:
            tuned = [figure for aspect in found.aspects for figure in aspect.side(1)]
            assert all(figure.value is None for figure in tuned if figure.label in ("rank", "training"))
        assert found.even is None
