"""All that the handlers of messages, commands and buttons work with: made before the client, which holds it.

discord.py gives a handler its interaction, and with it the client and nothing else. Here the client is known only by what it holds,
so that no handler needs the client's own file, which needs all handlers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

import discord

from bot.app import App
from bot.fronts.discord.batch import FileBatches
from bot.fronts.discord.delivery import Delivery
from bot.fronts.discord.desk import Desk
from bot.fronts.discord.drawing import Drawing
from bot.fronts.discord.following import Following
from bot.fronts.discord.leaving import Leaving
from bot.fronts.discord.memory import Memory
from bot.fronts.discord.news import News
from bot.fronts.discord.pacing import Pacer
from bot.fronts.discord.progress import FileProgress
from bot.fronts.discord.rematches import RematchMessages
from bot.fronts.discord.repeats import Refusals, Repeats
from bot.fronts.discord.scenes import Scenes
from bot.fronts.discord.sending import Wire
from bot.fronts.discord.tokens import Tokens
from bot.fronts.discord.trainings import TrainingMessages
from bot.fronts.discord.unshown import Unshown
from bot.fronts.discord.upkeep import Upkeep


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that handlers work with, one of each per client."""

    app: App
    wire: Wire
    pacer: Pacer
    desk: Desk
    drawing: Drawing
    upkeep: Upkeep
    news: News
    batches: FileBatches
    trainings: TrainingMessages
    rematches: RematchMessages
    memory: Memory  # of what autocomplete offers
    leaving: Leaving
    repeats: Repeats  # events that were handled already
    refusals: Refusals


class PartsHolder(Protocol):
    """The client, as handlers know it."""

    @property
    def parts(self) -> Parts:
        """Return what this client works with."""
        ...


def parts_of(interaction: discord.Interaction) -> Parts:
    """Return the parts of the client that this interaction came to."""
    return cast(PartsHolder, interaction.client).parts


def parts_over(app: App, wire: Wire, pacer: Pacer, now_s: Callable[[], float]) -> Parts:
    """Make all parts. now_s: seconds on a clock that never goes back."""
    leaving, tokens, memory = Leaving(), Tokens(), Memory(app)
    news, delivery, scenes = News(app, wire, pacer), Delivery(wire, tokens), Scenes(app, leaving)
    unshown = Unshown(app, wire, news)
    drawing = Drawing(app, pacer, delivery, scenes, unshown, news)
    following = Following(app, drawing, scenes, leaving)
    upkeep = Upkeep(app, wire, pacer, drawing, unshown, following, tokens, news)
    desk = Desk(app, pacer, tokens, memory, leaving, delivery, drawing, following, scenes, upkeep)
    batches = FileBatches(app.batching, desk, FileProgress(app.batching, wire, pacer), leaving)
    return Parts(
        app=app,
        wire=wire,
        pacer=pacer,
        desk=desk,
        drawing=drawing,
        upkeep=upkeep,
        news=news,
        batches=batches,
        trainings=TrainingMessages(app.jobs, app.training, app.decisions, wire=wire, pacer=pacer, leaving=leaving),
        rematches=RematchMessages(wire, pacer, leaving),
        memory=memory,
        leaving=leaving,
        repeats=Repeats(now_s),
        refusals=Refusals(now_s),
    )
