"""Training in the running bot: rows are brought and checked, a job estimates, a job trains, and what has come of it may duel."""

import asyncio
import re
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.data.check import RowsCheck, check_rows
from adapters.data.findings import SAID, Fault
from adapters.data.reading import read_file
from adapters.data.report import heading, places, split_words
from adapters.train.curve import TrainingCurve
from adapters.train.runs import PHASES, Status, WorkFolder, check_name
from bot.app.core import Core
from bot.app.jobs import Jobs
from bot.app.shelf import Shelf
from bot.charts import Form, Picture, Theme, training_picture
from bot.deciding.order import DecisionFolder, DecisionStatus
from bot.settings import Settings
from bot.store.evidence import EvidenceRows
from bot.views import Job
from bot.words import counted, percent
from engine.errors import BadRequest, DuelbotError
from engine.ledger import Use
from engine.optimise.status import SearchStatus, read_status
from engine.settings import EngineSettings

ESTIMATE, TRAIN, DECIDE, OPTIMISE = "estimate", "train", "decide", "optimise"
PLANS = ("quick", "standard", "gpu")  # that ship, by which a person chooses
MOST_BYTES = 50_000_000  # of a file of rows
TOKEN = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class FoundFault:
    """What a check has found of one kind."""

    kind: str
    rows: int
    where: str  # lines of the file, some of them
    what: str
    fix: str
    wrong: bool  # whether a decision on these rows would be wrong


@dataclass(frozen=True, slots=True)
class BroughtRows:
    """Rows that somebody has brought, and what the check says of them."""

    token: str
    name: str
    rows: int
    wrong: bool
    about: tuple[str, ...]  # sentences
    faults: tuple[FoundFault, ...]


