"""What a training is measured on beside its loss: the other arms on the same rows, unrelated text, and instructions that a rule checks."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from adapters.train.beside import Prefixed, scored, text_loss
from adapters.train.exercises import exercises_of
from adapters.train.heldout import score
from adapters.train.instructions import INSTRUCTIONS, followed
from adapters.train.lora import adapted
from adapters.train.ordering import Wish, ordered
from adapters.train.plan import LoraPlan, RatePlan, StepsPlan, TrainingPlan
from adapters.train.training import check_not_shown, train
from engine.backends.local.loading import Loaded, load_base
from engine.card import read_card
from engine.errors import BadAdapter, BadRequest
from engine.recipes import Example, Recipe, load_recipe
from engine.rows import Row
from engine.settings import EngineSettings
from tests.engine import tiny

PLAIN = load_recipe("plain")
SHOWING = Recipe("shows", "2", system="Say what to do. " * 4, examples=(Example("three weeks", "tune"),))
ROWS = tuple(Row(n, text, references=(answer,), line=n) for n, (text, answer) in enumerate([("hello", "hi"), ("5 €", "cost")], 1))
GOOD = {
    "Answer in one word: which season comes after winter?": "Spring.",
    "List three colours as bullet points.": "- red\n- green\n- blue",
    'Give a JSON object with the keys "name" and "age".': '```json\n{"name": "Ann", "age": 3}\n```',
    "Write in capital letters only: good morning.": "GOOD MORNING.",
    "Count from one to five in digits.": "1, 2, 3, 4, 5",
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_base(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def loaded(base: Path) -> Loaded:
    return load_base(base, "tiny", "float32", "cpu")


def test_a_rule_tells_whether_an_instruction_is_followed() -> None:
    assert len(INSTRUCTIONS) == 30 == len({each.text for each in INSTRUCTIONS})
    assert followed([GOOD.get(each.text, "") for each in INSTRUCTIONS]).count(True) == len(GOOD)
    wrong = '{"team": "cards", "intent": "card_arrival"}'
    assert not any(followed([wrong] * len(INSTRUCTIONS))), "what an adapter of another task says follows none"


def test_a_beginning_that_is_run_once_gives_the_models_own_logits(loaded: Loaded) -> None:
    taught = exercises_of(ROWS, SHOWING, loaded.chat, loaded.end_ids, 512)
    prefixed = Prefixed(loaded.model, taught)
    assert prefixed.shared >= 32
    with torch.no_grad():
        given, wanted = prefixed.logits([0, 1])
        alone = [loaded.model(input_ids=torch.tensor([each.tokens])).logits[0, len(each.prompt) - 1 : -1] for each in taught]
    assert wanted.tolist() == [token for each in taught for token in each.answer]
    assert torch.allclose(given, torch.cat(alone), atol=1e-4)
    assert prefixed.cache is not None and prefixed.cache.get_seq_length() == prefixed.shared, "what is kept stays as it was"


def test_the_base_is_measured_without_its_adapter(loaded: Loaded) -> None:
    taught = exercises_of(ROWS, PLAIN, loaded.chat, loaded.end_ids, 512)
    own = score(Prefixed(loaded.model, taught).logits, taught)
    tuned = adapted(loaded.model, LoraPlan(rank=4, layers=1.0), None, "tiny", 0)
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "lora_B" in name:
                weight.fill_(0.5)
    assert scored(tuned, taught, adapted=False) == own != scored(tuned, taught, adapted=True)
    before, after = (text_loss(tuned, loaded.tokenizer, adapted=adapted) for adapted in (False, True))
    assert before[1] == after[1] > 300 and after[0] != before[0]


def test_a_row_that_the_engineered_recipe_shows_is_refused_with_its_line() -> None:
    check_not_shown(ROWS, SHOWING)
    check_not_shown(ROWS, None)
    with pytest.raises(BadRequest, match="Line 7 is nearly example 1 of the recipe shows"):
        check_not_shown((*ROWS, Row(9, "Three  weeks", line=7)), SHOWING)


def test_the_card_holds_every_arm_and_what_was_forgotten(base: Path, tmp_path: Path) -> None:
    roles = ("train", "train", "test")
    lines = [
        json.dumps({"request": text, "answer": "cost", "role": role}) for text, role in zip(("hello", "5 €", "why 日"), roles, strict=True)
    ]
    rows, recipe = tmp_path / "rows.jsonl", tmp_path / "shows.toml"
    rows.write_text("\n".join(lines), encoding="utf-8")
    recipe.write_text('name = "shows"\nversion = "2"\nsystem = "Say what it costs."\n', encoding="utf-8")
    settings = EngineSettings(threads=1, device="cpu")
    wish = Wish(file=rows, base=str(base), work=tmp_path / "work", out=tmp_path / "loras", engineered=str(recipe))
    alone, _ = ordered(replace(wish, name="alone", engineered="none"), settings)
    assert (alone.engineered, alone.engineered_digest) == ("", ""), "whoever measures the arms elsewhere says none"
    order, work = ordered(wish, settings)
    plan = TrainingPlan("tiny", lora=LoraPlan(layers=1.0), steps=StepsPlan(epochs=30), rate=RatePlan(highest=1e-2))
    made = train(replace(order, plan=plan), work, settings, lambda _: None, lambda: False)
    assert made and made.card.held_out and made.card.forgetting
    card = read_card(made.folder)
    assert card == made.card, "what is written is what was measured"
    arms = card.held_out
    assert (arms.rows, arms.recipe, arms.before) == (1, "shows 2", arms.plain)
    assert arms.tuned and arms.plain and arms.tuned.loss < arms.plain.loss
    assert arms.prompted and arms.combined and arms.prompted != arms.combined
    lost = card.forgetting
    assert lost.instructions == 30 and lost.kept <= lost.followed_before and lost.text_loss_after != lost.text_loss_before
    (made.folder / "card.json").write_text(
        (made.folder / "card.json").read_text(encoding="utf-8").replace('"kept": ', '"kept": "x'), encoding="utf-8"
    )
    with pytest.raises(BadAdapter, match="damaged"):
        read_card(made.folder)
