"""The chat in a terminal: ask, two answers side by side, vote by a key, reveal. Holds no rule of the product."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

from prompt_toolkit.input import Input, create_input
from prompt_toolkit.output import Output, create_output
from rich.console import Console, RenderableType
from rich.text import Text

from bot.app import App
from bot.app.orders import Order
from bot.errors import StoreError
from bot.fronts.terminal import render, results
from bot.fronts.terminal.duel import PERSON, Leave, Stage
from bot.fronts.terminal.input import Command, KeyReader, LineReader, parse
from bot.fronts.terminal.recipes import recipe_command
from bot.fronts.terminal.routes import route_command
from bot.tags import checked_tag
from bot.views import OUTSIDE, DuelSummary, DuelView
from engine.cost import Estimate
from engine.errors import DuelbotError
from engine.printable import printable

NO_TERMINAL = 'The chat needs a terminal on both ends. In a pipe, use: python -m engine ask "your request"'


async def run(app: App) -> int:
    """TerminalChat until the person leaves. The exit status: 0, or 2 when there is no terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        sys.stderr.write(f"{NO_TERMINAL}\n")
        return 2
    await TerminalChat(app, create_input(), create_output(), Console(highlight=False, markup=False, emoji=False)).talk()
    return 0


class TerminalChat:
    """One person, one conversation at a time."""

    def __init__(self, app: App, source: Input, screen: Output, console: Console) -> None:
        self._app = app
        self._console = console
        self._stage = Stage(app, console, KeyReader(source), self._say)
        self._line = LineReader(source, screen, tuple(render.COMMANDS), self._toolbar)
        self._conversation: str | None = None
        self._tag = ""
        self._offered = ""  # request that the number 1 asks next, in a new conversation
        self._listed: list[DuelSummary] = []  # what /open counts by
        self._estimate: Estimate | None = None

    def _toolbar(self, width: int) -> str:
        return render.toolbar(self._app.model, self._estimate, width)

    def _show(self, shown: RenderableType) -> None:
        self._console.print(shown)

    def _say(self, words: str) -> None:
        self._console.print(Text(printable(words)))

    async def talk(self) -> None:
        """Read, do, repeat. What goes wrong is said in words, and the chat goes on."""
        self._show(render.welcome(self._app.examples))
        with suppress(StoreError):  # the arrow keys are no reason to stay out
            self._line.remember([duel.request for duel in reversed(await self._app.looking.history())])
        with suppress(Leave):
            while True:
                await self._guarded(self._take_turn)

    async def _guarded(self, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except DuelbotError as error:
            self._say(error.words)

    async def _take_turn(self) -> None:
        self._console.print()
        estimating = asyncio.create_task(self._keep_estimate())
        try:
            line = await self._line.read()
        finally:
            estimating.cancel()
            await asyncio.gather(estimating, return_exceptions=True)
        if line is None:
            raise Leave
        meant = parse(line)
        if isinstance(meant, Command):
            await self._command(meant)
        elif meant:
            await self._ask(self._numbered(meant))

    async def _keep_estimate(self) -> None:
        """Show the estimate under the prompt as soon as the model is there, while somebody may be typing already."""
        await self._app.model_settled()
        with suppress(StoreError):  # it will be said when something is asked
            self._estimate = await self._app.judging.estimate()

    def _numbered(self, text: str) -> str:
        """Return the text, or what its number stands for: an example at the start, later what was offered under equal answers."""
        offers = self._app.examples if self._conversation is None else (self._offered,) if self._offered else ()
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= len(offers)):
            return text
        self._conversation = None
        self._show(render.asked(offers[int(text) - 1]))
        return offers[int(text) - 1]

    async def _ask(self, text: str) -> None:
        order = Order(text, PERSON, conversation=self._conversation, tag=self._tag, owner=True)
        view = (await self._app.asking.ask(order)).view
        self._conversation = view.conversation
        if view.note and view.turn > 1:
            self._console.print(Text(printable(view.note), "dim"))
        await self._settle(view)

    async def _tell_drift(self) -> None:
        """Say what drift has done to the duel share since somebody was last told."""
        for route in await self._app.routing.untold():
            if route.team == OUTSIDE:
                self._say(f"{route.reason} /route shows it, /route back changes it back.")
                await self._app.routing.told(route)

    async def _settle(self, view: DuelView) -> None:
        decided = await self._stage.settle(view)
        self._offered = decided.next_step.request if decided and decided.next_step else ""
        self._show(render.decided(decided) if decided else Text("Not voted. The conversation goes on with A, the left answer."))
        await self._tell_drift()

    async def _command(self, command: Command) -> None:
        match command.name:
            case "/new":
                self._conversation = None
                self._show(render.example_list(self._app.examples))
            case "/history":
                await self._history(command.argument)
            case "/open":
                await self._open(command.argument)
            case "/recipe":
                self._show(await recipe_command(self._app, command.argument, PERSON))
            case "/tag":
                self._tag = checked_tag(command.argument)
                self._say(f"The next requests get the tag {self._tag}." if self._tag else "The next requests get no tag of yours.")
            case "/verdict":
                self._show(results.verdict(await self._app.judging.verdict()))
            case "/results":
                judging = self._app.judging
                self._show(results.results(await judging.verdict(tag=command.argument or None), await judging.board_lines()))
            case "/route":
                self._show(await route_command(self._app, command.argument, PERSON))
            case "/estimate":
                self._say(render.estimate_sentence(self._app.model, await self._app.judging.estimate()))
            case "/help":
                self._show(render.help_table())
            case "/quit" | "/exit" | "/q":
                raise Leave
            case other:
                self._say(f"There is no command {other}. /help lists them; to ask something that begins with a slash, write two.")

    async def _history(self, words: str) -> None:
        self._listed = await self._app.looking.history(search=words)
        if self._listed:
            self._show(render.history_table(self._listed, datetime.now().astimezone()))
        else:
            self._say(f"No duel holds {words!r}." if words else "No duels yet.")

    async def _open(self, number: str) -> None:
        if not self._listed:
            self._listed = await self._app.looking.history()
        if not (number.isascii() and number.isdigit() and 1 <= int(number) <= len(self._listed)):
            self._say(f"/open takes a number of the list, 1 to {len(self._listed)}." if self._listed else "No duels yet.")
            return
        views = await self._app.looking.conversation(self._listed[int(number) - 1].conversation, PERSON)
        self._conversation, last = views[-1].conversation, views[-1]
        self._offered = last.next_step.request if last.next_step else ""
        for shown in render.conversation(views):
            self._show(shown)
        if not render.ended(last):
            await self._settle(last)
