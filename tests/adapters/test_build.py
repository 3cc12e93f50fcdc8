"""The build's size: chosen once, kept when it goes on, never another one unasked."""

from pathlib import Path

import pytest
import torch

from adapters.demo.build import OtherSize, size_of


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
