"""The results, on the page and in the terminal: what is shown, and that it follows the votes."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from nicegui.testing import User
from rich.console import Console

from bot.app import App
from bot.app.judging import Judging
from bot.ballots import Choice
from bot.charts import Chart
from bot.errors import StoreError
from bot.fronts.terminal import results as text
from bot.fronts.web.markup import shown
from bot.fronts.web.plain import WENT_WRONG
from bot.fronts.web.results import page
from bot.fronts.web.server import build
from bot.settings import Settings
from bot.tools.seed import Team, plant
from bot.verdict import Unknown, Verdict
from engine.printable import printable
from tests.bot.fronts.web_stage import lineup, opened, simulated
from tests.bot.scripted import answered, cast, scripted_app
from tests.bot.verdict.odd import TAGS
from tests.patience import patient


async def fill(app: App, duels: int = 80, tags: tuple[str, ...] = ("billing", "code", "support", "")) -> None:
    first, second = (await lineup()).entrants
    by_tag = (0.2, 0.0, -0.3, 0.0) * len(tags)
    team = Team(duels, theta=0.75, tags=tags, by_tag=by_tag, contestants=(first.id, second.id))
    await plant(app.core.store, team, np.random.default_rng(5))


async def text_of(user: User) -> str:
    await user.open("/results")
    await user.should_not_see("Reading the evidence", retries=round(patient(200)))
    return "\n".join(str(getattr(each, "text", "")) for each in user.client.elements.values()) if user.client else ""


async def test_the_page_shows_verdict_card_checks_and_pictures(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, chosen), simulated(app, chosen) as new_user:
        await fill(app)
        seen = await text_of(new_user())
        for words in ("Fine-tune", "The decision card", "80", "dependency", "What would change this", "Left answer preferred", "billing"):
            assert words in seen, words


async def test_tags_of_every_kind_are_shown_as_they_are_and_change_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, chosen), simulated(app, chosen) as new_user:
        await fill(app, 160, TAGS)
        seen = await text_of(new_user())
        found = await app.judging.verdict()
        assert isinstance(found, Verdict) and len(found.tags) == len(TAGS)
        for tag in TAGS:
            assert shown(tag) in seen, tag
        assert "Something went wrong" not in seen and "The decision card" in seen
        written = printed(text.results(found), 200)
        for tag in TAGS:
            assert printable(tag) in written, tag
        assert "\u202e" not in written and "\u202e" not in seen
        assert (await app.judging.picture(Chart.CARD, found, "light", "png")).data.startswith(b"\x89PNG")


async def test_the_page_says_so_when_there_is_nothing_yet(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, chosen), simulated(app, chosen) as new_user:
        seen = await text_of(new_user())
        assert "Keep collecting" in seen and "The first closed duels." in seen


async def test_the_open_page_follows_the_votes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "POLL_S", 0.02)
    async with opened(tmp_path) as (app, chosen), simulated(app, chosen) as new_user:
        user = new_user()
        await user.open("/results")
        await user.should_not_see("share is 100%")
        view = await answered(app)
        await cast(app, view.id, "ann", Choice.LEFT)
        await user.should_see("share is 100%", retries=round(patient(100)))


async def served_pictures(app: App, chosen: Settings, *addresses: str) -> list[httpx.Response]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build(app, chosen)), base_url="http://localhost") as client:
        return [await client.get(address) for address in addresses]


async def test_pictures_have_addresses_and_unknown_ones_none(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, chosen):
        await fill(app, 40)
        addresses = (
            "share.svg?theme=dark",
            "card.png",
            "board.svg",
            "share.gif",
            "none.svg",
            "share.svg?theme=pink",
            "cost.svg?tag=billing&days=7",
        )
        found = await served_pictures(app, chosen, *(f"/results/{address}" for address in addresses))
        assert [each.status_code for each in found] == [200, 200, 200, 404, 404, 404, 200]
        assert found[0].headers["content-type"] == "image/svg+xml" and b"<svg" in found[0].content
        assert found[1].content.startswith(b"\x89PNG") and "nosniff" in found[1].headers["x-content-type-options"]


async def test_the_pictures_stay_behind_the_password(tmp_path: Path) -> None:
    async with opened(tmp_path, DUEL_WEB_PASSWORD="sesame") as (app, chosen):
        [found] = await served_pictures(app, chosen, "/results/share.svg")
        assert found.status_code == 401


def printed(shown: object, width: int) -> str:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(shown)
    console.file.close()
    return console.export_text()


@pytest.mark.parametrize("width", [60, 120])
async def test_the_terminal_says_the_same_in_text(tmp_path: Path, width: int) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        nothing = printed(text.results(await app.judging.verdict()), width)
        assert "Keep collecting" in nothing and "What would change this" in nothing
        await fill(app)
        found = await app.judging.verdict()
        short, long = printed(text.verdict(found), width), printed(text.results(found, await app.judging.board_lines()), width)
        assert "Fine-tune. 80 requests (80 duels) decided" in short and "voters" in short
        for words in ("The decision card", "●", "dependency", "Is the vote sound?", "By tag", "Leader board"):
            assert words in long, words
        assert max(map(len, long.splitlines())) <= width


async def test_a_tag_typed_beside_the_request_goes_with_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, chosen), simulated(app, chosen) as new_user:
        user = new_user()
        await user.open("/")
        assert user.client
        box = next(each for each in user.client.elements.values() if each.props.get("aria-label") == "Tag of the next requests")
        composer = next(each for each in user.client.elements.values() if "composer" in str(each.component or ""))
        for element, event, value in ((box, "change", " money  back "), (composer, "send", "What should we do?")):
            for listener in element._event_listeners.values():
                if listener.type == event:
                    element._handle_event({"listener_id": listener.id, "args": value})
        for _ in range(100):
            if await app.judging.tags():
                break
            await asyncio.sleep(0.02)
        assert await app.judging.tags() == ["money back"]


async def test_the_page_is_sent_before_its_evidence_has_been_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fold that takes its time: the frame is there at once, and is filled when the fold has ended."""
    read, began, folded = Judging.verdict, asyncio.Event(), asyncio.Event()

    async def slow(self: Judging, *args: Any, **names: Any) -> Verdict | Unknown:
        began.set()
        await folded.wait()
        return await read(self, *args, **names)

    monkeypatch.setattr(Judging, "verdict", slow)
    async with opened(tmp_path) as (app, chosen), simulated(app, chosen) as new_user:
        user = new_user()
        async with asyncio.timeout(patient(5)):
            await user.open("/results")
        assert began.is_set()
        await user.should_see("Reading the evidence")
        await user.should_not_see("Keep collecting")
        folded.set()
        await user.should_see("Keep collecting", retries=round(patient(200)))
        await user.should_not_see("Reading the evidence")


