"""Prompts improved as a job: ordered, watched, found, kept as a version that answers nobody."""

import asyncio
import json
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.app import App
from bot.app.searching import SAME, OptimiseKind, SearchWish, worth
from bot.app.training import OPTIMISE, jobs_folder, search_folder, search_words
from bot.errors import UnknownRecipe
from bot.settings import Settings
from bot.views import Job, RecipeVersion
from engine.errors import BadRequest
from engine.optimise.status import SearchStatus, read_status
from engine.recipe_text import toml_of
from engine.recipes import Example, parse_recipe
from tests.bot.scripted import scripted_app
from tests.engine import tiny
from tests.patience import patient

ROLES = ("train", "dev", "test")
ROWS = "".join(
    json.dumps({"request": f"{'abcdefgh'[at % 8] * 9} {at * 7919}", "answer": "ab"[at % 2], "role": ROLES[at % 3]}) + "\n"
    for at in range(48)
).encode()


def job(**more: Any) -> Job:
    return Job("ab" * 8, OPTIMISE, {"name": "house 1"}, "ann", datetime(2026, 11, 28, tzinfo=UTC), **more)


def found(start: RecipeVersion, *, changed: bool = True) -> dict[str, Any]:
    """What the process says at its end."""
    recipe = replace(parse_recipe(tomllib.loads(start.content)), version="2")
    if changed:
        recipe = replace(recipe, examples=(*recipe.examples, Example("Is it late?", "delivery")))
    figure = {"mean": 0.41, "error": 0.035, "rows": 200}
    return {
        "recipe": {"digest": recipe.digest, "toml": toml_of(recipe)},
        "start": {"digest": start.digest},
        "metric": "exact",
        "test": figure,
        "start_test": figure | {"mean": 0.29},
        "dev": figure | {"mean": 0.46, "rows": 60},
    }


def live(app: App) -> RecipeVersion:
    version = app.versions.live(None)
    assert version
    return version


def test_what_a_search_does_is_said(tmp_path: Path) -> None:
    running = job(state="running")
    assert search_words(job(), None) == "Waits for its turn."
    assert search_words(running, None) == "Begins."
    SearchStatus("search", 120, 240, 60.0, 0.41, 60, "six examples").write(tmp_path)
    assert search_words(running, read_status(tmp_path)) == "120 of 240 answers; the best so far is right on 41% of 60 dev rows."
    assert search_words(running, SearchStatus("search", 3, 240, 1.0)) == "3 of 240 answers."
    assert "no choice looked at" in search_words(running, SearchStatus("test", 240, 240, 90.0, 0.41, 60))
    assert read_status(tmp_path / "nothing") is None


async def test_what_is_found_is_a_version_that_answers_nobody(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        start = live(app)
        kind, asked = OptimiseKind(tmp_path, app.versions), job()
        asked = replace(asked, arguments={"recipe": start.id, "file": "/rows/tickets.jsonl"})
        said = await kind.done(asked, found(start))
        assert said == (
            "house 2 was found: right on 41% ± 4% of 200 rows that no choice looked at; where it began, right on 29% ± 4%. "
            "On the rows by which it was chosen it says 46%. It answers nobody until you use it."
        )
        made = app.versions.all()[-1]
        assert (str(made.named), made.parent, made.reason) == ("house 2", start.id, "Found by a search on tickets.jsonl.")
        assert live(app).id == start.id
        assert app.searches.found(replace(asked, state="done", result=found(start))) == made
        assert await kind.done(asked, found(start)) == said and len(app.versions.chain(made)) == 2, "an end that was not stored comes twice"
        assert await kind.done(asked, found(start, changed=False)) == SAME
        assert app.searches.found(replace(asked, state="done", result=found(start, changed=False))) is None


def test_the_worth_of_a_find_is_told_by_what_was_measured() -> None:
    dev = {"mean": 0.5, "error": 0.1, "rows": 20}
    assert "which says too much; no test was measured" in worth({"metric": "exact", "dev": dev})
    assert worth({"metric": "f1", "dev": dev}).startswith("scored 50% ± 10%")


async def test_a_wish_that_cannot_be_is_refused(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        token, start = (await app.training.bring("rows.jsonl", ROWS)).token, live(app).id
        for wish, words in (
            (SearchWish(token, start, calls=1), "20 to 5,000 answers"),
            (SearchWish(token, start, minutes=0), "at most 240 minutes"),
            (SearchWish(token, start, metric="bleu"), "no metric"),
            (SearchWish("0" * 16, start), "Bring the file again"),
        ):
            with pytest.raises(BadRequest, match=words):
                await app.searches.search(wish, "ann")
        with pytest.raises(UnknownRecipe):
            await app.searches.search(SearchWish(token, "nope"), "ann")


@pytest.mark.process
async def test_a_search_is_a_job_of_its_own_that_is_stopped_and_goes_on(tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path / "base", context=4096)
    settings = Settings.of(store_path=str(tmp_path / "duels.sqlite3"), base_model=str(base), threads=1, device="cpu", max_rows=2)

    async def until(asked: Job, *states: str) -> Job:
        async with asyncio.timeout(patient(90)):
            while (now := await app.jobs.look(asked.id)).state not in states:  # noqa: ASYNC110  # a process ends it
                await asyncio.sleep(0.05)
        return now

    async with App.open(settings) as app:
        await app.model_settled()
        token = (await app.training.bring("rows.jsonl", ROWS)).token
        asked = await app.searches.search(SearchWish(token, app.versions.all()[0].id, calls=30), "ann")
        folder = search_folder(jobs_folder(settings), asked)
        async with asyncio.timeout(patient(90)):
            while not (folder / "status.json").is_file() or (status := read_status(folder)) is None or status.calls < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await app.jobs.stop(asked.id)
        assert (await until(asked, "stopped", "done", "failed")).state == "stopped"
        before = (folder / "answers.jsonl").read_bytes()
        await app.jobs.go_on(asked.id)
        done = await until(asked, "done", "failed")
        assert done.state == "done", done.words
        assert (folder / "answers.jsonl").read_bytes().startswith(before), "what was answered is not asked again"
        assert done.words == SAME or "was found" in done.words
        assert done.result and done.result["test"]["rows"] == 16
