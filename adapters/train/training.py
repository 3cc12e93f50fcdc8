"""A run from rows to an adapter that may duel: read, load, teach, measure, write the card, prove it alive; from where it was stopped."""

import asyncio
import contextlib
import errno
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from adapters.data.join import near_pairs
from adapters.data.rows import asked
from adapters.train import lora
from adapters.train.carding import arms_of, card_of, forgetting_of, forgotten, with_likeness
from adapters.train.course import Course, Follower, Learned
from adapters.train.exercises import exercises_of
from adapters.train.forgetting import Followed, instructions_followed, new_answers
from adapters.train.heldout import RowParts, Score, parted
from adapters.train.likeness import ASKED, Likeness, likeness, shape
from adapters.train.loop import TrainingProgress, Watch
from adapters.train.preferences import Method, good, judged_of, pairs_of, parted_preferences, read_preferences
from adapters.train.runs import BadRun, Phase, Status, TrainingOrder, WorkFolder, file_digest
from engine.backends.local.chat import Chat
from engine.backends.local.loading import Loaded, load_base, pick_device
from engine.backends.local.pages import give_back_freed
from engine.card import Card
from engine.contestants import Adapter, folder_revision, open_adapter
from engine.errors import BadRequest, DuelbotError
from engine.lineup import base_folder, open_backend
from engine.processors import count_free
from engine.recipes import Recipe, load_recipe
from engine.rows import Row, read_rows
from engine.settings import EngineSettings
from engine.trained_on import read_trained_on, write_trained_on

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # what a disk says that takes no more
FULL_WORDS = ("No space left", "File too large", "quota")  # the same out of safetensors
Tell = Callable[[Status], None]
Stop = Callable[[], bool]


class TrainingFailed(DuelbotError):
    """A training came to no end; what it has learned up to its last checkpoint is kept."""


@dataclass(frozen=True, slots=True)
class Trained:
    """An adapter that is ready to duel, and what is to be said of it."""

    folder: Path
    card: Card
    before: Score | None  # on the held-out rows
    after: Score | None
    loss: float  # nats a token, in training, at its end
    finished: bool  # whether that is below the plan's threshold
    moved: float  # total variation of next-token distributions from the base's, 0 to 1


def train(order: TrainingOrder, work: WorkFolder, settings: EngineSettings, tell: Tell, stop: Stop) -> Trained | None:
    """Carry out an order, or what is left of it. Returns None where it was stopped; then a checkpoint is kept.

    tell: called with every change of the status, after the status file. Raises DuelbotError; the status file holds its words.
    """

    def told(status: Status) -> None:
        work.tell(status)
        tell(status)

    with work.alone():
        run = _Run(order, work, settings, told, stop)
        try:
            with _in_words(order):
                made = run.carry_out()
        except DuelbotError as error:
            told(replace(run.latest, phase="failed", words=error.words))
            raise
        words = f"Stopped at step {run.latest.step:,} of {run.latest.steps:,}." if made is None else f"The adapter is in {made.folder}."
        told(replace(run.latest, phase="stopped" if made is None else "done", left_s=None, words=words))
        return made


@contextlib.contextmanager
def _in_words(order: TrainingOrder) -> Iterator[None]:
    """Turn what a full disk, a full memory and a broken number raise into sentences. Raises TrainingFailed."""
    on = f"What was learned up to the last checkpoint is kept: --resume --name {order.name} goes on from it."
    try:
        yield
    except ArithmeticError as error:
        rate = "Lower rate.highest in the plan and begin anew under another name"
        raise TrainingFailed(f"The training broke: {error}. {rate}, or look for a damaged row. {on}") from error
    except MemoryError as error:
        raise TrainingFailed(_memory_words(on)) from error
    except (OSError, SafetensorError) as error:
        if getattr(error, "errno", None) not in FULL and not any(words in str(error) for words in FULL_WORDS):
            raise
        raise TrainingFailed(f"The disk takes no more: {order.name} could not be written. Make room, then go on. {on}") from error
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error) or "bad_alloc" in str(error):
            raise TrainingFailed(_memory_words(on)) from error
        raise


def _memory_words(on: str) -> str:
    return (
        f"There is not enough memory for this training. Lower steps.batch_rows or steps.longest_tokens in a plan, or close programs. {on}"
    )


@dataclass(frozen=True, slots=True)
class _Proof:
    """What the engine says of a new adapter."""

    moved: float
    followed: Followed | None  # None: it was not asked for what it may have forgotten
    answers: Sequence[str]  # to held-out requests


