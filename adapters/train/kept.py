"""A base whose lower layers stay as they are: they are run once over each exercise, and what they give is kept.

LoRA in the layers above learns from that. A step then costs a third of a whole pass: neither the lower layers nor their gradients are
computed again. Where all layers are adapted, nothing is kept, and this is a plain loop.

The tokens with which all prompts begin are run once for a batch, and not once for each of its rows: a model looks back only, so what they
give is the same for all rows, and so is what is learned from them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from transformers import DynamicCache

from adapters.train.exercises import Exercise
from adapters.train.focus import Focus
from adapters.train.loop import Loss
from adapters.train.plan import BadPlan

Told = Callable[[int, int], None]  # takes how many exercises are done, and how many there are
Looked = tuple[Tensor, Tensor]  # a layer's keys and values of the beginning, (1, heads, tokens, head size) each
KEPT_ROWS = 8  # rows of which the lower layers' states are computed together: faster than one by one
CLOSE = {"float32": 1e-3, "bfloat16": 0.1}  # by how much two ways of computing a logit may differ, of the largest one


class KeptBase:
    """A causal model of transformers, run from what its lowest layers gave. `lower` is their number."""

    def __init__(self, model: Any, lower: int, name: str, most_bytes: int, begins: Sequence[int] = ()) -> None:
        """Run the lowest layers over what all exercises begin with. Raises BadPlan, as `prove` does.

        most_bytes: of kept states; where they would be more, they are computed anew each time.
        begins: tokens with which every exercise's prompt begins; a model with layers that do not look at all of them is given none.
        """
        self.model, self.lower, self.name, self.most_bytes = model, lower, name, most_bytes
        self.body = model.get_decoder()
        self.layers = getattr(self.body, "layers", None)
        if lower and not (isinstance(self.layers, nn.ModuleList) and isinstance(getattr(self.body, "norm", None), nn.Module)):
            raise BadPlan(self._unfit())
        self._device = next(model.parameters()).device
        kinds = getattr(model.config.get_text_config(), "layer_types", None) or ["full_attention"]
        self.begins = tuple(begins) if set(kinds) == {"full_attention"} else ()
        self._begun: dict[str, Tensor] = {"input_ids": torch.tensor([self.begins], device=self._device)}
        self._below: list[Looked] = []  # of the lowest layers
        if self.begins and lower:
            with torch.no_grad(), self._only(self.layers[:lower], nn.Identity()):  # type: ignore[index]
                found = self.body(**self._begun, use_cache=True)
            self._begun, self._below = {"inputs_embeds": found.last_hidden_state}, _looked(found.past_key_values)[:lower]

    def keep(self, exercises: Sequence[Exercise], told: Told = lambda *_: None) -> "KeptExercises":
        """Run the lowest layers over exercises, KEPT_ROWS of like length at a time: the same ones together in every run."""
        order = sorted(range(len(exercises)), key=lambda place: len(exercises[place])) if self.kept_bytes(exercises) else []
        kept = dict[int, Tensor]()
        for at in range(0, len(order), KEPT_ROWS):
            places = order[at : at + KEPT_ROWS]
            kept.update(zip(places, self._together([exercises[place] for place in places]), strict=True))
            told(len(kept), len(exercises))
        return KeptExercises(self, exercises, [kept[place] for place in sorted(kept)])

    def kept_bytes(self, exercises: Sequence[Exercise]) -> int:
        """Count the bytes of what is kept of exercises; 0 where nothing is, as they would be too many."""
        width = self.model.config.get_text_config().hidden_size * next(self.model.parameters()).element_size()
        found = int(self.tokens(exercises) * width) if self.lower else 0
        return found if found <= self.most_bytes else 0

    def tokens(self, exercises: Sequence[Exercise]) -> int:
        """Count the tokens of exercises after their beginnings."""
        return sum(len(each) - len(self.begins) for each in exercises)

    def states(self, exercise: Exercise) -> Tensor:
        """Compute what the lowest layers give for an exercise after its beginning, (tokens, width)."""
        return self._together([exercise])[0]

    def _together(self, exercises: Sequence[Exercise]) -> list[Tensor]:
        """Compute what they give for several; padding on the right needs no mask, as the model looks back only."""
        with torch.no_grad(), self._only(self.layers[: self.lower], nn.Identity()):  # type: ignore[index]
            states = self._after(self._below, {"input_ids": self.ids(exercises)}, len(exercises))
            return [states[row, : len(each) - len(self.begins)].clone() for row, each in enumerate(exercises)]

    def ids(self, exercises: Sequence[Exercise]) -> Tensor:
        """The tokens of exercises after their beginning, (rows, tokens), with padding on the right."""
        return pad_sequence([torch.tensor(each.tokens[len(self.begins) :], device=self._device) for each in exercises], batch_first=True)

    def raised(self, given: Mapping[str, Tensor], rows: int) -> Tensor:
        """Run the upper layers over rows, given as the body takes them: the beginning once, then the rest. Only within `upper`."""
        if not self.begins:
            return self._after((), given, rows)
        looked = _looked(self.body(**self._begun, use_cache=True).past_key_values)
        return self._after([*self._below, *looked[self.lower :]], given, rows)

    def _after(self, looked: Sequence[Looked], given: Mapping[str, Tensor], rows: int) -> Tensor:
        """Run the layers that are there over rows, each after the beginning of which the layers have these keys and values."""
        begun = DynamicCache([(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1)) for keys, values in looked])
        past = {"past_key_values": begun} if looked else {}
        states: Tensor = self.body(**given, **past, use_cache=bool(looked)).last_hidden_state
        return states

    @contextmanager
    def upper(self) -> Iterator[None]:
        """Leave only the upper layers in the model while this lasts."""
        if not self.lower:
            yield
            return
        with self._only(self.layers[self.lower :], self.body.norm):  # type: ignore[index]
            yield

    @contextmanager
    def _only(self, layers: Any, norm: nn.Module) -> Iterator[None]:
        before = self.body.layers, self.body.norm
        self.body.layers, self.body.norm = layers, norm
        try:
            yield
        finally:
            self.body.layers, self.body.norm = before

    def prove(self, exercise: Exercise) -> None:
        """Compare the logits of this way with the model's own. Raises BadPlan for a model that computes more than this knows of."""
        with torch.no_grad():
            own = self.model(input_ids=torch.tensor([exercise.tokens], device=self._device), use_cache=False).logits[0].float()
            with self.upper():
                kept, _ = KeptExercises(self, [exercise], []).logits([0])
        differ = float((own[len(exercise.prompt) - 1 : -1] - kept.float()).abs().max() / own.abs().max())
        if not differ <= CLOSE[str(self.model.dtype).removeprefix("torch.")]:
            raise BadPlan(self._unfit())

    def _unfit(self) -> str:
        return f'The base model {self.name} is of a kind whose lower layers cannot be kept. Set run.way = "deep" in the plan.'


