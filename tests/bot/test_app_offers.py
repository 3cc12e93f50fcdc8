"""What is offered to ask next: under equal answers, and on an empty page."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bot.app import App
from bot.app.agreed import ELSEWHERE, TRY, TRY_AGAIN
from bot.app.orders import Order
from bot.ballots import Choice
from bot.settings import Settings
from bot.views import NextStep
from engine.backends.base import Prompt
from engine.backends.scripted import Script, ScriptedBackend
from engine.duel import Side
from engine.lineup import Lineup
from tests.bot.scripted import answered, cast, is_tuned, lineup_over, scripted_app, two_answers, until


async def test_identical_answers_are_a_tie_that_nobody_is_asked_for(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", lambda prompt: Script(("the same", " " * is_tuned(prompt)))) as (app, _):
        view = await answered(app)
        assert view.state == "closed" and view.reveal and view.reveal.auto_tie and view.carried is Side.LEFT
        assert sum(view.reveal.tally.values()) == view.ballots == 0 and "the same answer, word for word" in view.note
        standing = await app.judging.verdict()
        assert (standing.duels, standing.identical) == (0, 1)


async def test_under_equal_answers_an_example_is_offered_that_nobody_has_asked(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", lambda prompt: Script(("the same",))) as (app, _):
        first = await answered(app)
        assert first.next_step == NextStep(TRY, app.examples[0])
        second = await answered(app, f" {app.examples[0].upper()} ")
        assert second.next_step == NextStep(TRY, app.examples[1]), "an example that was asked here is not offered again"
        for example in app.examples[1:]:
            await answered(app, example)
        last = await answered(app, app.examples[0], conversation=second.conversation)
        assert last.next_step == NextStep(TRY, app.examples[1]), "all were asked somewhere: one that this conversation has not seen"
        for example in app.examples[1:]:
            last = await answered(app, example, conversation=second.conversation)
        assert last.next_step == NextStep(ELSEWHERE) and "[sampling]" in ELSEWHERE
        assert (await app.looking.view(first.id, "bob")).next_step == first.next_step, "what a message offers stays what its button asks"


async def test_examples_are_about_the_pair_that_meets_also_where_another_base_took_the_place(tmp_path: Path) -> None:
    lineup = lineup_over(ScriptedBackend(two_answers))
    kit = replace(lineup.kit, base=replace(lineup.kit.base, name="demo"))

    loads = asyncio.Event()

    async def open_lineup() -> Lineup:
        await loads.wait()
        return replace(lineup, kit=kit)

    async with App.open(Settings.of(store_path=str(tmp_path / "s")), open_lineup) as app:
        assert app.examples == tuple(app.offers["smollm2"])
        app.tell_model("Fetching …")
        assert app.model.words == "Fetching …"
        loads.set()
        await app.model_settled()
        assert app.examples == tuple(app.offers["demo"])
        app.tell_model("Fetching …")
        assert app.model.state == "ready" and "ready" in app.model.words


OTHERS = ({"recipe": "mine.toml"}, {"adapter": "./lora"}, {"base_model": "./base"}, {"arms": "plain,tuned"}, {"aa": "tuned"})


@pytest.mark.parametrize("names", OTHERS)
async def test_where_other_contestants_meet_than_those_that_ship_no_example_is_promised(tmp_path: Path, names: dict[str, str]) -> None:
    backend = ScriptedBackend(lambda prompt: Script(("the same",)))

    async def open_lineup() -> Lineup:
        return lineup_over(backend)

    async with App.open(Settings.of(store_path=str(tmp_path / "s"), **{"base_model": "demo", **names}), open_lineup) as app:
        assert (await answered(app)).next_step == NextStep(ELSEWHERE)


async def test_with_a_pair_of_ones_own_an_earlier_request_is_offered_on_which_it_differed(tmp_path: Path) -> None:
    def script(prompt: Prompt) -> Script:
        return Script(("same" if "same" in prompt.messages[-1].content else str(is_tuned(prompt)),))

    backend = ScriptedBackend(script)

    async def open_lineup() -> Lineup:
        return lineup_over(backend)

    async with App.open(Settings.of(store_path=str(tmp_path / "s"), base_model="demo", recipe="mine.toml"), open_lineup) as app:
        first = await answered(app, "the same")
        post = (await app.asking.ask(Order("secret of a team", "ann", "message:1", "a team", "a channel", solo=True))).post
        for duel in (await answered(app, "one"), await answered(app, "1" * 301), await until(app, post.duel, "open")):
            await cast(app, duel.id, "ann", Choice.TIE)
        await cast(app, (await answered(app, "two", conversation=first.conversation)).id, "ann", Choice.TIE)
        await answered(app, "three, of which nobody knows yet how it was")
        second = await answered(app, "the same again")
        assert second.next_step == NextStep(TRY_AGAIN, "one")
        assert (await app.looking.view(first.id, "ann")).next_step == NextStep(ELSEWHERE), "what came later changes nothing"
        told = (await app.asking.ask(Order("the same", "bob", "message:2", "another team", "another channel"))).post
        assert (await until(app, told.duel, "closed")).next_step == NextStep(ELSEWHERE)


async def test_a_team_with_a_recipe_of_its_own_is_promised_no_example(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", lambda prompt: Script(("the same",))) as (app, _):
        post = (await app.asking.ask(Order("hello", "ann", "message:1", "a team", "a channel", recipe="plain"))).post
        assert (await until(app, post.duel, "closed")).next_step == NextStep(ELSEWHERE)


async def test_answers_that_differ_offer_nothing(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await answered(app)
        assert view.next_step is None and (await cast(app, view.id, "ann", Choice.TIE)).next_step is None
        assert (await app.looking.view(view.id, "ann")).next_step is None


async def test_the_examples_are_requests_that_can_be_asked(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        assert len(app.examples) >= 3
        for example in app.examples:
            assert (await answered(app, example)).state == "open"