class _Run:
    """One order while it is carried out."""

    def __init__(self, order: TrainingOrder, work: WorkFolder, settings: EngineSettings, tell: Tell, stop: Stop) -> None:
        self.order, self.work, self.settings, self._tell, self._stop = order, work, settings, tell, stop
        self.latest = Status("training")  # of the training
        self.began = time.monotonic()

    def carry_out(self) -> Trained | None:
        order, out = self.order, Path(self.order.out)
        if out.exists():
            return self._ended_before(out)
        self._phase("reading")
        torch.set_num_threads(order.threads)
        parts = read_parts(order)
        recipe, engineered = self._recipes()
        check_not_shown((*parts.train, *parts.dev, *parts.test), engineered)
        self._phase("loading")
        loaded = self._load()
        learned = self._learn(loaded, recipe, parts)
        if not learned.ended:
            return None
        card = card_of(order, loaded, recipe, parts, learned)
        self._phase("beside", 0, len(parts.held_out))
        measure = order.plan.run.measure
        measured = parts.held_out if measure == "all" else ()
        arms = arms_of(loaded, (recipe, engineered), measured, learned, anew=not order.parent)
        texts, chat = forgotten(loaded, learned) if measure != "none" else None, loaded.chat
        self._write(learned, card, parts)
        del loaded
        learned = replace(learned, tuned=None)
        give_back_freed()
        self._phase("alive")
        proof = asyncio.run(self._prove(recipe, self._asked(parts)))
        card = replace(card, held_out=arms, forgetting=forgetting_of(texts, proof.followed) if texts and proof.followed else None)
        card = self._timed(with_likeness(card, _likeness(chat, parts, proof.answers)), learned)
        card.write(self.work.adapter)
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(self.work.adapter, out)
        return Trained(out, card, learned.before, learned.after, learned.loss, not card.training["not_finished"], proof.moved)

    def _phase(self, phase: Phase, step: int = 0, steps: int = 0) -> None:
        self._tell(Status(phase, step, steps, spent_s=time.monotonic() - self.began))

    def _step(self, progress: TrainingProgress) -> None:
        self.latest = Status("training", progress.step, progress.steps, progress.loss, progress.spent_s, progress.left_s)
        self.work.curve.add_loss(progress.step, progress.steps, progress.loss)
        self._tell(self.latest)

    def _measured(self, step: int, score: Score) -> None:
        self.work.curve.add_right(step, score.exact, score.rows)

    def _recipes(self) -> tuple[Recipe, Recipe | None]:
        """Load the plain and the engineered recipe. Raises BadRun where one has changed since the run began."""
        order = self.order
        wanted = ((order.recipe, order.recipe_digest), (order.engineered, order.engineered_digest))
        found = [load_recipe(name) if name else None for name, _ in wanted]
        for (name, digest), recipe in zip(wanted, found, strict=True):
            if recipe and recipe.digest != digest:
                raise BadRun(f"The recipe {name} has changed since this run began. Begin anew under another --name.")
        plain, engineered = found
        assert plain is not None
        return plain, engineered

    def _load(self) -> Loaded:
        order = self.order
        folder = base_folder(order.base)
        if (revision := folder_revision(folder)) != order.base_revision:
            raise BadRun(
                f"This run began on the base {order.base} at {order.base_revision[:12]}, which is {revision[:12]} now. Begin anew."
            )
        return load_base(
            folder,
            Path(order.base).name if Path(order.base).is_dir() else order.base,
            order.plan.run.precision,
            pick_device(self.settings.device),
        )

    def _learn(self, loaded: Loaded, recipe: Recipe, parts: RowParts) -> Learned:
        order = self.order
        longest = min(order.plan.steps.longest_tokens, loaded.base.context_tokens)
        given = (recipe, loaded.chat, loaded.end_ids, longest)
        rendered = _render(order.method)((*parts.train, *(parts.held_out if order.plan.run.measure == "all" else ())), *given)
        kind, learn = _way(order)
        course = kind(
            name=order.name,
            loaded=loaded,
            parent=parent_of(order),
            plan=order.plan,
            train=rendered[: len(parts.train)],
            held_out=rendered[len(parts.train) :],
            checkpoint=self.work.checkpoint,
        )
        watch = Watch(order.plan.checkpoint_steps(course.steps), self._step, self._stop)
        learned = learn(course, Follower(self._phase, watch, self._measured))  # type: ignore[arg-type]
        for step, score in ((0, learned.before), (learned.steps, learned.after)):
            if score:
                self._measured(step, score)
        self.latest = Status("training", learned.steps, course.steps, learned.loss, learned.spent_s)
        return learned

    def _timed(self, card: Card, learned: Learned) -> Card:
        """Add to a card what the training took so far."""
        hour, seconds = self.settings.price.usd_per_hour, max(learned.spent_s, time.monotonic() - self.began)
        took = {"hours": round(seconds / 3600, 4), "usd": None if hour is None else round(seconds / 3600 * hour, 6)}
        return replace(card, training=card.training | took)

    def _write(self, learned: Learned, card: Card, parts: RowParts) -> None:
        folder = self.work.adapter
        shutil.rmtree(folder, ignore_errors=True)
        lora.save(learned.tuned, folder)
        before = read_trained_on(Path(self.order.parent)) if self.order.parent else None
        train, dev, test = ([row.text for row in rows] for rows in (parts.train, parts.dev, parts.test))
        write_trained_on(folder, train, dev=dev, test=test, before=before)
        card.write(folder)
        if self.work.curve.path.is_file():
            shutil.copyfile(self.work.curve.path, folder / self.work.curve.path.name)

    def _asked(self, parts: RowParts) -> tuple[Row, ...]:
        """Choose the requests whose new answers are compared with chosen ones: where people's preferences were learned, held-out ones."""
        return () if self.order.method == "sft" else tuple({row.text: row for row in parts.held_out}.values())[:ASKED]

    async def _prove(self, recipe: Recipe, asked: Sequence[Row]) -> _Proof:
        """Load the new adapter into the engine, as a duel does, and ask it for what it may have forgotten, and for answers of its own.

        Raises BadAdapter for one that is dead or does not fit.
        """
        settings = self.settings.but({"base_model": self.order.base})
        backend = await open_backend(base_folder(self.order.base), settings)
        try:
            adapter = open_adapter(self.work.adapter)
            moved = (await backend.add_adapter(adapter, recipe)).moved
            followed = None
            if self.order.plan.run.measure != "none":
                self._phase("forgetting")
                followed = await instructions_followed(backend, adapter, recipe, settings.price)
            return _Proof(moved, followed, await new_answers(backend, adapter, recipe, asked, settings.price))
        finally:
            await backend.aclose()

    def _ended_before(self, out: Path) -> Trained:
        adapter = open_adapter(out)
        if adapter.card is None or adapter.card.training.get("order") != self.order.digest:
            raise BadRun(f"There is something else at {out} already. Take another --name.")
        training = adapter.card.training
        return Trained(out, adapter.card, None, None, training["loss"], not training["not_finished"], float("nan"))


