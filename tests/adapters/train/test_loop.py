"""The loop of any training: a stopped one goes on as if it had not stopped, and what it cannot go on from is a sentence."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import torch

from adapters.train import checkpoint, record
from adapters.train.checkpoint import BadCheckpoint
from adapters.train.loop import Learner, Loss, TrainingJob, TrainingRun, train
from adapters.train.schedule import RateSchedule
from adapters.train.share import Share

SCHEDULE = RateSchedule(steps=9, warm_up=2, cool_down=0.5)


class Numbers:
    """Batches of numbers drawn one after another; the state of the dice is where they are."""

    def __init__(self) -> None:
        self.dice = torch.Generator().manual_seed(7)

    def __iter__(self) -> Generator[torch.Tensor]:
        while True:
            yield torch.rand(4, 3, generator=self.dice)

    def state_dict(self) -> dict[str, Any]:
        return {"dice": self.dice.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.dice.set_state(state["dice"])


def sums(width: int = 3, worst: float = 1.0) -> Learner[torch.Tensor]:
    """A line through a frozen layer that learns to add up numbers; its loss is `worst` times the mean square error."""
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(3, width), torch.nn.Linear(width, 1))
    model[0].requires_grad_(False)

    def loss(batch: torch.Tensor) -> Loss:
        total = worst * (model(batch)[:, 0] - batch.sum(1)).square().mean()
        return Loss(total, total.detach()[None], tokens=batch.numel())

    return Learner(model, [torch.optim.AdamW(model[1].parameters(), lr=0.1)], Numbers(), loss)


def job(folder: Path, width: int = 3, worst: float = 1.0) -> TrainingJob[torch.Tensor]:
    return TrainingJob("sums", lambda _share: sums(width, worst), SCHEDULE, folder / "sums.safetensors", print)


def learned(learner: Learner[Any]) -> torch.Tensor:
    return torch.cat([weight.detach().reshape(-1) for weight in learner.model.parameters()])


def stopped_after(steps: int, folder: Path) -> TrainingRun[torch.Tensor]:
    run = TrainingRun(job(folder), Share())
    batches = iter(run.learner.batches)
    for _ in range(steps):
        run.step(next(batches))
    run.save()
    return run


def test_a_stopped_training_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    straight, told = train(job(tmp_path / "straight"), processes=1)
    stopped_after(5, tmp_path)
    resumed, told_too = train(job(tmp_path), processes=1)
    assert torch.equal(learned(straight), learned(resumed))
    assert (told.loss, told.tokens) == (told_too.loss, told_too.tokens) and told.tokens == 9 * 12


def test_it_learns_what_is_trained_and_leaves_the_rest(tmp_path: Path) -> None:
    began = sums()
    learner, told = train(job(tmp_path), processes=1)
    assert isinstance(began.model, torch.nn.Sequential) and isinstance(learner.model, torch.nn.Sequential)
    assert torch.equal(began.model[0].weight, learner.model[0].weight)
    assert not torch.equal(began.model[1].weight, learner.model[1].weight)
    assert told.loss < stopped_after(1, tmp_path / "other").losses()[0]
    assert told.device and told.processes == 1 and f"torch {torch.__version__.partition('+')[0]}" in told.tools


def test_a_checkpoint_holds_only_what_is_trained(tmp_path: Path) -> None:
    stopped_after(1, tmp_path)
    assert set(checkpoint.load(tmp_path / "sums.safetensors", "cpu")["trained"]) == {"1.weight", "1.bias"}


def test_a_checkpoint_that_cannot_be_gone_on_from_is_a_sentence(tmp_path: Path) -> None:
    stopped_after(1, tmp_path)
    with pytest.raises(BadCheckpoint, match="another model"):
        train(job(tmp_path, width=4), processes=1)
    (tmp_path / "sums.safetensors").write_bytes((tmp_path / "sums.safetensors").read_bytes()[:200])
    with pytest.raises(BadCheckpoint, match="cannot be read"):
        train(job(tmp_path), processes=1)


def test_a_checkpoint_that_could_not_be_written_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = stopped_after(1, tmp_path)
    before = (tmp_path / "sums.safetensors").read_bytes()

    def torn(_tensors: Any, path: Path, _plain: Any) -> None:
        path.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(checkpoint, "save_file", torn)
    with pytest.raises(OSError, match="no space"):
        run.save()
    assert (tmp_path / "sums.safetensors").read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_a_loss_that_is_no_number_stops_the_training(tmp_path: Path) -> None:
    with pytest.raises(ArithmeticError, match="sums: the loss is"):
        train(job(tmp_path, worst=float("inf")), processes=1)
    assert not (tmp_path / "sums.safetensors").exists(), "the last checkpoint is one from which it can go on"


def test_the_rate_rises_stays_and_falls() -> None:
    assert [RateSchedule(steps=4, warm_up=2, cool_down=0.5).rate(step) for step in range(5)] == [0.5, 1.0, 1.0, 0.5, 0.0]


def test_a_step_that_is_done_is_not_done_again(tmp_path: Path) -> None:
    said: list[str] = []
    results = [record.once(tmp_path / "step.json", "step", said.append, lambda: {"at": len(said)}) for _ in range(2)]
    assert results == [{"at": 1}, {"at": 1}] and said == ["step: begins", "step: done before"]
    assert [path.name for path in tmp_path.iterdir()] == ["step.json"]
