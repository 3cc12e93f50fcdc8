"""Versions of recipes: kept for good, switched at once, each a contestant of its own; what is refused, and what is compared."""

import sqlite3
import time
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.app import App
from bot.app.differing import words_apart
from bot.app.versions import Edit
from bot.ballots import Choice
from bot.errors import UnknownRecipe
from bot.verdict import Verdict
from bot.views import RecipeVersion
from engine.errors import BadRecipe, BadRequest
from tests.bot.scripted import answered, cast, scripted_app


def edit(of: RecipeVersion, reason: str = "shorter", edit_s: float | None = 42.0, **changes: Any) -> Edit:
    return Edit(of.id, {**tomllib.loads(of.content), **changes}, reason, "web:1", edit_s)


def live(app: App) -> RecipeVersion:
    found = app.versions.live(None)
    assert found
    return found


def figures(verdict: object, side: int = 0) -> dict[str, object]:
    assert isinstance(verdict, Verdict)
    return {figure.label: figure.value for aspect in reversed(verdict.aspects) for figure in aspect.side(side)}


async def test_a_saved_version_answers_at_once_and_after_a_restart_and_is_a_contestant_of_its_own(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, backend):
        first = live(app)
        before = await cast(app, (await answered(app, "One?")).id, "ann", Choice.LEFT)
        began = time.perf_counter()
        saved = await app.versions.save_and_use(edit(first, system="You are the house. Be brief."), None)
        assert time.perf_counter() - began < 1
        assert (str(first.named), str(saved.version.named), saved.version.parent) == ("house 1", "house 2", first.id)
        after = await cast(app, (await answered(app, "Two?")).id, "ann", Choice.LEFT)
        assert backend.prompts[-2].messages[0].content == "You are the house. Be brief." or (
            backend.prompts[-1].messages[0].content == "You are the house. Be brief."
        )
        sides = [next(each for each in view.reveal.sides.values() if not each.adapter) for view in (before, after) if view.reveal]
        assert sides[0].contestant_id != sides[1].contestant_id and str(sides[1].recipe) == "house 2"
        verdict = await app.judging.verdict()
        assert isinstance(verdict, Verdict) and verdict.who[0].recipe.version == "2" and verdict.decision.n == 1
    async with scripted_app(tmp_path / "s") as (app, _):
        assert str(live(app).named) == "house 2" and live(app).reason == "shorter" and live(app).edit_s == 42.0


