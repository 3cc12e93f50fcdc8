"""The next token out of logits: greedy, drawn, and with a penalty on what the answer holds already."""

import pytest
import torch

from engine.backends.local.sampling import draw, generator_of
from engine.backends.local.text import StopTexts
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


def test_min_p_keeps_what_is_nearly_as_likely_as_the_likeliest() -> None:
    logits = torch.tensor([2.0, 1.9, 0.0, -1.0])
    drawn = {draw(logits, Sampling(temperature=1.0, min_p=0.5), torch.Generator().manual_seed(seed)) for seed in range(60)}
    assert drawn == {0, 1}


def test_a_recipe_s_seed_is_every_row_s() -> None:
    fixed, own = Sampling(temperature=1.0, seed=7), Sampling(temperature=1.0)

    def first(sampling: Sampling, seed: int) -> int:
        generator = generator_of(sampling, seed)
        assert generator is not None
        return generator.initial_seed()

    assert first(fixed, 1) == first(fixed, 2) == 7
    assert (first(own, 1), first(own, 2)) == (1, 2)


def test_an_answer_ends_before_a_stop_text_wherever_the_pieces_part() -> None:
    for pieces in (["Yes.\n\nNo"], ["Yes.", "\n", "\nNo"], ["Yes.\n", "\nNo"]):
        cut = StopTexts(("\n\n", "###"))
        assert "".join(map(cut.add, pieces)) == "Yes." and cut.met and cut.rest("more") == ""
    open_end = StopTexts(("\n\n",))
    assert open_end.add("Yes.\n") == "Yes." and open_end.rest("") == "\n" and not open_end.met
