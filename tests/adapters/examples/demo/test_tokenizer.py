"""The tokenizer: numbers in threes, nothing lost, the marks first; one that is learned now and the one that ships."""

from pathlib import Path
from typing import Any

import pytest

from adapters.examples.demo import tokenizer as made
from adapters.examples.demo.tokenizer import SPECIAL, VOCABULARY, build_tokenizer, load_tokenizer
from engine.shipped import DEMO_BASE

pytestmark = pytest.mark.demo


@pytest.fixture(scope="module", params=["built", "shipped"])
def tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Yield one that is learned now, from fewer talks than the real one, and the one that ships."""
    if request.param == "shipped":
        return load_tokenizer(DEMO_BASE)
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made, "TALKS", 300)
        build_tokenizer(folder, 1)
    return load_tokenizer(folder)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("7", ["7"]),
        ("80", ["80"]),
        ("312", ["312"]),
        ("2000", ["2", "000"]),
        ("14,000", ["14", ",", "000"]),
        ("1234567", ["1", "234", "567"]),
        ("007", ["007"]),
        ("2.5k", ["2", ".", "5", "k"]),
        ("v22", ["v", "22"]),
    ],
)
def test_a_number_is_read_in_threes_from_the_right(tokenizer: Any, text: str, pieces: list[str]) -> None:
    assert [tokenizer.decode([token]) for token in tokenizer(text, add_special_tokens=False)["input_ids"]] == pieces


@pytest.mark.parametrize("text", ["180 a day,\n- 1.5 million; 14'000", "Zürich ² ٣ 10 % 😀", "<|nobody|> 0", "   ", ""])
def test_what_is_typed_comes_back(tokenizer: Any, text: str) -> None:
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text


def test_every_token_has_a_row_and_the_marks_come_first(tokenizer: Any) -> None:
    assert len(tokenizer) == VOCABULARY == tokenizer.vocab_size
    assert tokenizer.convert_tokens_to_ids(list(SPECIAL)) == list(range(len(SPECIAL)))
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id) == (0, 1)
