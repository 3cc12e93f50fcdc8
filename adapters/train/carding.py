"""What has been learned and measured, as an adapter's card."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

from adapters.train.beside import arm_score, held_out_arms, text_loss
from adapters.train.course import Learned
from adapters.train.exercises import exercises_of
from adapters.train.forgetting import Followed
from adapters.train.heldout import RowParts
from adapters.train.likeness import Likeness
from adapters.train.preferences import good
from adapters.train.record import tools
from adapters.train.runs import TrainingOrder
from engine.backends.local.loading import Loaded
from engine.card import BaseRef, Card, Forgetting, HeldOut, RecipeRef
from engine.recipes import Recipe
from engine.rows import Row


def card_of(order: TrainingOrder, loaded: Loaded, recipe: Recipe, parts: RowParts, learned: Learned) -> Card:
    """Write the card of a training that has ended, but for its hours and for what is measured afterwards."""
    training: dict[str, Any] = {
        "method": order.method,
        "examples": len(parts.train),
        "held_out": len(parts.held_out),
        "data": order.file_digest,
        "steps": learned.steps,
        "tokens": learned.tokens,
        "rank": learned.tuned.peft_config["default"].r,
        "loss": round(learned.loss, 4),
        "not_finished": not_finished(order, learned),
        "held_out_loss_before": learned.before and round(learned.before.loss, 4),
        "held_out_loss_after": learned.after and round(learned.after.loss, 4),
        "preferred": learned.preferred and asdict(learned.preferred),
        "from": order.parent_digest,
        "template": hashlib.sha256(str(loaded.tokenizer.chat_template).encode()).hexdigest()[:16],
        "settings": order.plan.table(),
        "device": f"{loaded.model.device}, threads: {order.threads}",
        "tools": tools(),
        "order": order.digest,
    }
    scores = {"before": learned.before, "after": learned.after}
    figures = {f"held-out rows right, {what}": score.exact for what, score in scores.items() if score}
    if learned.preferred:
        figures["held-out preferences told apart"] = learned.preferred.right
    base = BaseRef(loaded.base.name, loaded.base.revision)
    made_with = RecipeRef(recipe.name, recipe.version, recipe.digest)
    return Card(order.name, order.version, base, made_with, training, figures, tuple(_limits(order, learned)))


def not_finished(order: TrainingOrder, learned: Learned) -> bool:
    """Whether a training on rows ended with a high loss, or one on preferences without telling the held-out ones apart."""
    if order.method == "sft":
        return learned.loss > order.plan.safety.finished_loss
    return learned.preferred is not None and learned.preferred.right < order.plan.preference.enough_right


def _limits(order: TrainingOrder, learned: Learned) -> Iterator[str]:
    if learned.after is None and learned.preferred is None:
        why = "none were kept apart" if order.plan.run.measure == "all" else "its plan has them not measured"
        yield f"Nothing is known of it on rows that it did not learn: {why}."
    if not_finished(order, learned):
        if learned.preferred:
            told = f"{learned.preferred.right:.0%} of the held-out preferences are told apart"
        else:
            told = f"the loss ended at {learned.loss:.3f} nats a token"
        yield f"Its training is not finished: {told}."


def arms_of(
    loaded: Loaded, recipes: tuple[Recipe, Recipe | None], held_out: Sequence[Row], learned: Learned, *, anew: bool
) -> HeldOut | None:
    """Measure all arms on those of the held-out rows that hold wanted answers; None where there are none.

    recipes: the plain and the engineered one. anew: the training began with the base, not with an adapter.
    """
    rows, (plain, engineered) = [row for row in held_out if good(row)], recipes
    before = arm_score(learned.before)
    if not rows:
        return None
    taught, shown = (
        exercises_of(rows, recipe, loaded.chat, loaded.end_ids, loaded.base.context_tokens) if recipe else ()
        for recipe in (plain, engineered)
    )
    known = HeldOut(
        rows=len(rows),
        before=before,
        plain=before if anew else None,
        tuned=arm_score(learned.after),
        recipe=str(engineered.named) if engineered else "",
    )
    return held_out_arms(learned.tuned, known, taught, shown)


def forgotten(loaded: Loaded, learned: Learned) -> tuple[float, float, int]:
    """Measure the loss on unrelated text in nats a token, without and with the adapter, and count its tokens."""
    (before, tokens), (after, _) = (text_loss(learned.tuned, loaded.tokenizer, adapted=adapted) for adapted in (False, True))
    return round(before, 4), round(after, 4), tokens


def forgetting_of(texts: tuple[float, float, int], followed: Followed) -> Forgetting:
    """Put together what a training cost beside its task."""
    before, after, tokens = texts
    return Forgetting(
        text_tokens=tokens,
        text_loss_before=before,
        text_loss_after=after,
        instructions=len(followed.before),
        followed_before=sum(followed.before),
        followed_after=sum(followed.after),
        kept=followed.kept,
    )


def with_likeness(card: Card, found: Likeness | None) -> Card:
    """Add to a card whether new answers look like the chosen ones."""
    if found is None:
        return card
    limits = (*card.limits, found.warning) if found.warning else card.limits
    return replace(card, training=card.training | {"answers": found.table()}, limits=limits)
