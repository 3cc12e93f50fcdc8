"""python -m bot: the page in a browser, and Discord when DISCORD_TOKEN is set; python -m bot chat: the same in a terminal."""

import argparse
import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from bot import cli
from bot.app import App
from bot.arguments import parser
from bot.installed import check_installed
from bot.logs import log_to
from bot.settings import Settings
from bot.signals import AGAIN, END, gone, hear, terminals, there_are
from engine.commandline import BAD_INPUT, DONE, complain, ended
from engine.errors import DuelbotError
from engine.lineup import Lineup, open_lineup
from engine.printable import printable

FRONTS = (None, "web", "chat")  # None: no verb was given


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and do what it says. Returns the exit status."""
    return run(parser().parse_args(argv))


def run(options: argparse.Namespace) -> int:
    """Do what a parsed command line says. Returns the exit status. What a person can mend is one sentence on stderr."""
    _fill_standard_streams()
    return ended(lambda: _started(options))


def _started(options: argparse.Namespace) -> int:
    check_installed()
    return _front(options.command or "web") if options.command in FRONTS else cli.run(options)


def _front(front: str) -> int:
    settings = Settings.read()
    _log_to(settings, front)
    return asyncio.run(_run(front, settings))


def _fill_standard_streams() -> None:
    """Descriptors 0 to 2 that were closed lead nowhere from now on; else the store could become what libraries print to."""
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(opened)


def _log_to(settings: Settings, front: str) -> None:
    """To stderr; a chat owns the screen, so its log lies beside the store, made when there is something to say."""
    store = settings.store.file
    handler = logging.FileHandler(store.with_name(f"{store.name}.log"), delay=True) if front == "chat" else logging.StreamHandler()
    log_to(handler, settings.logs, settings.secrets)


async def _run(front: str, settings: Settings) -> int:
    app: App | None = None
    _end_on_signals(front, lambda: app)
    status = DONE
    seen = asyncio.Event()

    async def open_engine() -> Lineup:
        """Load the model once people see the front: beside its imports and its first answer, both would take longer."""
        await seen.wait()
        return await open_lineup(settings.engine, say)

    def say(words: str) -> None:
        if front != "chat":  # it owns the screen
            _tell(words)
        if app:
            app.tell_model(words)

    try:
        async with App.open(settings, open_engine) as app:
            status = await (_chat(app, seen) if front == "chat" else _web(app, settings, seen))
    except asyncio.CancelledError:
        pass  # a signal: all that was open has been closed on the way here
    except DuelbotError as error:
        status = complain(error.words, BAD_INPUT)
    if app and app.model.state == "loading":
        _end_now(status)
    return status


def _end_now(status: int) -> NoReturn:
    """End without waiting for the thread that loads: nobody can interrupt a download or an import, and nothing is left to save."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # nobody reads on
            if stream:
                stream.flush()
    os._exit(status)


def _tell(words: str) -> None:
    """News for whoever started this. A closed pipe or a full disk behind stdout is no reason to stop serving people."""
    try:
        print(printable(words), flush=True)
    except OSError:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)  # else Python would try to write it once more at the end


def _end_on_signals(front: str, app: Callable[[], App | None]) -> None:
    """The first signal ends all in order, a second one at once. In a chat, Ctrl-C belongs to the chat.

    SIGHUP has files read again, unless it is the terminal that has gone.
    """
    running, screens, rereading = asyncio.current_task(), terminals(), set[asyncio.Task[None]]()

    def end() -> None:
        undo()
        if running:
            running.cancel()

    def again() -> None:
        if front == "chat" or gone(screens):
            end()
        elif opened := app():
            task = asyncio.create_task(_reread(opened))
            rereading.add(task)
            task.add_done_callback(rereading.discard)

    undos = (
        hear(there_are(each for each in END if front != "chat" or each != "SIGINT"), end),
        hear(there_are([AGAIN]), again),
    )

    def undo() -> None:
        for each in undos:
            each()


async def _reread(app: App) -> None:
    _tell(await app.rereading.reread())


async def _chat(app: App, seen: asyncio.Event) -> int:
    from bot.fronts.terminal.chat import run  # each front's libraries are loaded for that front alone

    seen.set()
    return await run(app)


async def _web(app: App, settings: Settings, seen: asyncio.Event) -> int:
    """Serve the page, and Discord where it is set up, until one of them ends. The address is printed by the page, once it answers."""

    def tell(words: str) -> None:
        _tell(words)
        seen.set()

    _tell(f"Store: {settings.store.file}")
    telling = asyncio.create_task(_tell_model(app))
    try:
        from bot.fronts.web import serve, serve_watch

        fronts = [serve(app, settings, tell)]
        if settings.watch.port:
            fronts.append(serve_watch(app, settings, _tell))
        if settings.discord.token.get_secret_value():
            from bot.fronts.discord import serve as serve_discord

            fronts.append(serve_discord(app, settings))
        if settings.api.on:
            from bot.fronts.api import serve as serve_programs

            fronts.append(serve_programs(app, settings, _tell))
        await _together(fronts)
    finally:
        telling.cancel()
    return DONE


async def _together(fronts: Sequence[Coroutine[Any, Any, None]]) -> None:
    """All fronts until one ends; then the others end in order, too. Raises what ended the first."""
    running = [asyncio.create_task(front) for front in fronts]
    try:
        ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for front in running:
            front.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    for front in ended:
        front.result()


async def _tell_model(app: App) -> None:
    began = time.monotonic()
    _tell(app.model.words)
    settled = await app.model_settled()
    took = f" It took {time.monotonic() - began:.1f} s." if settled.state == "ready" else " Earlier duels can still be read."
    _tell(f"{settled.words}{took}")


if __name__ == "__main__":
    sys.exit(main())
