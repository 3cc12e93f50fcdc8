"""The line by which an answer is right weighs more: its tokens are found, their loss stands apart, and nothing is ignored."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from adapters.train.exercises import Exercise, exercises_of
from adapters.train.focus import focus_on
from adapters.train.kept import KeptBase
from adapters.train.ordering import Wish, ordered
from adapters.train.plan import BadPlan, FocusPlan, load_plan, parse_plan
from adapters.train.runs import BadRun
from engine.backends.local.loading import Loaded, load_base
from engine.recipes import load_recipe
from engine.rows import Row
from engine.scoring import line_span
from engine.settings import EngineSettings
from tests.engine import tiny

ROWS = (
    Row(1, "where is it", references=("Team: tune\nReply: two weeks",), line=1),
    Row(2, "what can you do", references=("Reply: naïve things\nteam:  prompt",), line=2),
    Row(3, "hello", references=("hi",), line=3),
)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load_base(tiny.save_base(tmp_path_factory.mktemp("base")), "tiny", "float32", "cpu")


@pytest.fixture(scope="module")
def taught(loaded: Loaded) -> tuple[Exercise, ...]:
    return exercises_of(ROWS, load_recipe("plain"), loaded.chat, loaded.end_ids, 512)


def test_the_tokens_of_the_lines_value_are_found(loaded: Loaded, taught: tuple[Exercise, ...]) -> None:
    focus = focus_on(taught, loaded.tokenizer, FocusPlan("Team"))
    assert focus is not None
    inside = [
        loaded.tokenizer.decode([token for token, is_in in zip(each.answer, marked.tolist(), strict=True) if is_in]).strip()
        for each, marked in zip(taught, focus.inside, strict=True)
    ]
    assert inside == ["tune", "prompt", ""]
    assert line_span("Team:  a b \nTeam: c", "team") == (7, 10) and line_span("no line", "team") is None


def test_the_loss_is_that_of_the_others_and_of_the_line_apart(loaded: Loaded, taught: tuple[Exercise, ...]) -> None:
    rows = KeptBase(loaded.model, 1, "tiny", 10**9).keep(taught)
    with rows.base.upper(), torch.no_grad():
        logits, wanted = rows.logits([0, 2])
        alike = rows.loss([0, 2])
        rows.focus = focus_on(taught, loaded.tokenizer, FocusPlan("Team", 3.0))
        weighed, none = rows.loss([0, 2]), rows.loss([2])
    losses = torch.nn.functional.cross_entropy(logits, wanted, reduction="none")
    assert rows.focus is not None
    inside = torch.cat([rows.focus.inside[place] for place in (0, 2)])
    assert 0 < int(inside.sum()) < len(inside)
    assert torch.allclose(weighed.total, losses[~inside].mean() + 3 * losses[inside].mean())
    assert torch.allclose(weighed.shown, alike.shown) and torch.allclose(alike.total, losses.mean())
    assert torch.equal(none.total, none.shown[0]), "a batch without the line learns as ever"


def test_a_focus_that_would_be_ignored_is_refused(loaded: Loaded, taught: tuple[Exercise, ...], tmp_path: Path) -> None:
    with pytest.raises(BadPlan, match="no answer has a line that begins with that"):
        focus_on(taught, loaded.tokenizer, FocusPlan("Topic"))
    with pytest.raises(BadPlan, match="trl weighs all tokens"):
        parse_plan(b'[run]\nway = "deep"\n[focus]\nline = "Team"\n', "own", "The plan")
    with pytest.raises(BadPlan, match="without its colon"):
        parse_plan(b'[focus]\nline = "Team:"\n', "own", "The plan")
    plan, rows = tmp_path / "own.toml", tmp_path / "pairs.jsonl"
    plan.write_text('[focus]\nline = "Team"\n')
    rows.write_text("{}\n")
    for method in ("dpo", "kto"):
        with pytest.raises(BadRun, match=f"--method sft alone; {method} compares"):
            ordered(replace(Wish(rows, "own"), plan=str(plan), base="demo", method=method), EngineSettings())  # type: ignore[arg-type]
    assert load_plan("standard").focus == FocusPlan()
