"""The app: one store, one model, any number of people. It opens its parts and holds them; what they do stands in their own files."""

import asyncio
import random
import tomllib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bot.app.agreed import Offers, ships
from bot.app.asking import Asking
from bot.app.bases import Bases, OpenFor
from bot.app.batching import Batching
from bot.app.choices import Choices
from bot.app.closing import Deadlines
from bot.app.collecting import Collecting
from bot.app.consents import Consents
from bot.app.core import Changes, Core
from bot.app.decisions import DecideKind, Decisions
from bot.app.editing import Editing
from bot.app.ending import DIED
from bot.app.evidence import Evidence
from bot.app.filing import Filing
from bot.app.halves import Halves
from bot.app.jobs import JobKind, Jobs
from bot.app.judging import Judging
from bot.app.limits import Limits
from bot.app.looking import Looking
from bot.app.model import Model, OpenLineup
from bot.app.notices import Notices
from bot.app.pairing import Pairing
from bot.app.posting import Posting
from bot.app.previewing import Previewing
from bot.app.programs import Programs
from bot.app.proposing import Proposing
from bot.app.readiness import Readiness
from bot.app.rematching import Rematching
from bot.app.remembering import Remembering
from bot.app.removing import Removing
from bot.app.replays import Replays
from bot.app.rereading import Rereading
from bot.app.routing import Routing
from bot.app.running import Running
from bot.app.searching import OptimiseKind, Searches
from bot.app.serving import Serving
from bot.app.shelf import Shelf
from bot.app.talks import Talks
from bot.app.teams import Teams
from bot.app.training import DECIDE, ESTIMATE, OPTIMISE, TRAIN, AdapterTraining, EstimateKind, TrainKind, jobs_folder
from bot.app.versions import Versions
from bot.app.voting import Voting
from bot.meters import Meters
from bot.settings import Settings
from bot.store import Store
from bot.store.duels import DuelRows
from bot.store.previews import PreviewRows
from bot.store.versions import VersionRows
from bot.tags import TagRules, read_rules
from bot.views import ModelState
from engine.lineup import open_lineup as open_engine
from engine.shipped import SMOLLM2

EXAMPLES = Path(__file__).parents[1] / "examples.toml"


