"""The arms beside a training, on its own model: the held-out rows with an engineered recipe, and text that has nothing to do with them."""

import copy
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from transformers import DynamicCache

from adapters.train.exercises import Exercise
from adapters.train.heldout import Score, score
from engine.card import ArmScore, HeldOut

UNRELATED = Path(__file__).with_name("unrelated.txt")  # of our own writing
LEAST_SHARED = 32  # tokens with which all prompts begin, from which on they are run once


class Prefixed:
    """A whole model run over exercises whose prompts begin alike: the beginning is run once."""

    def __init__(self, model: Any, exercises: Sequence[Exercise]) -> None:
        self.model, self.exercises = model, exercises
        shared = min((each.asked_at for each in exercises), default=0)
        self.shared = shared if shared >= LEAST_SHARED else 0
        self.cache: DynamicCache | None = None

    def logits(self, places: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Compute the logits of all answer tokens of a batch, (tokens, vocabulary), and which are wanted, (tokens,)."""
        batch, on = [self.exercises[place] for place in places], self.model.device
        ids = pad_sequence([torch.tensor(each.tokens[self.shared :], device=on) for each in batch], batch_first=True)
        first = min(len(each.prompt) for each in batch) - 1 - self.shared
        given = self.model(input_ids=ids, past_key_values=self._begun(len(batch)), logits_to_keep=ids.shape[1] - first).logits
        cut = self.shared + first
        said = torch.cat([given[row, len(each.prompt) - 1 - cut : len(each) - 1 - cut] for row, each in enumerate(batch)])
        return said, torch.tensor([token for each in batch for token in each.answer], device=on)

    def _begun(self, rows: int) -> DynamicCache | None:
        """What the model has read of the shared beginning, for so many rows."""
        if not self.shared:
            return None
        if self.cache is None:
            ids = torch.tensor([self.exercises[0].prompt[: self.shared]], device=self.model.device)
            self.cache = self.model(input_ids=ids, use_cache=True, logits_to_keep=1).past_key_values
        begun: DynamicCache = copy.deepcopy(self.cache)
        begun.batch_repeat_interleave(rows)
        return begun


def scored(tuned: Any, exercises: Sequence[Exercise], *, adapted: bool) -> Score | None:
    """Measure the model on exercises, with its adapter or as its base is."""
    with _arm(tuned, adapted):
        return score(Prefixed(tuned, exercises).logits, exercises)


def held_out_arms(tuned: Any, known: HeldOut, plain: Sequence[Exercise], engineered: Sequence[Exercise]) -> HeldOut:
    """Measure the arms that are not known yet, on the same rows with the plain and with the engineered recipe, where there is one."""

    def arm(exercises: Sequence[Exercise], *, adapted: bool) -> ArmScore | None:
        return arm_score(scored(tuned, exercises, adapted=adapted))

    return replace(
        known,
        plain=known.plain or arm(plain, adapted=False),
        prompted=arm(engineered, adapted=False),
        combined=arm(engineered, adapted=True),
    )


def arm_score(given: Score | None) -> ArmScore | None:
    """Round a score as a card holds it."""
    return ArmScore(round(given.exact, 4), round(given.loss, 4)) if given else None


def text_loss(tuned: Any, tokenizer: Any, *, adapted: bool) -> tuple[float, int]:
    """Measure the loss on unrelated text in nats a token, and count the tokens."""
    loss, count = 0.0, 0
    with _arm(tuned, adapted), torch.no_grad():
        for text in UNRELATED.read_text(encoding="utf-8").split("\n\n"):
            ids = torch.tensor([tokenizer.encode(text.strip(), add_special_tokens=False)], device=tuned.device)
            logits = tuned(input_ids=ids, use_cache=False).logits[0, :-1].float()
            loss += float(cross_entropy(logits, ids[0, 1:], reduction="sum"))
            count += ids.shape[1] - 1
    return loss / count, count


def _arm(tuned: Any, adapted: bool) -> AbstractContextManager[Any]:
    context: AbstractContextManager[Any] = nullcontext() if adapted else tuned.disable_adapter()
    return context
