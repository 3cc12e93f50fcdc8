"""The log: for people or programs, with ids; never a request's text nor a secret."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiosqlite
import httpx
import pytest

from bot.fronts.web.watch import Numbered
from bot.logs import INSTEAD, OURS, about, forms, hide, log_to, without
from bot.settings import LogSettings, Settings
from engine.backends.base import Prompt
from engine.backends.scripted import Script
from engine.errors import BackendError, DuelbotError
from tests.bot.scripted import answered, ask, is_tuned, scripted_app

SECRET = "hunter2-of-the-page"
REQUEST = "My name is Ada Lovelace, order 52871.\nThe «teapot» came without its lid; what now?"
EARLIER = "An earlier word of hers that nobody else may read"


@pytest.fixture
def lines(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What is logged from now on, as the settings of the parameter have it; the loggers are put back afterwards."""
    root, written = logging.getLogger(), io.StringIO()
    before = (root.level, list(root.handlers), {name: logging.getLogger(name).level for name in OURS})
    root.handlers.clear()
    log_to(logging.StreamHandler(written), LogSettings(**getattr(request, "param", {"format": "json", "level": "debug"})), [SECRET])
    try:
        yield written
    finally:
        root.setLevel(before[0])
        root.handlers[:] = before[1]
        for name, level in before[2].items():
            logging.getLogger(name).setLevel(level)


