"""One duel in the terminal: its answers as they are written, a vote by one key, the reveal."""

import asyncio
from collections.abc import Callable, Container
from contextlib import aclosing
from itertools import cycle
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from bot.app import App
from bot.ballots import Guess
from bot.errors import StoreError
from bot.fronts.terminal import render
from bot.fronts.terminal.input import ENTER, LEAVE, KeyReader
from bot.views import DuelView

PERSON = "terminal"  # asker and voter: whoever sits at this terminal
TICK_S = 0.12  # seconds between two pictures of the waiting mark
RESIZED_S = 0.3  # seconds between two looks at the width while a vote is awaited
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Leave(Exception):
    """Says that the person leaves the chat; no error."""


class Stage:
    """The screen and the keys while a duel is on it."""

    def __init__(self, app: App, console: Console, keys: KeyReader, say: Callable[[str], None]) -> None:
        self._app, self._console, self._keys, self._say = app, console, keys, say

    async def settle(self, view: DuelView) -> DuelView | None:
        """Bring a duel from wherever it is to its end: follow, show both answers in full, vote. None: the person skipped the vote.

        Raises Leave, StoreError.
        """
        with self._keys.listening():
            view = await self._follow(view)
            self._console.print(render.Answers(view.sides))
            return await self._vote(view) if view.state == "open" else view

    async def _follow(self, view: DuelView) -> DuelView:
        """Show the answers as they are written, until there is something to vote on or nothing more to come."""
        spin = cycle(SPINNER)
        with Live(console=self._console, transient=True, auto_refresh=False, vertical_overflow="crop") as live:
            async with aclosing(self._app.looking.watch(view.id, PERSON)) as views:
                coming, pressed = asyncio.ensure_future(anext(views)), asyncio.ensure_future(self._keys.next())
                try:
                    while view.state in ("waiting", "answering"):
                        done, _ = await asyncio.wait({coming, pressed}, timeout=TICK_S, return_when=asyncio.FIRST_COMPLETED)
                        if pressed in done:
                            if pressed.result() in LEAVE | {"s", "S"}:
                                await self._app.asking.stop(view.id)
                            pressed = asyncio.ensure_future(self._keys.next())
                        if coming in done:
                            view = coming.result()
                            coming = asyncio.ensure_future(anext(views))
                        live.update(render.streaming(view, self._console.size, next(spin)), refresh=True)
                except StopAsyncIteration:
                    pass  # the app is being left; what there is has been given
                finally:
                    await _drop(coming, pressed)
        return view

    async def _vote(self, view: DuelView) -> DuelView | None:
        """Take one key; None when the person skips. A vote that could not be stored can be given again."""
        while True:
            key = await self._choice(view, render.vote_bar(), {*render.VOTE_KEYS, ENTER})
            if key == ENTER:
                return None
            guess = await self._guess(view)
            try:
                return (await self._app.voting.cast(view.id, PERSON, render.VOTE_KEYS[key], guess=guess)).view
            except StoreError as error:
                self._say(error.words)

    async def _guess(self, view: DuelView) -> Guess | None:
        """Ask which side is which, before the vote shows it; None: this vote is not one of the few that are asked."""
        arm = self._app.voting.asks_before(view, PERSON)
        if arm is None:
            return None
        return render.GUESS_KEYS[await self._choice(view, render.guess_bar(arm), render.GUESS_KEYS)]

    async def _choice(self, view: DuelView, bar: Text, keys: Container[str]) -> str:
        """Show the keys that may be pressed now, and wait for one of them. Raises Leave."""
        self._keys.forget()
        with Live(bar, console=self._console, transient=True, auto_refresh=False):
            while (key := await self._key_over(render.Answers(view.sides))) not in keys:
                if key in LEAVE:
                    raise Leave
        return key

    async def _key_over(self, shown: RenderableType) -> str:
        """The next key. When the terminal gets another width meanwhile, what was shown is shown again to fit it."""
        width, pressed = self._console.width, asyncio.ensure_future(self._keys.next())
        try:
            while not (await asyncio.wait({pressed}, timeout=RESIZED_S))[0]:
                if width != self._console.width:
                    width = self._console.width
                    self._console.print(shown)
            return pressed.result()
        finally:
            await _drop(pressed)


async def _drop(*tasks: "asyncio.Future[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