class KeptExercises:
    """Exercises with what the lowest layers gave for each."""

    def __init__(self, base: KeptBase, exercises: Sequence[Exercise], kept: Sequence[Tensor], focus: Focus | None = None) -> None:
        self.base, self.exercises, self.kept, self.focus = base, exercises, kept, focus

    def states(self, place: int) -> Tensor:
        """Return what the lowest layers gave for the exercise at a place after its beginning, (tokens, width)."""
        if self.kept:
            return self.kept[place]
        return self.base.states(self.exercises[place])

    def logits(self, places: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Compute the logits of all answer tokens of a batch, (tokens, vocabulary), and which are wanted, (tokens,).

        Only within `KeptBase.upper`. Padding on the right needs no mask: the model looks back only.
        """
        batch, base = [self.exercises[place] for place in places], self.base
        if base.lower:
            given = {"inputs_embeds": pad_sequence([self.states(place) for place in places], batch_first=True)}
        else:
            given = {"input_ids": base.ids(batch)}
        hidden, cut = base.raised(given, len(batch)), len(base.begins) + 1
        said = torch.cat([hidden[row, len(each.prompt) - cut : len(each) - cut] for row, each in enumerate(batch)])
        wanted = torch.tensor([token for each in batch for token in each.answer], device=base._device)
        return base.model.get_output_embeddings()(said), wanted

    def loss(self, places: list[int]) -> Loss:
        """Compute the loss of the batch's answer tokens in nats: their mean, or as the focus weighs them. What is shown is the mean."""
        logits, wanted = self.logits(places)
        losses = cross_entropy(logits.float(), wanted, reduction="none")
        total = self.focus.weighed(losses, places) if self.focus else losses.mean()
        return Loss(total, losses.detach().mean()[None], sum(len(self.exercises[place]) for place in places))


def _looked(cache: Any) -> list[Looked]:
    """The keys and values of a cache, layer by layer; of a layer that looked at nothing None."""
    return [(layer.keys, layer.values) for layer in cache.layers]
