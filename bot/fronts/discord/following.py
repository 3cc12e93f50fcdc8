"""Following duels while they are answered: each change is drawn, and the end whatever happens."""

import asyncio
import logging
from contextlib import aclosing, suppress

from bot.app import App
from bot.errors import UnknownDuel
from bot.fronts.discord import words
from bot.fronts.discord.drawing import Drawing
from bot.fronts.discord.leaving import Leaving
from bot.fronts.discord.scenes import RUNNING, Scenes
from bot.fronts.discord.timing import Rank
from bot.views import DuelView, Post
from engine.errors import DuelbotError

log = logging.getLogger(__name__)


class Following:
    """The duels that are being answered, a task for each."""

    def __init__(self, app: App, drawing: Drawing, scenes: Scenes, leaving: Leaving) -> None:
        self._app, self._drawing, self._scenes, self._leaving = app, drawing, scenes, leaving
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __contains__(self, duel: str) -> bool:
        return duel in self._tasks

    def follow(self, post: Post, view: DuelView, *, quietly: bool = False) -> asyncio.Task[None]:
        """Draw what becomes of a duel; quietly: its end alone. Returns the task that does."""
        self._drawing.begin(post)
        self._tasks[post.duel] = task = asyncio.create_task(self._watch(post.duel, view.asker, quietly))
        task.add_done_callback(lambda _: self._tasks.pop(post.duel, None))
        return task

    async def _watch(self, duel: str, viewer: str, quietly: bool) -> None:
        try:
            async with aclosing(self._app.looking.watch(duel, viewer)) as views:
                async for view in views:
                    ended = view.state not in RUNNING
                    rank = Rank.AWAITED if ended else Rank.STREAM
                    hidden = quietly and (self._leaving.begun or not ended)  # a file's request that is broken off is asked again
                    if not hidden and (post := self._drawing.live(duel)):
                        self._drawing.queue(post, view, rank)
                    if ended:
                        break
            await self._scenes.refresh()
        except DuelbotError as error:
            log.warning("Duel %s is not followed any more: %s", duel, error)
        except Exception:
            log.exception("Following the duel %s failed", duel)
        finally:
            self._drawing.end(duel)

    async def interrupt(self) -> None:
        """Stop the answers of all duels, and wait until their ends are ready to be drawn."""
        await asyncio.gather(*(self._interrupt(duel) for duel in list(self._tasks)))
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _interrupt(self, duel: str) -> None:
        with suppress(UnknownDuel):
            await self._app.asking.stop(duel, because=words.INTERRUPTED)

    def cancel(self) -> None:
        """Follow nothing any more."""
        for task in self._tasks.values():
            task.cancel()
