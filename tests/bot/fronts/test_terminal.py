"""The chat over the scripted backend, by its keys, without a terminal around it."""

import asyncio
import io
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.console import Console

from bot.app import App
from bot.ballots import Choice
from bot.errors import StoreError
from bot.fronts.terminal.chat import PERSON, TerminalChat
from bot.views import DuelView, Shown
from engine.backends.base import Prompt
from engine.backends.scripted import Script, ScriptedBackend
from engine.errors import BackendError, BadModel
from engine.lineup import Lineup
from tests.bot.scripted import is_tuned, scripted_app
from tests.patience import patient

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def script(prompt: Prompt) -> Script:
    """What the request asks for: a slow pair, a failing side, equal answers, or two short ones."""
    asked = prompt.messages[-1].content
    if "slow" in asked:
        return Script(("word ",) * 10_000, pause_s=0.005)
    if "fail" in asked and is_tuned(prompt):
        return Script(("part ",), error=BackendError("too_long", "Too long for the model."))
    return Script(("Same.",) if "same" in asked else ("tuned " if is_tuned(prompt) else "prompted ", f"on {asked}"), pause_s=0.001)


class Screen(io.StringIO):
    """Keeps what is written, and wakes who waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = asyncio.Event()

    def write(self, text: str) -> int:
        self.changed.set()
        return super().write(text)


class Person:
    """Types, and sees what the console shows."""

    def __init__(self, keys: PipeInput, seen: Screen) -> None:
        self._keys = keys
        self._seen = seen
        self._read = 0

    def type(self, text: str) -> None:
        self._keys.send_text(text)

    async def sees_anew(self, words: str) -> None:
        """Waits until these words are drawn once more: what was typed before has been read by then."""
        self._read = len(CONTROL.sub("", self._seen.getvalue()))
        await self.sees(words)

    async def sees(self, words: str) -> str:
        """Waits for words after those it saw last, and gives everything up to their end."""
        async with asyncio.timeout(patient(20)):
            while words not in (shown := CONTROL.sub("", self._seen.getvalue())[self._read :]):
                self._seen.changed.clear()
                await self._seen.changed.wait()
        upto = shown.index(words) + len(words)
        self._read += upto
        return shown[:upto]


@asynccontextmanager
async def chatting(app: App, width: int = 100) -> AsyncGenerator[Person, None]:
    """A chat that runs; it must have ended by itself when the block ends, after Ctrl-D at the latest."""
    with create_pipe_input() as keys:
        seen = Screen()
        console = Console(file=seen, force_terminal=True, width=width, height=30, highlight=False, markup=False, emoji=False)
        talking = asyncio.create_task(TerminalChat(app, keys, DummyOutput(), console).talk())
        try:
            yield Person(keys, seen)
            keys.send_text("\x04")
            async with asyncio.timeout(patient(20)):
                await talking
        finally:
            talking.cancel()


@pytest.fixture
async def app(tmp_path: Path) -> AsyncGenerator[App, None]:
    async with scripted_app(tmp_path / "duels.sqlite3", script) as (opened, _):
        yield opened


async def last(app: App) -> DuelView:
    return await app.looking.view((await app.looking.history())[0].id, PERSON)


async def test_ask_vote_by_one_key_reveal_and_go_on(app: App) -> None:
    async with chatting(app) as person:
        assert f"1 {app.examples[0][:8]}" in await person.sees(f"4 {app.examples[3][:8]}")
        person.type("first\r")
        shown = await person.sees("Enter skip")
        assert "prompted on first" in shown
        assert "the prompt" not in shown
        person.type("2")
        revealed = await person.sees("goes on with answer B")
        assert "You chose B, the fine-tune." in revealed
        assert "A: the prompt" in revealed
        assert (await last(app)).own_choice is Choice.RIGHT
        person.type("second\r")
        await person.sees("Enter skip")
        person.type("3")
        await person.sees("goes on with answer A")
    view = await last(app)
    assert (view.turn, view.own_choice) == (2, Choice.TIE)


async def test_a_vote_in_a_few_is_asked_which_is_which_before_it_is_revealed(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", script, discord_blinding_share=1.0) as (app, _), chatting(app) as person:
        person.type("first\r")
        await person.sees("Enter skip")
        person.type("2")
        asked = await person.sees("3 I can't tell")
        assert "which answer do you take for the fine-tune?" in asked
        assert (await last(app)).own_choice is None, "nothing is cast until the answer to the question is known"
        person.type("2")
        assert "You chose B, the fine-tune." in await person.sees("goes on with answer B")
        async with app.core.store.reading() as look:
            assert [tuple(row) for row in await look.rows("SELECT voter, entrant FROM guesses")] == [(PERSON, 1)]


async def test_a_number_asks_an_example_at_the_beginning_only(app: App) -> None:
    async with chatting(app) as person:
        person.type("2\r")
        await person.sees("Enter skip")
        assert (await last(app)).request == app.examples[1]
        person.type("1")
        await person.sees("goes on with")
        person.type("2\r")
        await person.sees("Enter skip")
        assert (await last(app)).request == "2"
        person.type("1")
        await person.sees("goes on with")


async def test_under_equal_answers_1_asks_what_is_offered_in_a_new_conversation(app: App) -> None:
    async with chatting(app) as person:
        person.type("the same again\r")
        assert "Enter skip" not in await person.sees("Both sides agree here")
        await person.sees(f"1 {app.examples[0][:20]}")
        agreed = await last(app)
        person.type("1\r")
        await person.sees("Enter skip")
        tried = await last(app)
        assert (tried.request, tried.turn) == (app.examples[0], 1) and tried.conversation != agreed.conversation
        person.type("1")
        await person.sees("goes on with answer A")
        person.type("1\r")
        await person.sees("Enter skip")
        assert (await last(app)).request == "1", "nothing is offered under a vote"
        person.type("1")
        await person.sees("goes on with")
        person.type("/history same\r")
        await person.sees("shows the conversation")
        person.type("/open 1\r")
        await person.sees(f"1 {app.examples[0][:20]}")
        person.type("2\r")
        await person.sees("Enter skip")
        assert ((await last(app)).request, (await last(app)).conversation) == ("2", agreed.conversation), "only 1 is offered"
        person.type("1")
        await person.sees("goes on with")


async def test_enter_skips_the_vote_and_says_what_goes_on(app: App) -> None:
    async with chatting(app) as person:
        person.type("hello\r")
        await person.sees("Enter skip")
        person.type("\r")
        await person.sees("goes on with A, the left answer")
        assert (await last(app)).state == "open"
        person.type("more\r")
        assert "has not closed" in await person.sees("Enter skip")
        person.type("4")
        await person.sees("You voted: both bad.")


@pytest.mark.parametrize("key", ["s", "\x03"])
async def test_a_key_stops_the_answers_and_the_chat_goes_on(app: App, key: str) -> None:
    async with chatting(app) as person:
        person.type("slow\r")
        await person.sees("word word")
        person.type(key)
        await person.sees("stopped before both answers")
        assert (await last(app)).state == "void"
        person.type("hello\r")
        await person.sees("Enter skip")
        person.type("1")
        await person.sees("goes on with")


async def test_what_is_pressed_while_answers_are_written_is_no_vote(app: App) -> None:
    async with chatting(app) as person:
        person.type("slow\r")
        await person.sees("word word")
        for key in "1x":
            person.type(key)
            await person.sees_anew("word word")
        person.type("s")
        await person.sees("stopped before both answers")
        person.type("hello\r")
        await person.sees("Enter skip")
        person.type("hello 1")  # a paste
        person.type("x")
        await asyncio.sleep(0.05)
        assert (await last(app)).own_choice is None
        person.type("1")
        await person.sees("goes on with")


@pytest.mark.parametrize("key", ["\x03", "\x04"])
async def test_leaving_instead_of_voting_leaves_the_duel_open(app: App, key: str) -> None:
    async with chatting(app) as person:
        person.type("hello\r")
        await person.sees("Enter skip")
        person.type(key)
    assert (await last(app)).state == "open"


async def test_colour_codes_among_the_keys_harm_nothing(app: App) -> None:
    async with chatting(app) as person:
        person.type("\x1b[31mred\x1b[0m\r")
        await person.sees("Enter skip")
    assert (await last(app)).request == "red"


async def test_a_failed_side_is_shown_in_words_beside_the_other(app: App) -> None:
    async with chatting(app) as person:
        person.type("fail\r")
        shown = await person.sees("nothing to vote on")
        assert "No answer: Too long for the model." in shown
        assert "prompted on fail" in shown


async def test_equal_answers_are_revealed_without_a_vote(app: App) -> None:
    async with chatting(app) as person:
        person.type("same\r")
        assert "Enter skip" not in await person.sees("per 1,000")


async def test_a_vote_that_could_not_be_stored_can_be_given_again(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    cast, full = app.voting.cast, True

    async def unlucky(*given: Any, **more: Any) -> Shown:
        if full:
            raise StoreError("The disk is full. Your vote was not stored; vote again.")
        return await cast(*given, **more)

    monkeypatch.setattr(app.voting, "cast", unlucky)
    async with chatting(app) as person:
        person.type("hello\r")
        await person.sees("Enter skip")
        person.type("1")
        await person.sees("vote again")
        full = False
        person.type("1")
        await person.sees("You chose A")


@pytest.mark.parametrize(
    ("typed", "words"),
    [("\x1b[200~a\nb\x1b[201~", "a\nb"), ("a\x1b\rb", "a\nb"), ("//slash", "/slash")],
    ids=["pasted lines", "Alt-Enter", "two slashes"],
)
async def test_a_request_is_asked_as_it_was_typed(app: App, typed: str, words: str) -> None:
    async with chatting(app) as person:
        person.type(f"{typed}\r")
        await person.sees("Enter skip")
        assert (await last(app)).request == words
        person.type("1")
        await person.sees("goes on with")


async def test_a_request_that_cannot_be_asked_is_said_in_words(app: App) -> None:
    async with chatting(app) as person:
        person.type("\x1b[200~" + "x" * 30_000 + "\x1b[201~\r")
        await person.sees("at most 20,000 are accepted")
        assert await app.looking.history() == []


async def test_the_commands_answer(app: App) -> None:
    async with chatting(app) as person:
        for line, words in (
            ("/help", "Alt-Enter begins a new line"),
            ("/history", "No duels yet."),
            ("/open 1", "No duels yet."),
            ("/verdict", "no duel decided yet"),
            ("/estimate", "No history yet, so no estimate"),
            ("/what", "There is no command /what."),
            ("/new", "the number of an example"),
        ):
            person.type(f"{line}\r")
            await person.sees(words)
        person.type("/quit\r")


async def test_history_is_searched_and_opened_and_voted_on_later(app: App) -> None:
    async with chatting(app) as person:
        person.type("apple\r")
        await person.sees("Enter skip")
        person.type("1")
        await person.sees("goes on with")
        person.type("pear\r")
        await person.sees("Enter skip")
        person.type("\r")
        await person.sees("Not voted")
        person.type("/new\r")
        await person.sees("number of an example")
        person.type("/history PEA\r")
        listed = await person.sees("shows the conversation")
        assert "pear" in listed
        assert "apple" not in listed
        person.type("/open 2\r")
        await person.sees("1 to 1")
        person.type("/open 1\r")
        opened = await person.sees("Enter skip")
        assert "A was the prompt, B was the fine-tune." in opened
        person.type("2")
        await person.sees("You chose B")
        person.type("cherry\r")
        await person.sees("Enter skip")
        assert (await last(app)).turn == 3
        person.type("1")
        await person.sees("goes on with")


async def test_while_the_model_loads_a_request_waits(tmp_path: Path) -> None:
    loaded = asyncio.Event()

    async with opened_by(tmp_path, loaded.wait) as app, chatting(app) as person:
        person.type("hello\r")
        await person.sees("s stops")
        loaded.set()
        await person.sees("Enter skip")
        person.type("1")
        await person.sees("goes on with")


async def test_a_model_that_cannot_be_loaded_is_said_in_words(tmp_path: Path) -> None:
    async def broken() -> None:
        raise BadModel("The folder holds no model.")

    async with opened_by(tmp_path, broken) as app, chatting(app) as person:
        await app.model_settled()
        person.type("hello\r")
        await person.sees("The folder holds no model.")


@asynccontextmanager
async def opened_by(tmp_path: Path, load: Callable[[], object]) -> AsyncGenerator[App, None]:
    from bot.settings import Settings
    from tests.bot.scripted import lineup_over

    async def open_lineup() -> Lineup:
        await load()  # type: ignore[misc]
        return lineup_over(ScriptedBackend(script))

    settings = Settings.of(store_path=str(tmp_path / "duels.sqlite3"), base_model="demo", discord_blinding_share=0)
    async with App.open(settings, open_lineup) as app:
        yield app
