"""What is known about a pair besides its duels, gathered from the store, the adapter's card and the settings."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from math import floor, log10
from pathlib import Path
from urllib.parse import urlsplit

from bot.evidence.card import AdapterFacts, Offline, RecipeFacts
from bot.settings import Settings
from bot.store import Store
from bot.store.contestants import ContestantRows, Life
from bot.store.counts import CountRows
from bot.store.evaluations import EvaluationRows, pairs_of
from bot.store.records import ContestantRecord
from bot.store.replays import ReplayRows
from bot.store.versions import VersionRows
from bot.verdict import Facts, OfflineLine, Scope, Timings, Who
from bot.verdict.offline import paired
from engine.card import Training
from engine.contestants import Adapter, open_adapter
from engine.errors import BadAdapter
from engine.named import Named
from engine.settings import EngineSettings

MONTH = timedelta(days=30)
log = logging.getLogger(__name__)


class Gathering:
    """Gathers the facts of a pair; an adapter's folder is read once for each digest."""

    def __init__(self, store: Store, settings: Settings, now: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._now = now
        self._hour_usd = settings.engine.price.usd_per_hour
        self._adapters: dict[str, Adapter | None] = {}
        self._evaluated: dict[tuple[str, int, str, str], tuple[OfflineLine, ...]] = {}

    async def of(self, who: tuple[Who, Who], scope: Scope) -> Facts:
        """Gather what is known about both contestants. Raises StoreError."""
        async with self._store.reading() as look:
            contestants, ids = ContestantRows(look), [each.id for each in who]
            known, lives = await contestants.all(), await contestants.lives()
            asked = await CountRows(look).asked_since(self._now() - MONTH)
            alone = await ReplayRows(look).alone(ids) if ids[0] != ids[1] else []
            latest = await EvaluationRows(look).latest(ids)
            first = known.get(ids[0])
            edited_s = await VersionRows(look).edited_s(first.who.recipe, first.recipe_digest) if first else None
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
        adapter = await self._adapter_of(tuned)
        recipe, took = self._recipe(prompted, known, lives, changed, edited_s), _changes(tuned.who, lives, changed)
        return replace(facts, recipe=recipe, adapter=self._adapter(named, tuned.base_name, adapter, took))

    def _recipe(
        self, one: ContestantRecord, known: dict[str, ContestantRecord], lives: list[Life], changed: list[Life], edited_s: float | None
    ) -> RecipeFacts:
        """edited_s: seconds that people had it in the editor; None: not known. What the settings say goes before."""
        recipe, said = one.recipe, self._settings.team.prompt_minutes
        words = [recipe.get("system", ""), *(text for example in recipe.get("examples", ()) for text in example.values())]
        tried = {each.recipe_digest for each in known.values() if each.who.arm is one.who.arm}
        return RecipeFacts(
            named=one.who.recipe,
            words=sum(len(text.split()) for text in words),
            examples=len(recipe.get("examples", ())),
            base=one.base_name,
            licence=self._settings.team.base_licence or None,
            runs_on=_host(self._settings.engine),
            versions_tried=len(tried),
            authoring_minutes=edited_s / 60 if said is None and edited_s is not None else said,
            edit_to_live_s=_changes(one.who, lives, changed),
        )

    def _adapter(self, named: Named, base: str, adapter: Adapter | None, took: tuple[float, ...]) -> AdapterFacts:
        """adapter: None where its folder is not there any more. took: seconds of each change in the period, without the training."""
        card = adapter.card if adapter else None
        training = card.trained if card else Training()
        team, price = self._settings.team, self._hour_usd
        usd = team.training_usd
        if usd is None:
            usd = training.usd
        if usd is None and training.hours is not None and price is not None:
            usd = training.hours * price
        return AdapterFacts(
            named=named,
            base=base,
            base_revision=card.base.revision if card else None,
            rank=training.rank,
            trainable_parameters=adapter.trainable if adapter else None,
            labelled_examples=training.examples,
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

    async def _adapter_of(self, one: ContestantRecord) -> Adapter | None:
        key = one.adapter_digest or ""
        if key not in self._adapters and one.adapter_folder:
            self._adapters[key] = await asyncio.to_thread(adapter_in, Path(one.adapter_folder), key)
        return self._adapters.get(key)


def _host(engine: EngineSettings) -> str:
    """Name the machine that the prompted side runs on."""
    if engine.backend == "local":
        return "local"
    url = (engine.prompted_model and engine.prompted_server_url) or engine.server_url
    return urlsplit(url).netloc.rpartition("@")[2] or "a server"


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


def adapter_in(folder: Path, digest: str) -> Adapter | None:
    """Open the adapter in a folder; None where the folder does not hold that adapter any more."""
    try:
        adapter = open_adapter(folder)
    except BadAdapter as error:
        log.info("Nothing is told of the adapter in %s: %s", folder, error)
        return None
    return adapter if adapter.digest == digest else None
