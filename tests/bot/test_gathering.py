"""What an adapter's folder tells the card, and that nothing is made up where it tells nothing."""

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from bot.app.gathering import adapter_in
from bot.settings import Settings
from engine.card import BaseRef, Card, RecipeRef
from engine.contestants import open_adapter
from tests.bot.scripted import scripted_app


def adapter_folder(path: Path) -> str:
    """A folder with a card; returns the adapter's digest."""
    path.mkdir()
    (path / "adapter_config.json").write_text("{}")
    save_file({"a.lora_A": np.zeros((8, 64), np.float32), "a.lora_B": np.zeros((64, 8), np.float32)}, path / "adapter_model.safetensors")
    Card("mine", "3", BaseRef("base", "b" * 16), RecipeRef("plain", "1", "c" * 16), {"hours": 1.0}).write(path)
    return open_adapter(path).digest


def test_another_adapter_in_the_same_folder_tells_nothing(tmp_path: Path) -> None:
    digest = adapter_folder(tmp_path / "a")
    found = adapter_in(tmp_path / "a", digest)
    assert found and found.trainable == 1024 and found.card and found.card.trained.hours == 1.0
    assert adapter_in(tmp_path / "a", "0" * 16) is None is adapter_in(tmp_path / "none", digest)


async def test_an_adapter_without_a_card_leaves_the_card_open(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        found = await app.judging.verdict()
        assert Settings().team.training_usd is None
        if found.aspects:
            tuned = [figure for aspect in found.aspects for figure in aspect.side(1)]
            assert all(figure.value is None for figure in tuned if figure.label in ("rank", "training"))
        assert found.even is None