@dataclass(frozen=True, slots=True)
class TrainingWish:
    """What a person asks for. The rest is as the settings say."""

    token: str  # of the rows
    name: str  # of the adapter
    plan: str = "standard"
    prompt_right: float | None = None  # share of such requests that the prompt answers right; None: not known


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job is."""

    job: Job
    doing: str  # what it does now, in words
    share: float | None  # of the training that is done; None: nobody knows
    left_s: float | None
    curve: TrainingCurve
    prompt_right: float | None


class AdapterTraining:
    """The use cases around training. Everything of a job lies in a folder of its own beside the store."""

    def __init__(self, core: Core, jobs: Jobs, settings: Settings) -> None:
        self._core, self._jobs, self._settings = core, jobs, settings
        self._folder = jobs_folder(settings)

    async def bring(self, name: str, data: bytes) -> BroughtRows:
        """Keep a file of rows, and check it. Raises BadRequest for what holds no rows; then nothing is kept."""
        if len(data) > MOST_BYTES:
            raise BadRequest(f"The file is too large: at most {MOST_BYTES / 1e6:.0f} MB are read.")
        token = secrets.token_hex(8)
        file = self._folder / "rows" / token / re.sub(r"[^A-Za-z0-9._-]+", "-", Path(name).name)[-60:].lstrip(".-")
        await asyncio.to_thread(_write, file, data)
        try:
            return await self.brought(token)
        except DuelbotError:
            file.unlink()
            file.parent.rmdir()
            raise

    async def brought(self, token: str) -> BroughtRows:
        """Check rows that were brought. Raises BadRequest for a token of none."""
        file = self.file_of(token)
        async with self._core.store.reading() as look:
            asked = await EvidenceRows(look).requests()
        others = [(text, Use("evidence", "a vote")) for text in asked]
        lineup = self._core.model.lineup
        if lineup and (recipe := lineup.kit.engineered):
            others += [(each.user, Use("example", f"an example of the recipe {recipe.name}")) for each in recipe.examples]
        check = await asyncio.to_thread(lambda: check_rows(read_file(file), others))
        return report_of(token, file.name, check)

    def file_of(self, token: str) -> Path:
        """Find rows that were brought. Raises BadRequest."""
        folder = self._folder / "rows" / token
        found = next(iter(folder.iterdir()), None) if TOKEN.fullmatch(token) and folder.is_dir() else None
        if found is None:
            raise BadRequest("These rows are not here any more. Bring the file again.")
        return found

    async def estimate(self, wish: TrainingWish, asker: str) -> Job:
        """Have a job estimate what a training takes and whether it will pay. Raises BadRequest."""
        return await self._jobs.ask(ESTIMATE, self._arguments(wish), asker)

    async def train(self, wish: TrainingWish, asker: str, *, team: str | None = None, channel: str = "") -> Job:
        """Have a job train. Raises BadRequest, BadRun for a name that cannot be a folder's."""
        check_name(wish.name)
        if (there := Path(self._settings.engine.adapters) / f"{wish.name}-1").exists():
            raise BadRequest(f"There is an adapter at {there} already. Take another name.")
        return await self._jobs.ask(TRAIN, self._arguments(wish), asker, team=team, channel=channel)

    def _arguments(self, wish: TrainingWish) -> dict[str, Any]:
        if wish.plan not in PLANS:
            raise BadRequest(f"There is no plan {wish.plan[:40]!r}. There are {', '.join(PLANS)}.")
        return {
            "rows": wish.token,
            "file": str(self.file_of(wish.token)),
            "name": wish.name,
            "plan": wish.plan,
            "prompt_right": wish.prompt_right,
            "base": self.base,
        }

    @property
    def base(self) -> str:
        """The base that is loaded, as DUEL_BASE_MODEL names it."""
        lineup = self._core.model.lineup
        return lineup.settings.base_model if lineup else self._settings.engine.base_model

    def progress(self, job: Job) -> JobProgress:
        """Read how far a job is, from its files: any process may have written them."""
        right = job.arguments.get("prompt_right")
        if job.kind == DECIDE:
            decision = DecisionFolder(self._folder / job.id / job.arguments["name"])
            return JobProgress(job, decision_words(job, decision.status()), None, None, TrainingCurve(), None)
        if job.kind == OPTIMISE:
            return JobProgress(job, search_words(job, read_status(search_folder(self._folder, job))), None, None, TrainingCurve(), None)
        if job.kind != TRAIN:
            return JobProgress(job, doing_words(job, None), None, None, TrainingCurve(), right)
        work = work_folder(self._folder, job)
        status = work.status()
        share = status.step / status.steps if status and status.steps and status.phase in ("training", "after", "alive", "done") else None
        return JobProgress(job, doing_words(job, status), share, status.left_s if status else None, work.curve.read(), right)

    async def picture(self, job: Job, theme: Theme = "light", form: Form = "svg") -> Picture:
        """Draw how the loss fell and how right the model became, with the prompt's line where that is known."""
        found = self.progress(job)
        return await training_picture(found.curve, found.prompt_right, theme, form)


class EstimateKind:
    """Jobs that estimate."""

    def command(self, job: Job) -> Sequence[str]:
        """Return the command of `adapters estimate`."""
        given = job.arguments
        right = given.get("prompt_right")
        more = () if right is None else ("--prompt-right", f"{right * 100:g}")
        return (*ADAPTERS, "estimate", given["file"], "--base", given["base"], "--plan", given["plan"], "--json", *more)

    async def done(self, job: Job, result: Mapping[str, Any]) -> str:
        """Word the estimate."""
        minutes, memory, usd = result["seconds"], result["memory_bytes"], result.get("usd")
        price = f" and ${usd['value']:.4f}" if usd else ""
        took = f"about {minutes['value'] / 60:.1f} minutes ({minutes['least'] / 60:.1f} to {minutes['most'] / 60:.1f})"
        return f"A training takes {took}, {memory['value'] / 1e9:.1f} GB of memory{price}. {result['words']}"


