"""Decisions in the running bot: a file of examples becomes a job, a report, a prompt and a fine-tune that meet, and duels to confirm."""

import asyncio
import logging
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.app.asking import Asking
from bot.app.core import Core
from bot.app.jobs import Jobs
from bot.app.orders import Order
from bot.app.shelf import Shelf
from bot.app.training import DECIDE, AdapterTraining, jobs_folder
from bot.app.versions import Versions
from bot.deciding.order import DecisionFolder, DecisionStatus, check_name
from bot.errors import UnknownDuel
from bot.settings import Settings
from bot.store.duels import DuelRows
from bot.views import Job
from engine.contestants import Arm, open_adapter
from engine.errors import BadRequest, DuelbotError
from engine.named import Named
from engine.recipes import load_recipe
from engine.rows import read_rows
from engine.scoring import metric_named

log = logging.getLogger(__name__)
REASON = "Found by a decision on {file}."
LEAST_MINUTES, MOST_MINUTES = 2, 600
TAKEN = "taken.json"  # name@version under which the adapter and the recipe were taken up
ASKED = "confirm-duels.json"  # ids of the duels that were asked to confirm
NOT_DONE = "This decision has not ended."


@dataclass(frozen=True, slots=True)
class BroughtDecision:
    """What a person asks for."""

    token: str  # of the rows that were brought
    name: str
    minutes: float = 15.0
    metric: str = ""  # "": guessed from the answers


@dataclass(frozen=True, slots=True)
class DecisionView:
    """A decision as people look at it."""

    job: Job
    status: DecisionStatus | None  # None: it has not begun
    headline: str = ""  # of one that has ended well
    why: str = ""
    confirm: int = 0  # requests that people can vote on to confirm it
    take: Arm | None = None  # which of the two sides of a duel it advises; None: neither

    @property
    def file(self) -> str:
        """The name of the file that it decides on."""
        return Path(self.job.arguments["file"]).name


