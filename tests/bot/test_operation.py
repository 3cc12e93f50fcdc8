"""What whoever runs Duelbot relies on: the three addresses, the figures, and files that are read again while people are served."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import httpx
import pytest
from aiohttp import web

from bot.app import App, readiness
from bot.ballots import Choice
from bot.errors import BallotRefused
from bot.fronts.discord.bot import traced
from bot.fronts.web.door import Door
from bot.fronts.web.server import serve_watch
from bot.fronts.web.watch import Bare, Numbered, WatchPaths, nothing
from bot.settings import Settings
from bot.store.tags import TagRows
from engine.backends.base import Prompt
from engine.backends.scripted import Script, ScriptedBackend
from engine.contestants import Arm
from engine.errors import BackendError, BadModel, BadRequest, SettingsError
from engine.lineup import Lineup
from tests.bot.scripted import answered, ask, cast, is_tuned, lineup_over, scripted_app, two_answers
from tests.patience import patient
from tests.ports import free_port

PRICES = """\
source = "a list"
date = "2026-11-28"
[[model]]
name = "demo"
input_usd_per_million = {0}
cached_usd_per_million = 0
output_usd_per_million = {0}
"""
RECIPE = 'name = "support"\nversion = "{0}"\nsystem = "You answer in {0} words."\n'
RULES = '[[tag]]\nname = "{0}"\nwords = ["invoice"]\n'


def figure(app: App, name: str) -> float:
    """Sum up a figure over its labels."""
    lines = app.core.meters.text().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if re.match(rf"{name}(\{{| )", line))


def browser(app: App, *, loopback: bool = True) -> httpx.AsyncClient:
    layers = Numbered(Bare(Door(WatchPaths(nothing, watched=app), loopback=loopback)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(layers), base_url="http://127.0.0.1:9090")


# --- the figures


async def test_duels_answers_ballots_and_refusals_are_counted_and_no_figure_tells_sides_apart(tmp_path: Path) -> None:
    def script(prompt: Prompt) -> Script:
        if "fail" in prompt.messages[-1].content and is_tuned(prompt):
            return Script((), error=BackendError("server", "It broke."))
        return two_answers(prompt)

    async with scripted_app(tmp_path / "s", script) as (app, _):
        duel = await answered(app, "A private matter of mine")
        await cast(app, duel.id, "ann", Choice.LEFT)
        await answered(app, "Please fail")
        with pytest.raises(BadRequest):
            await ask(app, "   ", asker="ann")
        with pytest.raises(BallotRefused):
            await cast(app, duel.id, "ann", Choice.RIGHT)
        assert (figure(app, "duelbot_duels_total"), figure(app, "duelbot_answers_total"), figure(app, "duelbot_ballots_total")) == (2, 4, 1)
        assert figure(app, "duelbot_refusals_total") == 2 and figure(app, "duelbot_duels_running") == 0
        assert figure(app, "duelbot_answer_seconds_count") == figure(app, "duelbot_first_word_seconds_count") == 3, (
            "failed ones took no time"
        )
        assert figure(app, "duelbot_tokens_total") > 0 and 0 < figure(app, "duelbot_cost_usd_total") < 0.01
        assert figure(app, "duelbot_store_seconds_count") > 4 and figure(app, "duelbot_store_failures_total") == 0
        text = app.core.meters.text().decode()
        assert 'end="server"' in text and 'state="void"' in text and 'why="BallotRefused"' in text
        assert not [word for word in (*Arm, "left", "right", "private matter", "house") if word in text.casefold()]


async def test_what_waits_is_a_figure_while_it_waits(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", lambda prompt: Script(("late",), 30)) as (app, _):
        await ask(app, "one", asker="ann")
        await ask(app, "two", asker="ben")
        assert figure(app, "duelbot_duels_running") == figure(app, "duelbot_duels_waiting") == 2 and figure(app, "duelbot_model_ready") == 1


async def test_discord_s_answers_are_counted_by_their_status_and_its_limits_apart(tmp_path: Path) -> None:
    statuses = iter((200, 429, 204))

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=next(statuses))

    server = web.Application()
    server.router.add_get("/", answer)
    runner = web.AppRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port := free_port())
    await site.start()
    async with scripted_app(tmp_path / "s") as (app, _):
        async with aiohttp.ClientSession(trace_configs=[traced(app.core.meters.discord_said)]) as session:
            for _ in range(3):
                await (await session.get(f"http://127.0.0.1:{port}/")).read()
        assert figure(app, "duelbot_discord_responses_total") == 3 and figure(app, "duelbot_discord_rate_limits_total") == 1
    await runner.cleanup()


# --- the three addresses


async def test_they_are_answered_on_this_machine_and_each_answer_has_an_id(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _), browser(app) as client:
        alive, ready, metrics, none = [await client.get(f"/{each}") for each in ("healthz", "readyz", "metrics", "other")]
        assert (alive.status_code, alive.text) == (200, "alive\n")
        assert ready.status_code == 200 and ready.json() == {"ready": True, "model": "ready", "store": "writable", "leaving": False}
        assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4") and "duelbot_duels_total" in metrics.text
        assert none.status_code == 404 and (await client.get("/metrics", headers={"host": "evil.example"})).status_code == 403
        ids = {each.headers["x-request-id"] for each in (alive, ready, metrics, none)}
        assert len(ids) == 4 and not any("words" in name for each in (alive, none) for name in each.headers)


async def test_a_model_that_loads_or_has_failed_is_not_ready_and_duelbot_is_alive(tmp_path: Path) -> None:
    loading = asyncio.Event()

    async def open_lineup() -> Lineup:
        await loading.wait()
        raise BadModel("There is no such model.")

    async with App.open(Settings.of(store_path=str(tmp_path / "s"), base_model="demo"), open_lineup) as app, browser(app) as client:
        assert (await client.get("/readyz")).json()["model"] == "loading" and (await client.get("/healthz")).status_code == 200
        loading.set()
        await app.model_settled()
        ready = await client.get("/readyz")
        assert ready.status_code == 503 and ready.json()["model"] == "failed" and figure(app, "duelbot_model_ready") == 0


async def test_a_store_that_refuses_or_is_busy_is_not_ready_and_why_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(readiness, "FRESH_S", 0.0)
    monkeypatch.setattr(readiness, "LIMIT_S", 0.2)
    async with scripted_app(tmp_path / "s") as (app, _):
        assert (await app.readiness.look()).whole
        async with app.core.store.reading():  # whoever has the only turn
            assert (await app.readiness.look()).store == "busy"
        assert (await app.readiness.look()).whole, "a look that was given up leaves nothing behind"
        (tmp_path / "s").rename(tmp_path / "t")
        found = await app.readiness.look()
        assert (found.store, found.whole) == ("refuses", False) and "was moved" in caplog.text
        (tmp_path / "t").rename(tmp_path / "s")
        assert (await app.readiness.look()).whole
    assert (await app.readiness.look()).leaving


async def test_a_look_at_a_store_that_was_written_to_a_moment_ago_writes_nothing(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        await answered(app)
        writes = figure(app, "duelbot_store_seconds_count")
        assert (await app.readiness.look()).whole and figure(app, "duelbot_store_seconds_count") == writes


@asynccontextmanager
async def watched(app: App, settings: Settings) -> AsyncIterator[str]:
    told = asyncio.Event()
    task = asyncio.create_task(serve_watch(app, settings, lambda words: told.set()))
    try:
        async with asyncio.timeout(patient(10)):
            await told.wait()
        yield f"http://127.0.0.1:{settings.watch.port}"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_port_of_their_own_answers_them_and_nothing_else(tmp_path: Path) -> None:
    settings = Settings.of(watch_port=free_port())
    async with scripted_app(tmp_path / "s") as (app, _), watched(app, settings) as url, httpx.AsyncClient(base_url=url) as client:
        assert (await client.get("/healthz")).text == "alive\n" and (await client.get("/readyz")).status_code == 200
        assert (await client.get("/")).status_code == 404 and (await client.post("/metrics")).status_code == 404


@pytest.mark.parametrize(
    ("names", "on_page"),
    [
        ({}, True),
        ({"watch_port": 9999}, False),
        ({"watch_port": 9999, "watch_public": True}, True),
        ({"web_host": "0.0.0.0", "web_password": "p"}, False),
        ({"web_public_url": "https://duels.example", "web_password": "p"}, False),
        ({"web_public_url": "https://duels.example", "web_password": "p", "watch_public": True}, True),
        ({"web_public_url": "https://localhost:8443"}, True),
    ],
)
def test_the_page_answers_them_where_nobody_else_can_reach_it_or_where_that_is_allowed(names: dict[str, object], on_page: bool) -> None:
    assert Settings.of(**names).watched_on_page is on_page


def test_two_listeners_on_one_port_are_refused_in_words() -> None:
    with pytest.raises(SettingsError, match="DUEL_WATCH_PORT is 8080, the page's own port"):
        Settings.read({"DUEL_WATCH_PORT": "8080"}, None)


# --- files that are read again


@asynccontextmanager
async def with_files(folder: Path) -> AsyncIterator[App]:
    """An app whose recipe, prices and rules lie in files."""
    (folder / "prices.toml").write_text(PRICES.format(1), encoding="utf-8")
    (folder / "support.toml").write_text(RECIPE.format(1), encoding="utf-8")
    (folder / "rules.toml").write_text(RULES.format("first"), encoding="utf-8")
    files = {"token_prices": "prices.toml", "recipe": "support.toml", "team_tag_rules": "rules.toml"}
    settings = Settings.of(
        store_path=str(folder / "s"), base_model="demo", replays=False, **{name: str(folder / file) for name, file in files.items()}
    )

    async def open_lineup() -> Lineup:
        return lineup_over(ScriptedBackend(two_answers), settings.engine)

    async with App.open(settings, open_lineup) as app:
        await app.model_settled()
        assert "were read again" in await app.rereading.reread()
        yield app


def lineup_of(app: App) -> Lineup:
    assert app.core.model.lineup
    return app.core.model.lineup


async def test_recipes_prices_and_rules_hold_from_the_reading_on(tmp_path: Path) -> None:
    async with with_files(tmp_path) as app:
        before = lineup_of(app)
        assert before.kit.engineered and str(before.kit.engineered.named) == "support 1" and before.price.tokens
        assert await app.rereading.reread() == (
            "Recipes, prices and tag rules were read again: both sides are who they were, prices are the same, and there are 1 tag rules."
        )
        assert lineup_of(app).entrants == before.entrants
        (tmp_path / "prices.toml").write_text(PRICES.format(7), encoding="utf-8")
        (tmp_path / "support.toml").write_text(RECIPE.format(2), encoding="utf-8")
        (tmp_path / "rules.toml").write_text(RULES.format("second"), encoding="utf-8")
        assert "1 of the two sides is another contestant now, prices have changed" in await app.rereading.reread()
        after = lineup_of(app)
        assert after.price.tokens and after.price.tokens.base.input_usd == 7
        assert after.entrants[0].recipe.version == "2" and after.entrants[1].id == before.entrants[1].id
        duel = await answered(app, "Where is my invoice?")
        async with app.core.store.reading() as look:
            assert await TagRows(look).of(duel.id) == ("second", True)


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("prices.toml", "source = 1", "name no source"),
        ("prices.toml", PRICES.format(-1), "input_usd_per_million is -1"),
        ("support.toml", "name = ", "not valid TOML"),
        ("support.toml", RECIPE.format(2) + "[sampling]\ntop_k = -4\n", "top_k"),
        ("rules.toml", "[[tag]]\nname = 'x'\npattern = '('\n", "is no regular expression"),
    ],
)
async def test_a_file_that_cannot_be_used_changes_nothing_and_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, file: str, text: str, words: str
) -> None:
    async with with_files(tmp_path) as app:
        before = lineup_of(app)
        for other, fresh in (("prices.toml", PRICES.format(7)), ("support.toml", RECIPE.format(2)), ("rules.toml", RULES.format("second"))):
            (tmp_path / other).write_text(text if other == file else fresh, encoding="utf-8")
        said = await app.rereading.reread()
        assert words in said and said.endswith("Nothing was changed: what was read before still holds.") and words in caplog.text
        assert lineup_of(app) is before
