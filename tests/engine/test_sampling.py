"""The next token out of logits: greedy, drawn, and with a penalty on what the answer holds already."""

import pytest
import torch

from engine.backends.local.sampling import draw, generator_of
from engine.recipes import Sampling

LOGITS = torch.tensor([2.0, 1.9, -1.0, -1.05])


@pytest.mark.parametrize(
    ("written", "penalty", "token"),
    [
        ([], 1.1, 0),
        ([0], 1.0, 0),
        ([0], 1.1, 1),  # 2.0 / 1.1 is less than 1.9
        ([0, 0, 1], 1.1, 0),  # each token once, however often it was written
    ],
)
def test_a_token_that_the_answer_holds_is_made_less_likely(written: list[int], penalty: float, token: int) -> None:
    assert draw(LOGITS, Sampling(repetition_penalty=penalty), None, written) == token
    assert LOGITS.tolist() == pytest.approx([2.0, 1.9, -1.0, -1.05]), "the row's own logits are left as they were"


def test_a_logit_below_zero_goes_further_down() -> None:
    below = torch.tensor([-1.0, -1.05])
    assert draw(below, Sampling(), None, [0]) == 0
    assert draw(below, Sampling(repetition_penalty=1.1), None, [0]) == 1


def test_drawn_tokens_follow_the_penalised_chances() -> None:
    sampling = Sampling(temperature=1.0, repetition_penalty=2.0)
    generator = generator_of(sampling, 0)
    drawn = [draw(LOGITS, sampling, generator, [0]) for _ in range(4000)]
    chances = torch.tensor([1.0, 1.9, -1.0, -1.05]).softmax(-1)
    assert [drawn.count(token) / 4000 for token in range(4)] == pytest.approx(chances.tolist(), abs=0.03)
