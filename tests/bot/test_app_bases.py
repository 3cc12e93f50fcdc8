"""Another base is picked: it loads then, answers with its own weights, and what is learned there is about no other base."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.app import App
from bot.ballots import Choice
from bot.picks import Pick, Picked, pick_of, read_pick
from engine.backends.base import Prompt
from engine.backends.scripted import Script, ScriptedBackend
from engine.contestants import Arm
from engine.errors import BackendError, BadModel, BadRequest
from engine.lineup import Lineup
from engine.settings import EngineSettings
from tests.bot.scripted import ask, cast, is_tuned, lineup_over, scripted_app, two_answers, until

OTHER = Pick(base="other")


def of_other(prompt: Prompt) -> Script:
    told = any(message.role == "system" for message in prompt.messages)
    return Script(("the other ", "fine-tune" if is_tuned(prompt) else "prompt" if told else "plain base"))


class Opener:
    """Opens other bases, and keeps which; each is there once it was let."""

    def __init__(self) -> None:
        self.opened: list[EngineSettings] = []
        self.closed = 0
        self.let = asyncio.Event()
        self.error: BackendError | BadModel | None = None
        self.in_place_of: str = ""

    async def __call__(self, settings: EngineSettings) -> Lineup:
        self.opened.append(settings)
        await self.let.wait()
        if self.error:
            raise self.error
        backend = ScriptedBackend(of_other, settings.base_model)
        backend.aclose = self._close  # type: ignore[method-assign]
        return lineup_over(backend, settings.but({"base_model": self.in_place_of or settings.base_model}))

    async def _close(self) -> None:
        self.closed += 1


async def state_of(app: App, base: str = "other") -> str:
    offered = await app.pairing.pickable(base)
    assert offered
    return offered.state


async def test_another_base_loads_once_it_is_picked_answers_alone_and_has_evidence_of_its_own(tmp_path: Path) -> None:
    opener = Opener()
    async with scripted_app(tmp_path / "s", open_for=opener, bases="other, more", adapter="desk", arms="plain,tuned") as (app, backend):
        assert app.pairing.bases == ("demo", "other", "more") and opener.opened == []
        asked = await ask(app, "Why?", asker="ann", pick=OTHER)
        assert "Loading the model other" in asked.note and "Loading the model other" in await state_of(app)
        first = await ask(app, "And here?", asker="ann")
        assert (await until(app, first.id, "open")).state == "open", "the usual base answers meanwhile"
        opener.let.set()
        view = await cast(app, (await until(app, asked.id, "open")).id, "ann", Choice.LEFT)
        assert sorted(side.text for side in view.sides.values()) == ["the other fine-tune", "the other prompt"]
        assert len(backend.prompts) == 2, "the usual base was asked its own request alone"
        await ask(app, "Again?", asker="ann", pick=OTHER)
        [settings] = opener.opened
        assert (settings.base_model, settings.adapter, settings.arms) == ("other", "", ""), "they are about the settings' own base"
        usual = await cast(app, first.id, "ann", Choice.LEFT)
        assert usual.reveal and view.reveal
        ids = {side.contestant_id for reveal in (usual.reveal, view.reveal) for side in reveal.sides.values()}
        assert len(ids) == 4 and [duels for _, _, duels in await app.judging.pairs()] == [1, 1]
    assert opener.closed == 1


async def test_sides_are_picked_on_another_base_once_it_has_loaded(tmp_path: Path) -> None:
    opener = Opener()
    async with scripted_app(tmp_path / "s", open_for=opener, bases="other") as (app, _):
        offered = await app.pairing.pickable("other")
        assert offered and offered.loading and offered.arms == () and offered.bases == ("demo", "other")
        pair = (Picked(Arm.PLAIN), Picked(Arm.TUNED))
        with pytest.raises(BadRequest, match="still loading"):
            await ask(app, "Why?", asker="ann", pick=Pick("other", pair))
        opener.let.set()
        await app.pairing.settled("other")
        offered = await app.pairing.pickable("other")
        assert offered and (offered.base, offered.state, offered.usual) == ("other", "", (Arm.PROMPTED, Arm.TUNED))
        for pick in (Pick("other", pair), Pick("other", surprise=True)):
            asked = await ask(app, f"What of {pick.surprise}?", asker="ann", pick=pick)
            view = await until(app, asked.id, "open")
            assert all(side.text.startswith("the other") for side in view.sides.values())
        assert len(opener.opened) == 1


async def test_a_base_that_cannot_be_had_says_why_and_is_tried_again_when_it_is_asked_again(tmp_path: Path) -> None:
    opener = Opener()
    opener.error = BadModel("There is no model other.")
    opener.let.set()
    async with scripted_app(tmp_path / "s", open_for=opener, bases="other") as (app, _):
        view = await until(app, (await ask(app, "Why?", asker="ann", pick=OTHER)).id, "void")
        assert "There is no model other." in view.note
        assert "There is no model other." in await state_of(app) and len(opener.opened) == 1, "a look at it is no second try"
        opener.error = None
        view = await until(app, (await ask(app, "Why?", asker="ann", pick=OTHER)).id, "open")
        assert len(opener.opened) == 2
        with pytest.raises(BadRequest, match=r"The base third is not offered here\. There are demo, other"):
            await ask(app, "Why?", asker="ann", pick=Pick(base="third"))


async def test_a_base_that_took_the_place_of_the_one_that_was_picked_is_refused(tmp_path: Path) -> None:
    opener = Opener()
    opener.in_place_of = "demo"
    opener.let.set()
    async with scripted_app(tmp_path / "s", open_for=opener, bases="other") as (app, _):
        view = await until(app, (await ask(app, "Why?", asker="ann", pick=OTHER)).id, "void")
        assert "The base other cannot be had" in view.note and opener.closed == 1


async def filed(app: App, count: int) -> list[str]:
    """What has been answered of a file, once all of it has."""
    while sum(batch.answered + batch.failed for batch in await app.filing.of("ann")) < count:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    views = [await app.looking.view(each.id, "ann") for each in await app.looking.history()]
    return sorted(side.text for view in views for side in view.sides.values())


async def test_a_file_of_requests_is_asked_of_those_who_were_picked_also_after_a_restart(tmp_path: Path) -> None:
    rows = "\n".join(json.dumps({"request": f"Request {number}"}) for number in range(3)).encode()
    opener = Opener()
    async with scripted_app(tmp_path / "s", two_answers, open_for=opener, bases="other") as (app, _):
        await app.filing.begin("ann", rows, pick=Pick("other", (Picked(Arm.PLAIN), Picked(Arm.TUNED))))
        assert [batch.failed for batch in await app.filing.of("ann")] == [0]
    opener.let.set()
    async with scripted_app(tmp_path / "s", two_answers, open_for=opener, bases="other") as (app, _):
        texts = await filed(app, 3)
        assert texts == ["the other fine-tune"] * 3 + ["the other plain base"] * 3


sides = some.builds(Picked, some.sampled_from(Arm), some.text(max_size=20), some.text(max_size=20))
picks = some.builds(Pick, some.text(max_size=20), some.none() | some.tuples(sides, sides))


@given(picks | some.builds(Pick, some.text(max_size=20), surprise=some.just(True)))
def test_a_pick_is_kept_as_it_was(pick: Pick) -> None:
    assert read_pick(pick.text) == pick


@given(some.recursive(some.none() | some.text() | some.integers(), lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner)))
def test_what_is_no_pick_picks_nothing(said: object) -> None:
    assert pick_of(said) == Pick() or isinstance(said, dict)


@pytest.mark.parametrize("text", ["", "{", "null", "[1]", '{"mode": "picked", "sides": [{"arm": "plain"}, {"arm": "nobody"}]}'])
def test_a_broken_text_picks_nothing(text: str) -> None:
    assert not read_pick(text)