def utc_now() -> datetime:
    """Read the clock, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class App:
    """All that fronts call, a part for each subject. Lives in one event loop; get one from `App.open`."""

    asking: Asking
    voting: Voting
    collecting: Collecting
    pairing: Pairing
    talks: Talks
    looking: Looking
    judging: Judging
    routing: Routing
    programs: Programs
    teams: Teams
    choices: Choices
    versions: Versions
    shelf: Shelf
    proposing: Proposing
    previewing: Previewing
    rematching: Rematching
    posting: Posting
    editing: Editing
    removing: Removing
    notices: Notices
    batching: Batching
    filing: Filing
    remembering: Remembering
    consents: Consents
    jobs: Jobs
    training: AdapterTraining
    decisions: Decisions
    readiness: Readiness
    rereading: Rereading
    searches: Searches
    serving: Serving
    core: Core  # for the parts, not for fronts
    deadlines: Deadlines  # the same
    offers: Offers  # requests to begin with, by base
    base: str  # as the settings name it

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        open_lineup: OpenLineup | None = None,
        *,
        now: Callable[[], datetime] = utc_now,
        rng: random.Random | None = None,
        open_for: OpenFor = open_engine,
    ) -> AsyncGenerator["App", None]:
        """Open the store at once and load the model in the background. Raises StoreError, SettingsError.

        On leaving, running duels are stopped and kept as far as they went, then model and store are closed.
        """
        rules = read_rules(settings.team.tag_rules)
        meters = Meters()
        store = await Store.open(settings.store.file, meters.stored)
        try:
            async with store.writing() as change:
                await DuelRows(change).void_unfinished(DIED)
                await PreviewRows(change).end_all()
                kept, chosen = await VersionRows(change).all(), await VersionRows(change).chosen()
            model = Model(settings.engine.base_model, open_lineup or partial(open_engine, settings.engine))
            bases = Bases(model, settings.engine, open_for)
            running = Running(store, settings.engine.answer_limit_s, now, meters)
            core = Core(store, model, running, Changes(running.leaving), now, meters)
            _follow(core)
            coin = rng or random.SystemRandom()
            app = cls._over(core, _Shared.over(core, bases, settings, rules, coin), settings, coin)
            app.versions.start(kept, chosen)
            replays, halves = Replays(core, app.teams, app.choices, settings), Halves(core, app.teams, app.choices, settings)
            work = (replays.run(), app.jobs.run(), app.deadlines.run(), app.routing.run(), halves.run())
            beside = [asyncio.create_task(each) for each in work]
            await app.filing.resume()
            try:
                yield app
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, app.rematching.leave(), app.decisions.leave(), app.filing.leave(), return_exceptions=True)
                await _leave(core, bases)
        finally:
            await store.aclose()

    @classmethod
    def _over(cls, core: Core, on: "_Shared", settings: Settings, coin: random.Random) -> "App":
        """Make the parts."""
        offers: Offers = tomllib.loads(EXAMPLES.read_text(encoding="utf-8"))
        teams, versions, limits, side_by_side = on.teams, on.versions, on.limits, settings.engine.max_rows // 2
        jobs = on.jobs(core, settings)
        training = AdapterTraining(core, jobs, settings)
        decisions = Decisions(core, jobs, training, on.asking, settings)
        limit_s = settings.engine.answer_limit_s
        return cls(
            asking=on.asking,
            voting=Voting(core, teams, on.deadlines, blinding_share=settings.votes.blinding_share, undo_s=settings.web.undo_s),
            collecting=Collecting(core, on.deadlines),
            pairing=on.pairing,
            talks=Talks(core),
            deadlines=on.deadlines,
            looking=Looking(core, offers if ships(settings.engine) else {}, side_by_side),
            judging=Judging(core, on.choices, on.evidence, limits),
            routing=on.routing,
            programs=Programs(core, on.asking, on.choices, settings.api),
            teams=teams,
            choices=on.choices,
            versions=versions,
            shelf=on.bases.usual.shelf,
            proposing=Proposing(core),
            previewing=Previewing(core, teams, on.choices, limits, limit_s=limit_s),
            rematching=Rematching(core, teams, versions, limits, coin=coin, side_by_side=side_by_side, limit_s=limit_s),
            posting=Posting(core.store),
            editing=Editing(core),
            removing=Removing(core),
            notices=Notices(core),
            batching=on.batching,
            filing=Filing(core, on.batching, on.asking),
            remembering=Remembering(core.store),
            consents=Consents(core, teams),
            jobs=jobs,
            training=training,
            decisions=decisions,
            serving=Serving(decisions, on.bases.usual.shelf, versions, on.routing),
            readiness=Readiness(core),
            rereading=Rereading(core, on.choices, on.asking, settings),
            searches=Searches(jobs, training, versions, settings),
            core=core,
            offers=offers,
            base=settings.engine.base_model,
        )

    @property
    def examples(self) -> tuple[str, ...]:
        """Requests to begin with: about the subject of the pair that meets, as far as that is known already."""
        loaded = self.core.model.lineup
        found = [self.offers[name] for name in (loaded.kit.base.name if loaded else "", self.base, SMOLLM2) if name in self.offers]
        return tuple(found[0])

    def tell_model(self, words: str) -> None:
        """Say what loading the model is about just now. May be called from any thread."""
        self.core.model.tell(words)

    @property
    def model(self) -> ModelState:
        """The state of the model, as it is now."""
        return self.core.model.state

    async def model_settled(self) -> ModelState:
        """Wait until loading has ended, ready or failed."""
        return await self.core.model.settled()


@dataclass(frozen=True, slots=True)
class _Shared:
    """The parts that several others stand on."""

    bases: Bases
    choices: Choices
    limits: Limits
    teams: Teams
    versions: Versions
    batching: Batching
    deadlines: Deadlines
    evidence: Evidence
    routing: Routing
    pairing: Pairing
    asking: Asking

    @classmethod
    def over(cls, core: Core, bases: Bases, settings: Settings, rules: TagRules, coin: random.Random) -> "_Shared":
        """Make them."""
        choices = Choices(core.model, own_plain=settings.engine.own_plain)
        limits, deadlines = Limits(settings.limits, settings.api.in_flight), Deadlines(core)
        teams, evidence = Teams(core.store, choices, settings.votes, settings.team.name), Evidence(core.store, settings, core.now)
        routing = Routing(core.store, evidence, core.now, choices.meeting, coin=coin, rises=settings.routes.rises)
        pairing = Pairing(bases, choices, evidence, coin)
        asking = Asking(
            *(core, teams, choices, bases, limits), pairing=pairing, deadlines=deadlines, routing=routing, rules=rules, coin=coin
        )
        versions, batching = Versions(core, teams, choices), Batching(core.store, core.now)
        return cls(bases, choices, limits, teams, versions, batching, deadlines, evidence, routing, pairing, asking)

    def jobs(self, core: Core, settings: Settings) -> Jobs:
        """Make the queue of jobs, with all kinds of them."""
        folder, shelf = jobs_folder(settings), self.bases.usual.shelf
        kinds: dict[str, JobKind] = {
            ESTIMATE: EstimateKind(),
            TRAIN: TrainKind(folder, settings.engine, shelf),
            DECIDE: DecideKind(folder, settings, shelf, self.versions),
            OPTIMISE: OptimiseKind(folder, self.versions),
        }
        return Jobs(core, settings.engine, kinds)


def _follow(core: Core) -> None:
    """Have the figures that are read at each look follow what they are of."""
    running, model = core.running, core.model
    core.meters.follow("duels_running", "Duels that are being answered, or wait for it.", lambda: running.count)
    core.meters.follow("duels_waiting", "Of these, those that have no word yet.", lambda: running.waiting)
    core.meters.follow("model_ready", "1 while the model can answer, else 0.", lambda: model.state.state == "ready")


async def _leave(core: Core, bases: Bases) -> None:
    """Let changes come to their end, stop running duels, close the models."""
    try:
        core.running.leaving.set()
        await core.changes.settle()
        await core.running.leave()
    finally:
        await asyncio.gather(core.model.aclose(), bases.aclose())
