"""The training of the adapter desk, on a small model: lower layers that are kept change nothing, and what is saved runs in the engine."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from adapters.examples.desk.batches import BATCH_ROWS, epoch, lessons_of
from adapters.examples.desk.train import FIRST_LINE, card_of, learning_rate, loss_of, run_lower, save, train
from engine.backends.local.loading import Loaded, load_base
from engine.errors import BadRequest
from engine.folders import named_base
from engine.lineup import open_lineup
from engine.recipes import Recipe
from engine.rows import Row
from engine.settings import EngineSettings
from tests.engine import tiny

PLAIN = Recipe("short", "1", system="Desk.")
ROWS = [
    Row(number, f"Where is parcel {number}?" * (1 + number % 3), references=(f"Team: {number % 2}\nReply: {number}.",))
    for number in range(20)
]


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    """A small base of six layers, of which the top two are trained."""
    folder = tiny.save_base(tmp_path / "base")
    config: Any = AutoConfig.from_pretrained(folder)
    config.num_hidden_layers = 6
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return load_base(folder, "tiny", "float32", "cpu")


def lessons(loaded: Loaded) -> Any:
    return lessons_of(ROWS, PLAIN, loaded.chat, loaded.tokenizer.eos_token_id)


def test_the_loss_is_that_of_the_whole_model_on_the_answers_alone(loaded: Loaded) -> None:
    made = lessons(loaded)
    first, rest = list[float](), list[float]()
    for each in made:
        tokens = torch.tensor([each.tokens])
        with torch.inference_mode():
            chances = loaded.model(tokens).logits[0].log_softmax(-1)
        losses = [-float(chances[at - 1, tokens[0, at]]) for at in range(len(each.prompt), len(each.tokens))]
        first, rest = first + losses[: each.first], rest + losses[each.first :]
    expected = FIRST_LINE * sum(first) / len(first) + sum(rest) / len(rest)
    kept = run_lower(loaded.model, 4, made)
    loaded.model.model.layers = loaded.model.model.layers[4:]
    with torch.inference_mode():
        assert float(loss_of(loaded.model, kept, made)) == pytest.approx(expected, rel=1e-4)


async def test_what_was_trained_and_saved_duels(loaded: Loaded, tmp_path: Path) -> None:
    _, first = train(loaded.model, lessons(loaded), 1, 0, 2)
    fresh = load_base(tmp_path / "base", "tiny", "float32", "cpu")
    tuned, ran = train(fresh.model, lessons(fresh), 60, 0, 2)
    assert ran.steps == 180 and ran.loss < first.loss / 2
    card = card_of(fresh, PLAIN, ran, rows=len(ROWS), epochs=60, version="1")
    save(tuned, tmp_path / "desk", card, ROWS)
    assert {file.name for file in (tmp_path / "desk").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "card.json",
        "trained_on.txt",
    }
    assert named_base(tmp_path / "desk") == "tiny"
    (tmp_path / "short.toml").write_text('name = "short"\nversion = "1"\nsystem = "Desk."\n')
    own = {"base_model": str(tmp_path / "base"), "adapter": str(tmp_path / "desk"), "plain_recipe": str(tmp_path / "short.toml")}
    lineup = await open_lineup(EngineSettings(threads=1, recipe="house", plain_recipe=own.pop("plain_recipe"), **own, arms="plain,tuned"))
    await lineup.backend.aclose()
    assert lineup.kit.adapter and lineup.kit.adapter.saw(ROWS[0].text) and lineup.kit.adapter.trainable > 0


def test_every_row_comes_once_an_epoch_in_batches_of_like_length(loaded: Loaded) -> None:
    made = lessons(loaded)
    batches = list(epoch(made, random.Random(0)))
    assert sorted(place for batch in batches for place in batch) == list(range(20)) and max(map(len, batches)) == BATCH_ROWS
    lengths = [[len(made[place].tokens) for place in batch] for batch in batches]
    assert sum(max(each) - min(each) for each in lengths) < 20 * 3
    with pytest.raises(BadRequest, match="no answer to learn"):
        lessons_of([Row(1, "x", line=7)], PLAIN, loaded.chat, 0)


def test_the_rate_goes_up_and_then_down_to_nothing() -> None:
    rates = [learning_rate(step, 100) for step in range(100)]
    assert max(rates) == rates[5] == pytest.approx(1.5e-3) and rates[0] < rates[3] and rates[-1] == pytest.approx(1.5e-3 / 94)