@pytest.mark.parametrize(
    ("error", "words"), [(StoreError("The store is busy."), "The store is busy."), (RuntimeError("a bug in the fold"), WENT_WRONG)]
)
async def test_a_failure_is_a_sentence_with_another_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception, words: str
) -> None:
    async def failing(*_: object, **__: object) -> None:
        raise error

    async with opened(tmp_path) as (app, chosen), simulated(app, chosen) as new_user:
        user = new_user()
        with monkeypatch.context() as patch:
            patch.setattr(Judging, "verdict", failing)
            await user.open("/results")
            await user.should_see("The results cannot be read", retries=round(patient(100)))
            await user.should_see(words)
        await user.should_not_see("a bug in the fold")
        assert ("a bug in the fold" in caplog.text) is isinstance(error, RuntimeError)
        user.find(content="Try again").click()
        await user.should_see("Keep collecting", retries=round(patient(200)))
        await user.should_not_see("The results cannot be read")


async def test_an_address_that_asks_for_nothing_there_is_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, chosen), simulated(app, chosen) as new_user:
        await fill(app, 8)
        user = new_user()
        for days in ("²", "-1", "8", "7.0", "٧"):
            response = await user.http_client.get("/results", params={"days": days})
            assert response.status_code == 400 and "There is no such period: days is one of 0, 1, 7, 30, 90, 365;" in response.text
        await user.open("/results?pair=a.b")
        await user.should_see("No decided duel of this pair is kept here.", retries=round(patient(200)))
        await user.should_see("90 days")
        assert (await user.http_client.get("/results/share.svg?pair=a.b")).status_code == 404
        assert (await user.http_client.get("/results/share.svg?days=²")).status_code == 400