class DecideKind:
    """Jobs that decide; one that was begun goes on."""

    def __init__(self, folder: Path, settings: Settings, shelf: Shelf, versions: Versions) -> None:
        self._folder, self._adapters = folder, Path(settings.engine.adapters).absolute()
        self._shelf, self._versions = shelf, versions

    def command(self, job: Job) -> Sequence[str]:
        """Return the command of `bot decide`, which goes on where it was."""
        given = job.arguments
        wanted = ("--name", given["name"], "--minutes", f"{given['minutes']:g}", "--base", given["base"])
        metric = ("--metric", given["metric"]) if given["metric"] else ()
        where = ("--out", str(self._folder / job.id), "--json", "--tied")
        return (sys.executable, "-m", "bot", "decide", given["file"], *wanted, *metric, *where)

    async def done(self, job: Job, result: Mapping[str, Any]) -> str:
        """Take up what was made, so that both can meet at once. Returns the advice."""
        folder, taken = DecisionFolder(Path(result["folder"])), dict[str, str]()
        if folder["adapter"].is_dir():
            taken["adapter"] = await asyncio.to_thread(self._shelved, folder["adapter"], frozenset(await self._shelf.names()))
            await self._shelf.load(taken["adapter"])
        if folder["recipe.toml"].is_file():
            taken["recipe"] = await self._kept(folder["recipe.toml"], REASON.format(file=Path(job.arguments["file"]).name), job.asker)
        await asyncio.to_thread(folder.write, TAKEN, taken)
        return f"{result['advice']['headline']}. {result['advice']['why']}"

    async def _kept(self, file: Path, reason: str, author: str) -> str:
        """Keep a recipe, under the next version where another has its own. Returns its name@version there. Raises BadRecipe."""
        own = load_recipe(str(file))
        chain = [each for each in self._versions.all() if each.named.name == own.name]
        if same := [each.named for each in chain if each.digest == own.digest]:  # of a job whose end was not stored
            return _at(same[0])
        text = await asyncio.to_thread(file.read_text, encoding="utf-8")
        return _at((await self._versions.take_in(text, reason, author)).version.named)

    def _shelved(self, made: Path, known: frozenset[str]) -> str:
        """Copy an adapter to where adapters are, under the next version where another has its own.

        known: each name@version that is taken. Returns its name@version there. Raises BadAdapter.
        """
        adapter = open_adapter(made)
        for version in (adapter.version, *map(str, range(2, 10_000))):
            there, named = self._adapters / f"{adapter.name}-{version}", f"{adapter.name}@{version}"
            if there.is_dir() and open_adapter(there).digest == adapter.digest:
                return named
            if not there.is_dir() and named not in known:
                break
        new = there.with_name(f".{there.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(made, new)
        if adapter.card:
            replace(adapter.card, version=version).write(new)
        new.rename(there)
        return named


class Decisions:
    """The use cases around decisions. Files are brought as for a training."""

    def __init__(self, core: Core, jobs: Jobs, training: AdapterTraining, asking: Asking, settings: Settings) -> None:
        self._core, self._jobs, self._training, self._asking = core, jobs, training, asking
        self._folder = jobs_folder(settings)
        self._confirming: set[asyncio.Task[None]] = set()

    async def decide(self, wish: BroughtDecision, asker: str, *, team: str | None = None, channel: str = "") -> Job:
        """Have a job decide. Raises BadRequest, BadDecision for a name that cannot be a folder's."""
        check_name(wish.name)
        if wish.metric:
            metric_named(wish.metric)
        if not LEAST_MINUTES <= wish.minutes <= MOST_MINUTES:
            raise BadRequest(f"A decision takes from {LEAST_MINUTES} to {MOST_MINUTES} minutes.")
        given = {
            "file": str(self._training.file_of(wish.token)),
            "name": wish.name,
            "minutes": wish.minutes,
            "metric": wish.metric,
            "base": self._training.base,
        }
        return await self._jobs.ask(DECIDE, given, asker, team=team, channel=channel)

    def look(self, job: Job) -> DecisionView:
        """Read how far a decision is, from its files: any process may have written them."""
        folder = self._of(job)
        status, advice = folder.status(), dict[str, Any]()
        confirm, take = 0, None
        if job.state == "done" and folder["decision.json"].is_file():
            advice = folder.read("decision.json")["advice"]
            confirm = folder["confirm.jsonl"].read_bytes().count(b"\n")
            both = folder["adapter"].is_dir() and folder["recipe.toml"].is_file()
            take = Arm(advice["take"]) if both and advice.get("take") in (Arm.PROMPTED, Arm.TUNED) else None
        return DecisionView(job, status, advice.get("headline", ""), advice.get("why", ""), confirm, take)

    def made(self, job: Job) -> tuple[str, str]:
        """Name the adapter and the recipe that a decision has made, as they are known here. Raises BadDecision, BadAdapter, BadRecipe."""
        return _taken(self._of(job))

    def report(self, job: Job) -> str:
        """Read the report, a whole page. Raises BadRequest before there is one."""
        file = self._of(job)["report.html"]
        if not file.is_file():
            raise BadRequest(NOT_DONE)
        return file.read_text(encoding="utf-8")

    def _of(self, job: Job) -> DecisionFolder:
        return DecisionFolder(self._folder / job.id / job.arguments["name"])

    async def confirm(self, job: Job, asker: str, *, owner: bool = True) -> int:
        """Have the most telling test requests answered by both sides, one after the other, for people to vote on.

        Returns how many there are. Raises BadRequest where there is nothing to confirm.
        """
        folder = self._of(job)
        if not (folder["adapter"].is_dir() and folder["recipe.toml"].is_file()):
            raise BadRequest("A prompt and a fine-tune are needed for duels; this decision has made only one of them.")
        text = folder["confirm.jsonl"].read_bytes()
        rows = read_rows([text], "confirm.jsonl").rows if text else ()
        adapter, recipe = _taken(folder)
        orders = [
            Order(
                text=row.text,
                before=row.history,
                asker=asker,
                owner=owner,
                batch=True,
                recipe=recipe,
                adapter=adapter,
            )
            for row in rows
        ]
        if not orders:
            raise BadRequest("Both sides gave the same answer to every test request, so there is nothing to vote on.")
        if any(task.get_name() == job.id for task in self._confirming):  # a second press: they are on their way
            return len(orders)
        task = asyncio.create_task(self._ask_all(folder, orders), name=job.id)
        self._confirming.add(task)
        task.add_done_callback(self._confirming.discard)
        return len(orders)

    async def waiting(self, job: Job) -> list[str]:
        """List the duels that confirm a decision and wait for a vote, the oldest first."""
        found = []
        async with self._core.store.reading() as look:
            for duel in _asked(self._of(job)):
                with suppress(UnknownDuel):  # somebody has deleted it
                    if (await DuelRows(look).duel(duel)).state == "open":
                        found.append(duel)
        return found

    async def _ask_all(self, folder: DecisionFolder, orders: Sequence[Order]) -> None:
        """Ask one after the other, those that were not asked yet. What stops it is in the log; the button asks the rest again."""
        for order in orders[len(_asked(folder)) :]:
            try:
                shown = await self._asking.ask(order)
                folder.write(ASKED, [*_asked(folder), shown.view.id])
                await self._ended(shown.view.id)
            except DuelbotError as error:
                log.warning("The votes that confirm a decision: %s", error)
                return

    async def _ended(self, duel: str) -> None:
        """Wait until a duel is answered, so that people's own requests come between two of these."""
        while progress := self._core.running.progress(duel):
            event = progress.signal.event
            if self._core.running.progress(duel):
                await event.wait()

    async def leave(self) -> None:
        """End what is being asked."""
        for task in self._confirming:
            task.cancel()
        await asyncio.gather(*self._confirming, return_exceptions=True)


def _taken(folder: DecisionFolder) -> tuple[str, str]:
    """Name a decision's adapter and recipe as they are known here. Raises BadDecision, BadAdapter, BadRecipe."""
    taken = folder.read(TAKEN) if folder[TAKEN].is_file() else {}  # decisions of before have their own names
    adapter = taken.get("adapter") or _at(open_adapter(folder["adapter"]).named)
    return adapter, taken.get("recipe") or _at(load_recipe(str(folder["recipe.toml"])).named)


def _at(named: Named) -> str:
    return f"{named.name}@{named.version}"


def _asked(folder: DecisionFolder) -> list[str]:
    """List the duels that were asked to confirm a decision."""
    return list(folder.read(ASKED)) if folder[ASKED].is_file() else []


def name_of(file: str) -> str:
    """Make a decision's name of a file's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", Path(file).stem).strip("-._")[:64] or "decision"
