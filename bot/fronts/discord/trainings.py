"""Trainings on Discord: one message for each, edited as it goes on, with a picture at its end; also after a restart."""

import asyncio
import io
import logging
from contextlib import suppress
from functools import partial

import discord
from discord import ui

from bot.app.decisions import Decisions
from bot.app.jobs import Jobs
from bot.app.training import DECIDE, TRAIN, AdapterTraining, JobProgress
from bot.fronts.discord import fit
from bot.fronts.discord.lane import TryLater
from bot.fronts.discord.layout import MOST_CHARACTERS, Sheet
from bot.fronts.discord.leaving import Leaving
from bot.fronts.discord.pacing import Pacer
from bot.fronts.discord.pictures import MOST_ALT
from bot.fronts.discord.sending import Gone, NotAllowed, TokenOver, Wire, edit_by_token
from bot.views import Job
from engine.errors import BadRequest, DuelbotError

POLL_S = 3.0  # seconds between two looks at how far a training is
BAR = 20  # characters of the bar
PICTURE, REPORT = "training.png", "report.html"
TITLES = {TRAIN: "Training", DECIDE: "Decision on"}
log = logging.getLogger(__name__)


def training_words(found: JobProgress) -> str:
    """Say how far a training is, and what to do with what it made. Pure."""
    job, name = found.job, fit.inline(str(found.job.arguments["name"]), 80)
    lines = [f"### {TITLES.get(job.kind, job.kind)} {name}"]
    if job.going and found.share is not None:
        left = "" if found.left_s is None else f" · {left_words(found.left_s)}"
        lines.append(f"`{'█' * round(BAR * found.share):{BAR}}` {found.share:.0%}{left}")
    lines.append(fit.head(found.doing, 1500))
    if job.state == "done" and job.kind == DECIDE:
        lines.append("-# The report is attached; the prompt and the fine-tune are here by their name: /recipe, /adapter.")
    elif job.state == "done" and job.result:
        made = fit.inline(f"{job.result['name']}@{job.result['version']}", 100)
        lines.append(f"-# A duel against what is in use: /compare with `against: {made}`. To keep it: /adapter use {made}.")
    elif job.state in ("stopped", "failed"):
        lines.append("-# *Go on* begins again from its last checkpoint.")
    return "\n".join(lines)


def left_words(seconds: float) -> str:
    """Say how long it will take still. Pure."""
    return f"{max(1, round(seconds))} s left" if seconds < 99 else f"{seconds / 60:.0f} min left"


def training_sheet(found: JobProgress, alt: str = "", *, report: bool = False) -> Sheet:
    """Draw the message of a training: words, its picture or report where there is one, a button to stop it or to go on. Pure."""
    items: list[ui.Item[Sheet]] = [ui.TextDisplay[Sheet](fit.cut(training_words(found), MOST_CHARACTERS))]
    if alt:
        items.append(ui.MediaGallery(discord.MediaGalleryItem(f"attachment://{PICTURE}", description=fit.cut(alt, MOST_ALT))))
    if report:
        items.append(ui.File[Sheet](f"attachment://{REPORT}"))
    if found.job.going:
        items.append(ui.ActionRow(ui.Button[Sheet](label="Stop", style=discord.ButtonStyle.danger, custom_id="job:stop")))
    elif found.job.state in ("stopped", "failed"):
        items.append(ui.ActionRow(ui.Button[Sheet](label="Go on", style=discord.ButtonStyle.secondary, custom_id="job:on")))
    return Sheet(*items)


class TrainingMessages:
    """The messages of trainings, shown in their channels' lanes: the latest state wins."""

    def __init__(self, jobs: Jobs, training: AdapterTraining, decisions: Decisions, *, wire: Wire, pacer: Pacer, leaving: Leaving) -> None:
        self._decisions = decisions
        self._jobs, self._training, self._wire, self._pacer, self._leaving = jobs, training, wire, pacer, leaving
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self, job: Job, interaction: discord.Interaction) -> None:
        """Show a training in the answer of the deferred interaction, and follow it."""
        with suppress(Gone, NotAllowed, TokenOver, TryLater):  # it gets a message of its own then
            await self._jobs.sent(job.id, await edit_by_token(interaction, training_sheet(self._training.progress(job))))
        self._follow(job)

    async def resume(self) -> None:
        """Go on with the messages of trainings that an earlier process left."""
        for job in await self._jobs.going():
            if job.channel:
                self._follow(job)

    async def clicked(self, message: str, act: str) -> None:
        """Stop the training whose message this is, or have it go on. Raises BadRequest for a message of none."""
        job = await self._jobs.by_message(message)
        if job is None:
            raise BadRequest("This training is not kept any more.")
        if act == "stop":
            await self._jobs.stop(job.id)
        else:
            self._follow(await self._jobs.go_on(job.id))

    def _follow(self, job: Job) -> None:
        if job.id not in self._tasks:
            self._tasks[job.id] = asyncio.create_task(self._run(job))
            self._tasks[job.id].add_done_callback(lambda _: self._tasks.pop(job.id, None))

    async def _run(self, job: Job) -> None:
        with self._leaving.at_work():
            try:
                await self._work(job)
            except DuelbotError as error:
                log.warning("The message of a training is not brought up to date: %s", error)
            except Exception:
                log.exception("The message of a training failed")

    async def _work(self, job: Job) -> None:
        shown = ""
        while True:
            found = self._training.progress(await self._jobs.look(job.id))
            if (said := training_words(found)) != shown:
                shown = said
                self._pacer.put(job.channel, f"job:{job.id}", partial(self._put, found))
            if not found.job.going or self._leaving.begun:
                return
            await asyncio.sleep(POLL_S)

    async def _put(self, found: JobProgress) -> None:
        job = await self._jobs.look(found.job.id)
        files: list[discord.File] = []
        alt = ""
        if not found.job.going and found.curve.losses:
            picture = await self._training.picture(job, "dark", "png")
            files, alt = [discord.File(io.BytesIO(picture.data), filename=PICTURE)], fit.clean(picture.alt)
        report = self._decisions.report(job) if job.kind == DECIDE and job.state == "done" else ""
        if report:
            files = [discord.File(io.BytesIO(report.encode()), filename=REPORT)]
        sheet = training_sheet(found, alt, report=bool(report))
        try:
            if job.message:
                await self._wire.edit(job.channel, job.message, sheet, files)
            else:
                await self._jobs.sent(job.id, await self._wire.send(job.channel, job.team, sheet, nonce=f"job{job.id}"))
        except (Gone, NotAllowed) as error:
            log.info("A training cannot be shown: %s", error)