def told(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


async def test_a_line_is_an_object_with_the_ids_of_what_was_worked_on(lines: io.StringIO, tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        duel = await answered(app, REQUEST)
    [ended] = [each for each in told(lines) if "The duel ended as open" in each["message"]]
    assert (ended["duel"], ended["level"], ended["logger"]) == (duel.id, "info", "bot.app.running")
    assert ended["at"].endswith("+00:00") and not {"error"} & ended.keys()


async def test_a_request_over_http_gives_its_id_to_the_lines_of_its_work_and_of_its_children(lines: io.StringIO) -> None:
    async def work(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.create_task(child())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def child() -> None:
        logging.getLogger("bot.child").info("At work")

    async with httpx.AsyncClient(transport=httpx.ASGITransport(Numbered(work)), base_url="http://localhost") as client:
        answers = await asyncio.gather(*(client.get(f"/c/{number}?q={SECRET}") for number in range(3)))
    ids = [answer.headers["x-request-id"] for answer in answers]
    said = told(lines)
    assert len(set(ids)) == 3 and {each["request"] for each in said if each["message"] == "At work"} == set(ids)
    assert {each["message"].partition(":")[0] for each in said if each["logger"] == "bot.fronts.web.watch"} == {
        f"GET /c/{n}" for n in range(3)
    }
    assert "?" not in lines.getvalue(), "what is searched for is somebody's text"


@pytest.mark.parametrize("lines", [{"format": "json", "level": "debug"}, {"format": "text", "level": "debug"}], indirect=True)
async def test_no_line_holds_a_request_s_text_nor_a_secret_whatever_breaks(lines: io.StringIO, tmp_path: Path) -> None:
    def script(prompt: Prompt) -> Script:
        everything = json.dumps([message.content for message in prompt.messages])
        if is_tuned(prompt):
            raise RuntimeError(f"The model broke on {everything} with {SECRET}")  # a bug: the log gets its stack
        return Script((), error=BackendError("server", f"The server says: {prompt.messages[-1].content[:40]}"))

    def alone(prompt: Prompt) -> Script:
        return Script((), error=BackendError("server", f"The server says: {prompt.messages[-1].content[:40]}"))

    for broken in (script, alone):
        async with scripted_app(tmp_path / "s", broken) as (app, _):
            first = await answered(app, EARLIER)
            await answered(app, REQUEST, conversation=first.conversation)
            with pytest.raises(DuelbotError):
                await ask(app, REQUEST + "x" * 200_000, asker="ann")
    written = lines.getvalue()
    assert "The model broke on" in written and "RuntimeError" in written and written.count("The duel ended as void") >= 2
    fragments = ("Lovelace", "52871", "teapot", "nobody else may read", SECRET, "hunter2")
    assert not [each for each in fragments if each in written], written
    assert INSTEAD in written


async def test_libraries_that_log_what_people_say_are_heard_from_warning_on(lines: io.StringIO, tmp_path: Path) -> None:
    async with aiosqlite.connect(tmp_path / "db") as connection:  # logs the values of a statement at debug
        await connection.execute("SELECT ?", (REQUEST,))
    logging.getLogger("httpx").info("HTTP Request: GET /?q=%s", REQUEST)
    logging.getLogger("discord.gateway").debug("For Shard ID 0: WebSocket Event: %s", REQUEST)
    assert lines.getvalue() == ""
    logging.getLogger("discord.http").warning(
        "We are being rate limited. PATCH https://discord.com/api/v10/webhooks/123/aW50ZXI_x.y-z/messages"
    )
    logging.getLogger("x").warning("Authorization: Bearer abcdefgh12345 and Bot ABC.DEF-GHI")
    limited, key = [each["message"] for each in told(lines)]
    assert limited.endswith(f"/webhooks/123/{INSTEAD}/messages") and key == f"Authorization: Bearer {INSTEAD} and Bot {INSTEAD}"


@pytest.mark.parametrize("lines", [{"level": "warning"}, {"level": "error"}], indirect=True)
def test_the_level_is_a_setting_and_a_terminal_gets_nothing_that_steers_it(lines: io.StringIO) -> None:
    logging.getLogger("bot.app").info("quiet")
    logging.getLogger("bot.app").warning("loud \x1b[31m")
    logging.getLogger("nicegui").error("broken")
    many = 1 if logging.getLogger().level == logging.ERROR else 2
    assert lines.getvalue().count("\n") == many and "\x1b" not in lines.getvalue() and "quiet" not in lines.getvalue()


@pytest.mark.parametrize("lines", [{"level": "info"}], indirect=True)
def test_a_line_for_people_ends_with_its_ids_and_a_stack_stands_below(lines: io.StringIO) -> None:
    def work() -> None:
        about(duel="d1")
        hide("secret plan of mine")
        try:
            raise ValueError("it was: secret plan of mine!")
        except ValueError:
            logging.getLogger("bot.x").exception("Failed")

    import contextvars

    contextvars.copy_context().run(work)
    logging.getLogger("bot.x").info("After")
    first, *stack, last = lines.getvalue().splitlines()
    assert first.endswith("ERROR bot.x: Failed [duel=d1]") and stack[-1] == f"ValueError: it was: {INSTEAD}!" and last.endswith("After")


@pytest.mark.parametrize(
    ("line", "texts", "left"),
    [
        ("say hi to this", ("hi",), f"say {INSTEAD} to this"),
        ("nothing of it", ("other words than these",), "nothing of it"),
        ("begins: The «teapot» came wi…", (REQUEST,), f"begins: {INSTEAD}…"),
        ("twice: abcdefghijklmnopqrst and abcdefghijklmnop", ("abcdefghijklmnopqrst",), f"twice: {INSTEAD} and {INSTEAD}"),
        ("line one\\nline two of it", ("line one\nline two of it",), INSTEAD),
    ],
)
def test_what_a_line_shares_with_a_hidden_text_is_taken_out(line: str, texts: tuple[str, ...], left: str) -> None:
    assert without(line, forms(texts)) == left


def test_no_secret_of_the_settings_is_missing_from_what_is_kept_out() -> None:
    every = Settings.of(web_password="p", discord_token="t", server_key="k", prompted_server_key="k2")
    held = [
        value.get_secret_value()
        for part in (every.web, every.discord, every.engine)
        for value in part.model_dump().values()
        if hasattr(value, "get_secret_value")
    ]
    assert sorted(held) == sorted(every.secrets) == ["k", "k2", "p", "t"]
