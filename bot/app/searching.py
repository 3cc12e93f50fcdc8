"""Prompts improved in the running bot: a job searches on rows that were brought; what it finds becomes a version that answers nobody."""

import asyncio
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.app.jobs import Jobs
from bot.app.training import OPTIMISE, AdapterTraining, jobs_folder, search_folder
from bot.app.versions import Edit, Versions
from bot.settings import Settings
from bot.views import Job, RecipeVersion
from bot.words import percent
from engine.errors import BadRequest
from engine.scoring import metric_named

LEAST_CALLS, MOST_CALLS = 20, 5_000
MOST_MINUTES = 240.0
REASON = "Found by a search on {file}."
SAME = "No candidate did better on the dev rows than the recipe that it began with, so that one stays as it is."


@dataclass(frozen=True, slots=True)
class SearchWish:
    """What a person asks for."""

    token: str  # of the rows that were brought
    recipe: str  # id of the version where the search begins
    calls: int = 240  # answers that the search may ask for
    minutes: float = 10.0  # for everything
    metric: str = ""  # "": guessed from the answers


class OptimiseKind:
    """Jobs that search for a better recipe; one that was begun goes on from its answers."""

    def __init__(self, folder: Path, versions: Versions) -> None:
        self._folder, self._versions = folder, versions

    def command(self, job: Job) -> Sequence[str]:
        """Return the command of `engine optimise`, which asks nothing twice."""
        given, folder = job.arguments, search_folder(self._folder, job)
        limits = ("--calls", str(given["calls"]), "--minutes", f"{given['minutes']:g}", "--base", given["base"])
        metric = ("--metric", given["metric"]) if given["metric"] else ()
        where = ("--state", str(folder), "--json", "--tied")
        return (sys.executable, "-m", "engine", "optimise", given["start"], "--rows", given["file"], *limits, *metric, *where)

    async def done(self, job: Job, result: Mapping[str, Any]) -> str:
        """Keep what was found as a version of its own, which answers nobody. Returns what it is worth."""
        if result["recipe"]["digest"] == result["start"]["digest"]:
            return SAME
        reason = REASON.format(file=Path(job.arguments["file"]).name)
        kept = [each for each in self._versions.all() if each.digest == result["recipe"]["digest"]]  # of a job whose end was not stored
        if not kept:
            table = tomllib.loads(result["recipe"]["toml"])
            kept = [(await self._versions.save(Edit(job.arguments["recipe"], table, reason, job.asker))).version]
        return f"{kept[0].named} was found: {worth(result)} It answers nobody until you use it."


class Searches:
    """The use cases around searches. Files are brought as for a training."""

    def __init__(self, jobs: Jobs, training: AdapterTraining, versions: Versions, settings: Settings) -> None:
        self._jobs, self._training, self._versions = jobs, training, versions
        self._folder = jobs_folder(settings)

    async def search(self, wish: SearchWish, asker: str) -> Job:
        """Have a job search. Raises BadRequest, UnknownRecipe."""
        version = self._versions.version(wish.recipe)
        if wish.metric:
            metric_named(wish.metric)
        if not LEAST_CALLS <= wish.calls <= MOST_CALLS:
            raise BadRequest(f"A search asks for {LEAST_CALLS} to {MOST_CALLS:,} answers.")
        if not 0 < wish.minutes <= MOST_MINUTES:
            raise BadRequest(f"A search takes at most {MOST_MINUTES:g} minutes, and more than none.")
        file = self._training.file_of(wish.token)
        given = {
            "file": str(file),
            "recipe": version.id,
            "name": str(version.named),
            "start": str(await asyncio.to_thread(_written, self._folder / "recipes" / f"{version.id}.toml", version.content)),
            "calls": wish.calls,
            "minutes": wish.minutes,
            "metric": wish.metric,
            "base": self._training.base,
        }
        return await self._jobs.ask(OPTIMISE, given, asker)

    def found(self, job: Job) -> RecipeVersion | None:
        """Find the version that a search has made; None where it has not ended, or found nothing better."""
        if job.state != "done" or not job.result or job.result["recipe"]["digest"] == job.result["start"]["digest"]:
            return None
        return next((each for each in self._versions.all() if each.digest == job.result["recipe"]["digest"]), None)


def worth(result: Mapping[str, Any]) -> str:
    """Say how right a recipe that was found is, on rows that no choice looked at. Pure."""
    new, old, dev = result.get("test"), result.get("start_test"), result.get("dev")
    is_right = "right on" if metric_named(result["metric"]).counts else "scored"
    if new and old and dev:
        unseen = f"{is_right} {_share(new)} of {new['rows']:,} rows that no choice looked at"
        return f"{unseen}; where it began, {is_right} {_share(old)}. On the rows by which it was chosen it says {percent(dev['mean'])}."
    if dev:
        return f"{is_right} {_share(dev)} of the {dev['rows']:,} rows by which it was chosen, which says too much; no test was measured."
    return "it was measured on no rows."


def _share(figure: Mapping[str, Any]) -> str:
    return f"{percent(figure['mean'])} ± {percent(figure['error'])}"


def _written(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file
