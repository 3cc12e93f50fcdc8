"""What is known about a pair besides its duels, gathered from the store, the adapter's card and the settings."""

import asyncio
import json
import logging
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import floor, log10
from pathlib import Path
from typing import Any

from adapters.card import read_card
from bot.evidence.card import AdapterFacts, Offline, RecipeFacts
from bot.settings import Settings
from bot.store import Store
from bot.store.contestants import ContestantRows, Life
from bot.store.counts import CountRows
from bot.store.evaluations import EvaluationRows, pairs_of
from bot.store.records import ContestantRecord
from bot.store.replays import ReplayRows
from bot.verdict import Facts, OfflineLine, Scope, Timings, Who
from bot.verdict.offline import paired
from engine.contestants import open_adapter
from engine.errors import BadAdapter
from engine.named import Named

MONTH = timedelta(days=30)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Training:
    """What an adapter's card and weights tell. None: not told."""

    base_revision: str | None = None
    rank: int | None = None
    trainable_parameters: int | None = None
    labelled_examples: int | None = None
    steps: int | None = None
    failed_runs: int | None = None
    hours: float | None = None
    usd: float | None = None
    tools: str | None = None
    device: str | None = None


class Gathering:
    """Reads an adapter's folder once for each digest."""

    def __init__(self, store: Store, settings: Settings, now: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._now = now
        self._hour_usd = settings.engine.price.usd_per_hour
        self._training: dict[str, Training] = {}
        self._evaluated: dict[tuple[str, int, str, str], tuple[OfflineLine, ...]] = {}

    async def of(self, who: tuple[Who, Who], scope: Scope) -> Facts:
        """Gather what is known about both contestants. Raises StoreError."""
        async with self._store.reading() as look:
            contestants, ids = ContestantRows(look), [each.id for each in who]
            known, lives = await contestants.all(), await contestants.lives()
            asked = await CountRows(look).asked_since(self._now() - MONTH)
            alone = await ReplayRows(look).alone(ids) if ids[0] != ids[1] else []
            latest = await EvaluationRows(look).latest(ids)
        details = await self._offline(who, latest) if latest else ()
        facts = Facts(
            who,
            alone=_timings(alone),
            offline=Offline(details[0].metric, details[0].scores, details[0].rows) if details else None,
            offline_details=details,
            wage_usd_per_hour=self._settings.team.wage_usd_per_hour,
            requests_per_month=self._settings.team.requests_per_month or _two_figures(asked) or None,
        )
        prompted, tuned = (known.get(each.id) for each in who)
        if prompted is None or tuned is None or who[0].arm.adapted or (named := who[1].adapter) is None:
            return facts
        changed = [life for life in lives if (scope.since is None or life.live_at >= scope.since)]
        training = await self._trained(tuned)
        recipe, took = self._recipe(prompted, known, lives, changed), _changes(tuned.who, lives, changed)
        return replace(facts, recipe=recipe, adapter=self._adapter(named, tuned.base_name, training, took))

    def _recipe(self, one: ContestantRecord, known: dict[str, ContestantRecord], lives: list[Life], changed: list[Life]) -> RecipeFacts:
        recipe = one.recipe
        words = [recipe.get("system", ""), *(text for example in recipe.get("examples", ()) for text in example.values())]
        tried = {each.recipe_digest for each in known.values() if each.who.arm is one.who.arm}
        return RecipeFacts(
            named=one.who.recipe,
            words=sum(len(text.split()) for text in words),
            examples=len(recipe.get("examples", ())),
            base=one.base_name,
            licence=self._settings.team.base_licence or None,
            runs_on="local",
            versions_tried=len(tried),
            authoring_minutes=self._settings.team.prompt_minutes,
            edit_to_live_s=_changes(one.who, lives, changed),
        )

    def _adapter(self, named: Named, base: str, training: Training, took: tuple[float, ...]) -> AdapterFacts:
        """took: seconds of each change in the period, without the training."""
        team, price = self._settings.team, self._hour_usd
        usd = team.training_usd
        if usd is None:
            usd = training.usd
        if usd is None and training.hours is not None and price is not None:
            usd = training.hours * price
        return AdapterFacts(
            named=named,
            base=base,
            base_revision=training.base_revision,
            rank=training.rank,
            trainable_parameters=training.trainable_parameters,
            labelled_examples=training.labelled_examples,
            steps=training.steps,
            failed_runs=training.failed_runs,
            authoring_minutes=team.tuned_minutes,
            training_usd=usd,
            training_tools=training.tools,
            gpu=training.device,
            shelf_life_months=team.shelf_life_months,
            data_to_live_s=tuple(each + (training.hours or 0.0) * 3600 for each in took),
        )

    async def _offline(self, who: tuple[Who, Who], latest: tuple[str, int]) -> tuple[OfflineLine, ...]:
        """The evaluation's lines, computed once as long as no row comes in."""
        key = (*latest, who[0].id, who[1].id)
        if key not in self._evaluated:
            pair = [each.id for each in who]
            async with self._store.reading() as look:
                answers = await EvaluationRows(look).answers(latest[0], pair)
            self._evaluated[key] = await asyncio.to_thread(paired, pairs_of(answers, pair))
        return self._evaluated[key]

    async def _trained(self, one: ContestantRecord) -> Training:
        key = one.adapter_digest or ""
        if key not in self._training and one.adapter_folder:
            self._training[key] = await asyncio.to_thread(read_training, Path(one.adapter_folder), key)
        return self._training.get(key, Training())


def _timings(alone: list[tuple[tuple[float, float], tuple[float, float]]]) -> Timings:
    first, total = [[times[at] for times in alone] for at in (0, 1)]
    sides = [(tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)) for pairs in (first, total)]
    return Timings(sides[0], sides[1])


