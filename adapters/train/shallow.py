"""The way of a CPU: LoRA in the upper layers, from what the lower ones gave once."""

from dataclasses import replace

import torch

from adapters.train.course import Course, Follower, Learned
from adapters.train.exercises import BatchOrder, beginning_of
from adapters.train.focus import focus_on
from adapters.train.heldout import score
from adapters.train.kept import KeptBase, KeptExercises
from adapters.train.loop import Learner, TrainingJob, TrainingProgress, TrainingRun
from adapters.train.lora import adapted, lowest_layer
from adapters.train.share import Share

MEASURED = (0.25, 0.5, 0.75)  # shares of the steps after which held-out rows are measured
MEASURED_ROWS = 64  # of them, at most


def learn(course: Course, follower: Follower) -> Learned:
    """Teach a course from its checkpoint, or from the beginning, to its end or a stop. Raises BadPlan for a model of which nothing can be
    kept, BadCheckpoint, ArithmeticError where the loss is no number any more."""
    plan, loaded = course.plan, course.loaded
    lower = lowest_layer(loaded.model, plan.lora, course.parent)
    base = KeptBase(
        loaded.model, lower, loaded.base.name, plan.run.kept_most_mb * 1_000_000, beginning_of((*course.train, *course.held_out))
    )
    base.prove(min(course.train, key=len))
    tuned = adapted(loaded.model, plan.lora, course.parent, loaded.base.name, plan.run.seed)
    total = len(course.train) + len(course.held_out)
    train = base.keep(course.train, lambda done, _: follower.phase("lower layers", done, total))
    train.focus = focus_on(course.train, loaded.tokenizer, plan.focus)
    held_out = base.keep(course.held_out, lambda done, _: follower.phase("lower layers", len(course.train) + done, total))
    with base.upper():
        follower.phase("before", 0, len(course.held_out))
        before = score(held_out.logits, course.held_out)
        if before:
            follower.measured(0, before)
        run = TrainingRun(job(course, tuned, train, measuring(course, held_out, follower)), Share())
        run.go()
        ended = run.done.step == course.steps
        if ended:
            follower.phase("after", 0, len(course.held_out))
        after = score(held_out.logits, course.held_out) if ended else None
    loss, done = tail(run.latest, course.steps), run.done
    return Learned(tuned, done.step, done.tokens, loss, done.spent_s, before, after, kept=bool(train.kept), ended=ended)


def measuring(course: Course, held_out: KeptExercises, follower: Follower) -> Follower:
    """Have some held-out rows measured at some steps on the way, for whoever watches. A measurement changes no weight."""
    marks = {round(course.steps * part) for part in MEASURED}

    def told(progress: TrainingProgress) -> None:
        follower.watch.tell(progress)
        if progress.step in marks and (found := score(held_out.logits, course.held_out[:MEASURED_ROWS])):
            follower.measured(progress.step, found)

    return replace(follower, watch=replace(follower.watch, tell=told))


def job(course: Course, tuned: torch.nn.Module, train: KeptExercises, follower: Follower) -> TrainingJob[list[int]]:
    """Make the order for the loop."""
    plan = course.plan
    weights = [weight for weight in tuned.parameters() if weight.requires_grad]
    rate = plan.highest_rate(course.loaded.base.parameters)

    def make(_share: Share) -> Learner[list[int]]:
        order = BatchOrder([len(each) for each in course.train], plan.steps.batch_rows, plan.run.seed)
        return Learner(tuned, [torch.optim.AdamW(weights, lr=rate, weight_decay=0.0)], order, train.loss)

    return TrainingJob(course.name, make, plan.schedule(course.steps), course.checkpoint, lambda _: None, watch=follower.watch)


def tail(latest: list[torch.Tensor], steps: int) -> float:
    """Compute the mean loss over the last tenth of the steps, as far as they are kept; infinite before the first."""
    last = latest[-max(1, steps // 10) :]
    return float(torch.stack(last).mean(0)[0]) if last else float("inf")
