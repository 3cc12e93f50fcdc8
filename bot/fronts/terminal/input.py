"""What people type: lines with history and editing, single keys without Enter, commands."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import Output
from prompt_toolkit.shortcuts import CompleteStyle
from prompt_toolkit.styles import Style

LEAVE = frozenset({"c-c", "c-d"})
ENTER = "enter"
_NAMES = {Keys.ControlC: "c-c", Keys.ControlD: "c-d", Keys.ControlM: ENTER, Keys.ControlJ: ENTER}
_SILENT = (Keys.CPRResponse, Keys.Ignore)  # what the terminal itself says


@dataclass(frozen=True, slots=True)
class Command:
    """A line that begins with a slash."""

    name: str  # with its slash, lower case
    argument: str


def parse(line: str) -> Command | str:
    """Read a line as a command or a request; two slashes at the beginning are one of the request's own."""
    text = line.strip()
    if text.startswith("//"):
        return text[1:]
    if not text.startswith("/"):
        return text
    name, _, argument = text.partition(" ")
    return Command(name.lower(), argument.strip())


def single(names: Sequence[str]) -> str | None:
    """Find the one key that was meant. Leaving always counts; several keys at once are a paste and no vote."""
    if leaving := [name for name in names if name in LEAVE]:
        return leaving[0]
    if len(names) == 2 and names[1] == ENTER:  # somebody is used to pressing Enter
        return names[0]
    return names[0] if len(names) == 1 else None


class KeyReader:
    """Single keys while no line is being typed."""

    def __init__(self, source: Input) -> None:
        self._source = source
        self._pressed: asyncio.Queue[str] = asyncio.Queue()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Keys come unechoed and one by one until the end of the block."""
        with self._source.raw_mode(), self._source.attach(self._read):
            self.forget()
            yield

    def _read(self) -> None:
        presses = [press for press in self._source.read_keys() if press.key not in _SILENT]
        names = [_NAMES.get(press.key, press.key) if isinstance(press.key, Keys) else press.key for press in presses]
        if (name := single([str(name) for name in names])) is not None:
            self._pressed.put_nowait(name)
        if self._source.closed:
            self._pressed.put_nowait("c-d")

    async def next(self) -> str:
        return await self._pressed.get()

    def forget(self) -> None:
        """Drop what was pressed before a question: it is no answer to it."""
        while not self._pressed.empty():
            self._pressed.get_nowait()


class LineReader:
    """The line at which requests are typed: history on the arrow keys, pasted lines kept, commands on Tab."""

    def __init__(self, source: Input, screen: Output, commands: Sequence[str], toolbar: Callable[[int], str]) -> None:
        self._toolbar = toolbar
        self._history = InMemoryHistory()
        self._session: PromptSession[str] = PromptSession(
            [("class:mark", "› ")],
            input=source,
            output=screen,
            history=self._history,
            multiline=True,  # so that a pasted text of several lines stays one request; Enter sends nevertheless
            prompt_continuation="  ",
            key_bindings=_keys(),
            completer=WordCompleter(list(commands), sentence=True),
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,
            reserve_space_for_menu=0,
            bottom_toolbar=self._below,
            style=Style.from_dict({"mark": "ansicyan bold", "bottom-toolbar": "noreverse", "bottom-toolbar.text": "noreverse dim"}),
            refresh_interval=0.5,  # the toolbar tells when the model is ready
        )

    def _below(self) -> StyleAndTextTuples:
        return [("", self._toolbar(get_app().output.get_size().columns))]

    def remember(self, lines: Sequence[str]) -> None:
        """Earlier requests, oldest first, for the arrow keys."""
        for line in lines:
            self._history.append_string(line)

    async def read(self) -> str | None:
        """Read one line; None when the person leaves."""
        try:
            return await self._session.prompt_async(handle_sigint=False)
        except (EOFError, KeyboardInterrupt):
            return None


def _keys() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter")
    @bindings.add("c-j")
    def _send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @bindings.add("escape", "enter")
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @bindings.add(Keys.Vt100MouseEvent)  # pasted colour codes look like one, and prompt_toolkit's own reading of it fails
    def _drop(event: KeyPressEvent) -> None:
        pass

    @bindings.add("c-d", filter=Condition(lambda: bool(get_app().current_buffer.text)))
    def _leave(event: KeyPressEvent) -> None:
        event.app.exit(exception=EOFError)

    return bindings