def _changes(who: Who, lives: list[Life], changed: list[Life]) -> tuple[float, ...]:
    """Seconds of each change of this arm in the period; the first one ever was no change."""
    first = next((life.contestant for life in lives if life.arm is who.arm), None)
    return tuple(life.took_s for life in changed if life.arm is who.arm and life.contestant != first)


def _two_figures(count: int) -> float:
    """Rounded, so that one request more is no other fact."""
    return float(round(count, 1 - floor(log10(count)))) if count else 0.0


def read_training(folder: Path, digest: str) -> Training:
    """From the folder, if it still holds that adapter; nothing is known of one without a card."""
    try:
        if open_adapter(folder).digest != digest:
            return Training()
        parameters = _parameters(folder / "adapter_model.safetensors")
        card = read_card(folder)
    except (BadAdapter, OSError, ValueError, KeyError) as error:
        log.info("No card of the adapter in %s: %s", folder, error)
        return Training()
    told: dict[str, Any] = card.training
    plan, lora = (part if isinstance(part := told.get(name), dict) else {} for name in ("plan", "lora"))
    return Training(
        base_revision=card.base.revision,
        rank=_number(lora.get("r")),
        trainable_parameters=parameters,
        labelled_examples=_number(told.get("examples")),
        steps=_number(plan.get("steps")),
        failed_runs=_number(told.get("failed_runs")),
        hours=_number(told.get("hours")),
        usd=_number(told.get("usd")),
        tools=_text(told.get("tools")),
        device=_text(told.get("device")),
    )


def _number(given: Any) -> Any:
    """A figure of a card's free part; anything else is not known."""
    return given if isinstance(given, int | float) and not isinstance(given, bool) and 0 <= given < float("inf") else None


def _text(given: Any) -> str | None:
    return given if isinstance(given, str) and given else None


def _parameters(weights: Path) -> int:
    """Trainable parameters: the sizes in the header of a safetensors file (8 bytes of length, then JSON)."""
    with weights.open("rb") as file:
        [length] = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    total = 0
    for name, entry in header.items():
        if name != "__metadata__":
            size = 1
            for extent in entry["shape"]:
                size *= extent
            total += size
    return total