async def test_the_card_tells_how_long_an_edit_took_to_be_live(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        assert figures(await app.judging.verdict()).get("edit to live") is None
        saved = await app.versions.save(edit(live(app), system="Another."))
        assert str(live(app).named) == "house 1"  # saving alone switches nothing
        await app.versions.use(saved.version.id, None, "web:1", "now")
        await cast(app, (await answered(app)).id, "ann", Choice.LEFT)
        found = figures(await app.judging.verdict())
        assert found["edit to live"] == found["each"] == pytest.approx(42.0) and found["changes"] == 1


async def test_the_card_tells_the_minutes_of_editing_where_all_of_them_are_known(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        shipped = app.versions.named("desk")
        first = (await app.versions.save(edit(shipped, system="One.", edit_s=60.0))).version
        for version, seconds in ((live(app), None), (first, 180.0)):  # who knows how long the file took
            saved = await app.versions.save_and_use(edit(version, system="Two.", edit_s=120.0), None)
            await cast(app, (await answered(app, f"For {saved.version.named}?")).id, "ann", Choice.LEFT)
            assert figures(await app.judging.verdict()).get("authoring") == seconds
    async with scripted_app(tmp_path / "s", team_prompt_minutes=9) as (app, _):
        assert figures(await app.judging.verdict())["authoring"] == 540


async def test_going_back_is_another_use_and_the_earlier_evidence_goes_on(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        with pytest.raises(BadRequest, match="nothing to go back to"):
            await app.versions.roll_back(None, "web:1", "worse")
        await cast(app, (await answered(app, "One?")).id, "ann", Choice.LEFT)
        await app.versions.save_and_use(edit(live(app), system="Another."), None)
        await app.versions.roll_back(None, "web:1", "worse")
        assert str(live(app).named) == "house 1"
        await cast(app, (await answered(app, "Two?")).id, "ann", Choice.LEFT)
        verdict = await app.judging.verdict()
        assert isinstance(verdict, Verdict) and verdict.decision.n == 2
        assert [use.reason for use in await app.versions.uses(None)] == ["worse", "shorter"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Nothing is changed"),
        ({"system": "Say {{shop}}."}, r"In the system text stands \{\{shop\}\}, which nothing fills"),
        ({"system": "Say {{request}}."}, "which the template alone may hold"),
        ({"template": "no request"}, "exactly once"),
        ({"system": "For {{team}}."}, "this team has no name here"),
        ({"system": "word " * 3000}, "leaves no room for a request"),
        ({"sampling": {"temperature": 9.0}}, "between 0 and 5"),
        ({"nonsense": 1}, "unknown key"),
    ],
)
async def test_what_cannot_be_kept_is_refused_in_words_and_nothing_is_kept(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        with pytest.raises(BadRecipe, match=words):
            await app.versions.save_and_use(edit(live(app), **changes), None)
        with pytest.raises(BadRequest, match="Say in a few words why"):
            await app.versions.save(edit(live(app), reason=" \n", system="Another."))
        assert str(live(app).named) == "house 1"
        with closing(sqlite3.connect(tmp_path / "s")) as file:
            assert file.execute("SELECT count(*) FROM recipe_versions").fetchone() == (0,)


async def test_placeholders_are_filled_when_asked_and_a_request_is_never_filled(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", team_name="Lime & Loom") as (app, backend):
        said = "It is {{today}} at {{team}}, {{shop}}."
        await app.versions.save_and_use(edit(live(app), system=said, placeholders={"shop": "a shop {{today}}"}), None)
        asked = await answered(app, "What is {{team}}?")
        [prompt] = [each for each in backend.prompts if each.adapter is None]
        assert [message.content for message in prompt.messages] == [
            f"It is {asked.asked_at:%Y-%m-%d} at Lime & Loom, a shop {{{{today}}}}.",
            "What is {{team}}?",
        ]


async def test_sampling_of_both_sides_stays_the_same_and_that_is_said(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, backend):
        saved = await app.versions.save_and_use(edit(live(app), sampling={"temperature": 0.5}), None)
        assert "need the same [sampling]" in saved.notes[0] and "new contestant as well" in saved.notes[0]
        await answered(app)
        assert [prompt.sampling.temperature for prompt in backend.prompts] == [0.5, 0.5]
    async with scripted_app(tmp_path / "t", plain_recipe="own.toml") as (app, _):
        saved = await app.versions.save(edit(live(app), sampling={"temperature": 0.5}))
        assert "DUEL_PLAIN_RECIPE names, has another" in saved.notes[0]
        with pytest.raises(Exception, match=r"differ in \[sampling\]"):
            await app.versions.use(saved.version.id, None, "web:1", "try")
        assert str(live(app).named) == "house 1"


async def test_a_branch_has_its_own_name_and_its_parent_and_files_come_in_once(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        first = live(app)
        branch = (await app.versions.save(edit(first, name="short", system="Short."))).version
        assert (str(branch.named), branch.parent) == ("short 1", first.id)
        with pytest.raises(BadRecipe, match="It is here already, as short 1"):
            await app.versions.take_in(branch.content, "again", "web:1")
        taken = (await app.versions.take_in(branch.content.replace("Short.", "Shorter."), "from a file", "web:1")).version
        assert (str(taken.named), taken.parent, taken.edit_s) == ("short 2", branch.id, None)
        new = (await app.versions.take_in('name = "new"\nversion = "7a"', "from a file", "web:1")).version
        assert (str(new.named), new.parent) == ("new 7a", None) and app.versions.next_version("new") == "2"
        with pytest.raises(BadRecipe, match="not valid TOML"):
            await app.versions.take_in("name = ", "broken", "web:1")
        assert app.versions.named("short").id == taken.id and app.versions.named("short@1").id == branch.id
        assert [each.id for each in app.versions.chain(taken)] == [taken.id, branch.id, first.id]
        with pytest.raises(UnknownRecipe):
            app.versions.named("nobody")


async def test_versions_are_compared_word_by_word_and_examples_stay_together(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        one, two, three = ({"user": f"Q{n}", "assistant": f"A{n}"} for n in (1, 2, 3))
        first = (await app.versions.save(edit(live(app), system="Say it in one sentence, please.", examples=[one, two]))).version
        second = (await app.versions.save(edit(first, system="Say it in two sentences, please.", examples=[three, one, two]))).version
        sections = app.versions.diff(first.id, second.id)
        assert [section.title for section in sections if section.changed] == ["System text", "Example 1"]
        assert [(part.kind, part.text) for part in sections[0].parts][1:3] == [("out", "one sentence"), ("in", "two sentences")]


def test_a_diff_put_together_again_is_both_texts_and_long_ones_take_no_time() -> None:
    pairs = [("", "new"), ("a b c", "a c"), ("x  y\nz", "x y\n\nz!"), ("word other " * 9000, "other word " * 9000 + "\nend")]
    began = time.perf_counter()
    for old, new in pairs:
        parts = words_apart(old, new)
        assert "".join(part.text for part in parts if part.kind != "in") == old
        assert "".join(part.text for part in parts if part.kind != "out") == new
    assert time.perf_counter() - began < 5


async def test_what_is_known_to_hurt_is_said_with_its_line_and_forbids_nothing(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        odd = [{"user": f"Q{n}", "assistant": "Team: billing" if n else "billing"} for n in range(3)]
        saved = await app.versions.save(edit(live(app), system="Be brief.\nAnswer in detail.", examples=odd))
        assert any(note.startswith("System, line 3: It says “brief” and “in detail”") for note in saved.notes)
        assert any(note.startswith("Example 1, line ") and "lacks 'team'" in note.casefold() for note in saved.notes)
