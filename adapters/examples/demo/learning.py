"""How base and adapter learn: the words of the answers, and beside them what must have been read. Both trainings share it."""

from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from adapters.examples.demo.batches import Source, TokenBatch, batches_of, pools_ahead, written
from adapters.examples.demo.muon import Muon
from adapters.examples.demo.reading import FACETS
from adapters.examples.demo.sizes import Plan
from adapters.train.loop import Learner, Loss, TrainingJob, train
from adapters.train.processes import device, gather
from adapters.train.share import Share

LAYERS_BEHIND = 1  # the reading heads, so that what follows can work with what was read
READING_WEIGHT = 0.5  # of a facet, against a learned token


@dataclass(frozen=True, slots=True)
class Lesson:
    """A model and the text that it learns from; it travels to other processes by pickle."""

    build: Callable[[], Any]  # makes the model that is trained, the same in every process
    source: Source

    def learner(self, share: Share) -> Learner[TokenBatch]:
        """Make the model, its reading heads and its batches for one process."""
        plan = self.source.plan
        torch.manual_seed(plan.seed)
        model = self.build().to(device()).train()
        heads = reading_heads(model.config.hidden_size).to(device())
        return Learner(
            model=torch.nn.ModuleDict({"model": model, "heads": heads}),
            optimizers=optimizers(model, heads, plan, share),
            batches=Pools(self.source, share, ahead=device() == "cuda"),
            loss=partial(loss, model, heads),
        )


def learn(lesson: Lesson, saved: Path, show: Callable[[str], None], processes: int | None = None) -> tuple[Any, dict[str, Any]]:
    """Train the lesson's model, or go on from the checkpoint `saved`. Returns the model without the heads, and what its card tells."""
    plan = lesson.source.plan
    job = TrainingJob(plan.name, lesson.learner, plan.schedule, saved, show, shows=("loss", "of a facet"))
    learner, record = train(job, processes)
    assert isinstance(learner.model, torch.nn.ModuleDict)
    return learner.model["model"], {"plan": asdict(plan), **asdict(record)}


class Pools:
    """The batches of one process, pool after pool without end."""

    def __init__(self, source: Source, share: Share, ahead: bool) -> None:
        """ahead: other processes write the pools, while a GPU learns; else all that train write each pool together."""
        self.source, self.share, self.ahead = source, share, ahead
        self.pool = self.taken = 0  # the pool that comes next or is under way, and how many of its batches were taken

    def __iter__(self) -> Generator[TokenBatch]:
        pools = pools_ahead(self.source, self.pool) if self.ahead else map(self._written_together, count(self.pool))
        for batches in pools:
            for batch in batches[self.taken :]:
                self.taken += 1
                yield batch
            self.pool, self.taken = self.pool + 1, 0

    def state_dict(self) -> dict[str, int]:
        """Return where it is, for a checkpoint."""
        return {"pool": self.pool, "taken": self.taken}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from where another was, as `state_dict` told it."""
        self.pool, self.taken = state["pool"], state["taken"]

    def _written_together(self, number: int) -> list[TokenBatch]:
        parts = gather(self.share, written(self.source, number, self.share))
        return batches_of(self.source, number, {at: talk for part in parts for at, talk in part.items()}, self.share)


def reading_heads(width: int) -> torch.nn.Module:
    """Make heads that guess every facet from one hidden state, shape (..., width) -> (..., sum of FACETS)."""
    return torch.nn.Sequential(torch.nn.RMSNorm(width), torch.nn.Linear(width, sum(FACETS.values())))


def loss(model: Any, heads: torch.nn.Module, batch: TokenBatch) -> Loss:
    """Weigh the words and the readings of these rows; shown are a learned token's loss and a facet's."""
    if not len(batch.ids):
        return Loss(torch.zeros((), device=device()), torch.zeros(2, device=device()), batch.tokens)
    words, facets = losses(model, heads, batch)
    shown = torch.stack((words.detach() / batch.learned, facets.detach() / batch.asked))
    return Loss((words + READING_WEIGHT * facets) / batch.learned, shown, batch.tokens)


def losses(model: Any, heads: torch.nn.Module, batch: TokenBatch) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum the cross entropy, in nats, over the learned tokens, and over the facets of the readings.

    Right padding needs no mask: the model looks back only.
    """
    on = device()
    ids, places, targets = (torch.from_numpy(part).long().to(on) for part in (batch.ids, batch.places, batch.targets))
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    # A CPU without bfloat16 instructions imitates them some sixty times slower than it runs float32.
    fast = on == "cuda" or bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    with torch.autocast(on, dtype=torch.bfloat16, enabled=fast):
        out = causal.model(input_ids=ids, use_cache=False, output_hidden_states=True)
        logits = causal.lm_head(out.last_hidden_state.flatten(0, 1)[places])  # the head is costly; the other rows would be thrown away
    words = cross_entropy(logits.float(), targets, reduction="sum")
    if not len(batch.read_at):
        return words, words.new_zeros(())
    read_at, classes = (torch.from_numpy(part).long().to(on) for part in (batch.read_at, batch.classes.T.copy()))
    hidden = out.hidden_states[-1 - LAYERS_BEHIND].flatten(0, 1)[read_at]
    guesses = heads(hidden.float()).split(list(FACETS.values()), dim=1)
    facets = [cross_entropy(guess, truth, reduction="sum") for guess, truth in zip(guesses, classes, strict=True)]
    return words, torch.stack(facets).sum()


def optimizers(model: Any, heads: torch.nn.Module, plan: Plan, share: Share) -> list[torch.optim.Optimizer]:
    """Make Muon for the weight matrices inside the layers, and AdamW for the rest and the reading heads."""
    trained = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    inner = [
        weight for name, weight in trained if weight.ndim == 2 and "embed" not in name and "lm_head" not in name and "lora" not in name
    ]
    rest = [*(weight for _, weight in trained if all(weight is not other for other in inner)), *heads.parameters()]
    made: list[torch.optim.Optimizer] = [torch.optim.AdamW(rest, lr=plan.other_rate, betas=(0.9, 0.98), weight_decay=0.0)]
    if inner:
        made.append(Muon(inner, lr=plan.matrix_rate, weight_decay=0.01, share=share))
    return made
