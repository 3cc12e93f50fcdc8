"""A build: its size is chosen once and kept when it goes on, and its limits are those of its own figures."""

from pathlib import Path

import pytest
import torch

from adapters.examples.demo.build import MISSED, OtherSize, limits, size_of
from engine.card import read_card
from engine.shipped import DEMO_ADAPTER

pytestmark = pytest.mark.demo


@pytest.mark.parametrize(("gpu", "wanted", "made"), [(False, None, "small"), (True, None, "large"), (False, "large", "large")])
def test_a_build_takes_the_size_that_its_machine_trains_or_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpu: bool, wanted: str | None, made: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    said: list[str] = []
    assert size_of(tmp_path, said.append, wanted).name == made
    assert len(said) == 1 and said[0].startswith(f"size: {made} (")


def test_a_build_goes_on_in_the_size_it_was_begun_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size_of(tmp_path, print, "large")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert size_of(tmp_path, print, None).name == "large"
    with pytest.raises(OtherSize, match="beginning of the large size"):
        size_of(tmp_path, print, "small")


def test_a_build_states_the_errors_of_its_own_figures() -> None:
    shares = {f"{side}: {measure}": 0.75 if side == "tuned" else 0.5 for side in ("tuned", "prompted") for measure in MISSED}
    assert sum("25.0%" in limit and "50.0%" in limit for limit in limits(shares)) == len(MISSED)
    card = read_card(DEMO_ADAPTER)
    assert card.limits == limits(card.figures)
