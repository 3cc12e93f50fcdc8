"""The next token out of logits: greedy, drawn, and with a penalty on what the answer holds already."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backends.local.sampling import _likeliest, draw, generator_of, softmax
from engine.backends.local.text import StopTexts
from engine.recipes import Sampling

LOGITS = np.array([2.0, 1.9, -1.0, -1.05], np.float32)


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
    below = np.array([-1.0, -1.05], np.float32)
    assert draw(below, Sampling(), None, [0]) == 0
    assert draw(below, Sampling(repetition_penalty=1.1), None, [0]) == 1


def test_drawn_tokens_follow_the_penalised_chances() -> None:
    sampling = Sampling(temperature=1.0, repetition_penalty=2.0)
    generator = generator_of(sampling, 0)
    drawn = [draw(LOGITS, sampling, generator, [0]) for _ in range(4000)]
    chances = softmax(np.array([1.0, 1.9, -1.0, -1.05], np.float32))
    assert [drawn.count(token) / 4000 for token in range(4)] == pytest.approx(chances.tolist(), abs=0.03)


def test_min_p_keeps_what_is_nearly_as_likely_as_the_likeliest() -> None:
    logits = np.array([2.0, 1.9, 0.0, -1.0], np.float32)
    drawn = {draw(logits, Sampling(temperature=1.0, min_p=0.5), np.random.default_rng(seed)) for seed in range(60)}
    assert drawn == {0, 1}


def test_a_recipe_s_seed_is_every_row_s() -> None:
    fixed, own = Sampling(temperature=1.0, seed=7), Sampling(temperature=1.0)

    def first(sampling: Sampling, seed: int) -> float:
        generator = generator_of(sampling, seed)
        assert generator is not None
        return generator.random()

    assert first(fixed, 1) == first(fixed, 2) == first(own, 7)
    assert len({first(own, 1), first(own, 2), first(own, 7)}) == 3


FILTERS = st.fixed_dictionaries(
    {"temperature": st.floats(0.05, 2), "top_k": st.sampled_from([0, 1, 3, 300]), "min_p": st.sampled_from([0.0, 0.01, 0.5])}
    | {"top_p": st.sampled_from([1.0, 0.95, 0.5, 0.01])}
)


@settings(max_examples=150, deadline=None)
@given(size=st.sampled_from([1, 2, 255, 256, 257, 3000]), steps=st.integers(1, 40), seed=st.integers(0, 99), filters=FILTERS)
def test_the_tokens_that_may_be_drawn_are_those_of_a_full_ranking(size: int, steps: int, seed: int, filters: dict[str, Any]) -> None:
    """However few of them are looked at first; many are equal here, and of those the first come first."""
    sampling = Sampling(**filters)
    logits = (np.random.default_rng(seed).integers(0, steps, size) / 4).astype(np.float32)
    scaled = np.exp((logits.astype(np.float64) - float(logits.max())) / sampling.temperature)
    order = np.argsort(-scaled, kind="stable")
    chances = scaled[order] / scaled.sum()
    if sampling.top_k:
        chances[sampling.top_k :] = 0
    if sampling.min_p:
        chances[chances < sampling.min_p * chances[0] * (1 - 1e-12)] = 0
    if sampling.top_p < 1:
        before = chances.cumsum() - chances
        if np.abs(before - sampling.top_p).min() < 1e-12:
            return  # which side of it rounding takes is not said
        chances[before >= sampling.top_p] = 0
    found, shares = _likeliest(scaled, sampling)
    wanted = dict(zip(order[chances > 0].tolist(), chances[chances > 0].tolist(), strict=True))
    assert set(found.tolist()) == set(wanted)
    assert np.allclose(shares / scaled.sum(), [wanted[token] for token in found.tolist()])
    drawn = {draw(logits, sampling, np.random.default_rng(own)) for own in range(5)}
    assert drawn <= set(wanted)


def test_an_answer_ends_before_a_stop_text_wherever_the_pieces_part() -> None:
    for pieces in (["Yes.\n\nNo"], ["Yes.", "\n", "\nNo"], ["Yes.\n", "\nNo"]):
        cut = StopTexts(("\n\n", "###"))
        assert "".join(map(cut.add, pieces)) == "Yes." and cut.met and cut.rest("more") == ""
    open_end = StopTexts(("\n\n",))
    assert open_end.add("Yes.\n") == "Yes." and open_end.rest("") == "\n" and not open_end.met