def read_parts(order: TrainingOrder) -> RowParts:
    """Read the rows of an order and part them. Raises BadRequest, BadRun where the file is another than the run began with."""
    path = Path(order.file)
    if file_digest(path) != order.file_digest:
        raise BadRun(f"The rows {path} have changed since this run began. Put the file back, or begin anew under another --name.")
    if order.method == "sft":
        return parted(rows_in(path))
    return parted_preferences(read_preferences(path, order.method))


def check_not_shown(rows: Sequence[Row], recipe: Recipe | None) -> None:
    """Raise BadRequest for a row, to learn or to measure on, that the recipe shows as an example: a request is one thing."""
    shown = recipe.examples if recipe else ()
    for row, example in zip(rows, near_pairs([asked(row) for row in rows], [each.user for each in shown]), strict=True):
        if recipe and example is not None:
            raise BadRequest(
                f"Line {row.line:,} is nearly example {example + 1} of the recipe {recipe.name}, and a request is one thing. "
                'Give the row the role "example", or take it out: adapters data check --recipe shows all of them.'
            )


def rows_in(path: Path) -> tuple[Row, ...]:
    """Read the rows of a file. Raises BadRequest, BadRun."""
    try:
        with path.open("rb") as file:
            return read_rows(file, path.name).rows
    except OSError as error:
        raise BadRun(f"The rows {path} cannot be read: {error.strerror}.") from error


def parent_of(order: TrainingOrder) -> Adapter | None:
    """Open the adapter that an order begins with. Raises BadAdapter, and BadRun where it has changed."""
    if not order.parent:
        return None
    adapter = open_adapter(Path(order.parent))
    if adapter.digest != order.parent_digest:
        raise BadRun(f"The adapter {order.parent} has changed since this run began. Begin anew under another --name.")
    return adapter


def free_threads(settings: EngineSettings) -> int:
    """Count the processor threads that nobody uses now, at least 1; or as DUEL_THREADS says."""
    return settings.threads or min(count_free(), torch.get_num_threads())


def _render(method: Method) -> Callable[..., Sequence[Any]]:
    """Choose how rows become what is learned."""
    return {"sft": exercises_of, "dpo": pairs_of, "kto": judged_of}[method]


def _way(order: TrainingOrder) -> tuple[Callable[..., Any], Callable[..., Learned]]:
    """Import one way alone, with what it calls a course: trl and what it needs take seconds."""
    if order.method != "sft":
        from adapters.train import preferring

        return preferring.PreferenceCourse, preferring.learn
    if order.plan.run.way == "deep":
        from adapters.train import deep

        return Course, deep.learn
    from adapters.train import shallow

    return Course, shallow.learn


def _likeness(chat: Chat, parts: RowParts, answers: Sequence[str]) -> Likeness | None:
    """Compare new answers with those that people wanted."""
    chosen = [row.references[0] for row in (*parts.train, *parts.held_out) if good(row)] if answers else []
    ours, theirs = ([shape(text, len(chat.tokens_of(text))) for text in texts] for texts in (chosen, answers))
    return likeness(ours, theirs)
