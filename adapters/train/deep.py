"""The way of a GPU: LoRA in all layers, by trl's SFTTrainer.

The rows go in as tokens, with -100 where nothing is learned: trl renders nothing itself.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

import torch
from datasets import Dataset  # type: ignore[import-untyped]
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from adapters.train.course import Course, Follower, Learned
from adapters.train.exercises import BatchOrder, Exercise
from adapters.train.heldout import score
from adapters.train.lora import adapted
from adapters.train.stepping import Steps, common_arguments

NOT_LEARNED = -100  # the label of a token that is only read


def learn(course: Course, follower: Follower) -> Learned:
    """Teach a course from its checkpoint, or from the beginning, to its end or a stop. Raises BadCheckpoint, and ArithmeticError where the
    loss is no number any more."""
    plan, loaded = course.plan, course.loaded
    tuned = adapted(loaded.model, plan.lora, course.parent, loaded.base.name, plan.run.seed)
    follower.phase("before", 0, len(course.held_out))
    before = score(Whole(tuned, course.held_out).logits, course.held_out)
    rate = plan.highest_rate(loaded.base.parameters)
    lesson = Steps(course.name, tuned, rate, plan.schedule(course.steps), saved=course.checkpoint, watch=follower.watch)
    lesson.go(lambda steps, folder, first: _trainer(course, tuned, steps, folder, first))
    if ended := lesson.ended:
        follower.phase("after", 0, len(course.held_out))
    tuned.eval()
    after = score(Whole(tuned, course.held_out).logits, course.held_out) if ended else None
    tokens = sum(len(course.train[place]) for place in islice(_places(course), lesson.step * plan.steps.batch_rows))
    return Learned(tuned, lesson.step, tokens, lesson.tail(), lesson.spent_s, before, after, kept=False, ended=ended)


class Whole:
    """A whole model run over exercises."""

    def __init__(self, model: Any, exercises: Sequence[Exercise]) -> None:
        self.model, self.exercises = model, exercises

    def logits(self, places: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Compute the logits of all answer tokens of a batch, (tokens, vocabulary), and which are wanted, (tokens,)."""
        batch = [self.exercises[place] for place in places]
        on = self.model.device
        ids = pad_sequence([torch.tensor(each.tokens, device=on) for each in batch], batch_first=True)
        given = self.model(input_ids=ids, use_cache=False).logits
        said = torch.cat([given[row, len(each.prompt) - 1 : len(each) - 1] for row, each in enumerate(batch)])
        return said, torch.tensor([token for each in batch for token in each.answer], device=on)


class AnswerTrainer(SFTTrainer):
    """trl's trainer for a processor: its loss, of the columns alone in which some row has an answer.

    trl scores every token of a prompt with the whole vocabulary there, twice, to count what is no part of the loss.
    """

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        """Compute the mean loss of the learned tokens, nats a token. transformers calls it; it asks for outputs in evaluations alone."""
        assert not return_outputs, "nothing is evaluated by the trainer"
        given = dict(inputs)
        labels = given.pop("labels")[:, 1:]
        columns = (labels != NOT_LEARNED).any(0).nonzero().flatten()
        logits = model(**given, use_cache=False, logits_to_keep=columns).logits.float()
        wanted = labels[:, columns]
        loss = cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=NOT_LEARNED, reduction="sum")
        return loss / (num_items_in_batch if num_items_in_batch is not None else (wanted != NOT_LEARNED).sum())


def _trainer(course: Course, tuned: Any, steps: Steps, folder: str, first: int) -> SFTTrainer:
    plan, on_cpu = course.plan, course.loaded.model.device.type == "cpu"
    left = common_arguments(folder, course.steps - first, plan, on_cpu=on_cpu)
    return (AnswerTrainer if on_cpu else SFTTrainer)(
        model=tuned,
        args=SFTConfig(**left, shuffle_dataset=False, packing=False),
        train_dataset=_dataset(course, first),
        processing_class=course.loaded.tokenizer,
        optimizers=(steps.optimizer, steps.rates()),
        callbacks=[steps],
    )


def _places(course: Course) -> Iterator[int]:
    order = BatchOrder([len(each) for each in course.train], course.plan.steps.batch_rows, course.plan.run.seed)
    return chain.from_iterable(order)


def _dataset(course: Course, first: int) -> Dataset:
    """Lay out the rows of all steps from `first` on, in their order."""
    size = course.plan.steps.batch_rows
    places = list(islice(_places(course), first * size, course.steps * size))
    rows = [course.train[place] for place in places]
    return Dataset.from_dict(
        {
            "input_ids": [list(each.tokens) for each in rows],
            "labels": [[NOT_LEARNED] * len(each.prompt) + list(each.answer) for each in rows],
        }
    )