class TrainKind:
    """Jobs that train; one that was begun goes on from its checkpoint."""

    def __init__(self, folder: Path, settings: EngineSettings, shelf: Shelf) -> None:
        self._folder, self._adapters, self._shelf = folder, Path(settings.adapters).absolute(), shelf

    def command(self, job: Job) -> Sequence[str]:
        """Return the command of `adapters train`, with --resume where the run has begun."""
        given, work = job.arguments, work_folder(self._folder, job)
        ends = ("--name", given["name"], "--work", str(work.path.parent), "--out", str(self._adapters), "--json", "--tied")
        if work.begun:
            return (*ADAPTERS, "train", "--resume", *ends)
        return (*ADAPTERS, "train", given["file"], "--base", given["base"], "--plan", given["plan"], *ends)

    async def done(self, job: Job, result: Mapping[str, Any]) -> str:
        """Load what was trained beside the others and prove it alive here; word what it is. Raises BadAdapter where it cannot duel."""
        name = f"{result['name']}@{result['version']}"
        await self._shelf.load(name)
        figures = ", ".join(f"{what} {share:.1%}" for what, share in result["figures"].items())
        limits = " ".join(result["limits"])
        return f"{name} is ready: {figures or 'nothing was measured'}. It is alive and can duel. {limits}".strip()


ADAPTERS = (sys.executable, "-m", "adapters")


def jobs_folder(settings: Settings) -> Path:
    """Name the folder beside the store in which jobs and rows lie."""
    store = settings.store.file
    return store.with_name(f"{store.name}.jobs")


def work_folder(folder: Path, job: Job) -> WorkFolder:
    """Find the work folder of a job that trains."""
    return WorkFolder(folder / job.id / job.arguments["name"])


def doing_words(job: Job, status: Status | None) -> str:
    """Say what a job does now, or how it ended. Pure."""
    match job.state:
        case "queued":
            return "Waits for its turn."
        case "running" if job.kind == ESTIMATE:
            return "Times three steps and probes the rows."
        case "running" if status is None or status.phase not in PHASES:
            return "Begins."
        case "running":
            assert status
            steps = f", {status.step:,} of {status.steps:,}" if status.steps else ""
            loss = f", loss {status.loss:.3f}" if status.loss is not None else ""
            said = PHASES[status.phase]
            return f"{said[0].upper()}{said[1:]}{steps}{loss}"
    return job.words


def decision_words(job: Job, status: DecisionStatus | None) -> str:
    """Say how far a decision is, a line for each step that has begun, or how it ended. Pure."""
    if job.state != "running":
        return "Waits for its turn." if job.state == "queued" else job.words
    begun = [step for step in status.steps if step.state != "waiting"] if status else []
    lines = [
        f"{step.name}: {step.words or 'goes on'}" + (f" ({step.part:.0%})" if step.state == "running" and step.part else "")
        for step in begun
    ]
    return "\n".join(lines) or "Begins."


def search_folder(folder: Path, job: Job) -> Path:
    """Find the state folder of a job that searches for a better recipe."""
    return folder / job.id / "search"


def search_words(job: Job, status: SearchStatus | None) -> str:
    """Say how far a search for a better recipe is, or how it ended. Pure."""
    if job.state != "running":
        return "Waits for its turn." if job.state == "queued" else job.words
    if status is None:
        return "Begins."
    if status.stage == "test":
        return "Measures the best and the start on rows that no choice looked at."
    best = f"; the best so far is right on {percent(status.best)} of {counted(status.rows, 'dev row')}" if status.best is not None else ""
    return f"{min(status.calls, status.most_calls):,} of {counted(status.most_calls, 'answer')}{best}."


def report_of(token: str, name: str, check: RowsCheck) -> BroughtRows:
    """Put a check into words, a value for each kind of finding. Pure."""
    faults = []
    for kind in Fault:
        if found := check.of(kind):
            rows = len({row for finding in found for row in finding.rows})
            faults.append(FoundFault(kind.value, rows, places(check, found), *SAID[kind], any(each.wrong for each in found)))
    about = [line.strip() for line in (*heading(check), *split_words(check.split), verdict_of(check)) if line.strip()]
    about[0] = about[0].replace(check.rows.name, name, 1)
    return BroughtRows(token, name, len(check.rows.rows), check.wrong, tuple(about), tuple(faults))


def verdict_of(check: RowsCheck) -> str:
    """Say what a check comes to. Pure."""
    if not check.findings:
        return "Nothing was found."
    if check.wrong:
        return "A decision on these rows would be wrong: mend the lines that are marked with !, or accept their fixes in a terminal."
    return "Nothing here makes a decision wrong. Fixes are applied in a terminal: adapters data check FILE --accept KIND --write FILE."


def _write(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
