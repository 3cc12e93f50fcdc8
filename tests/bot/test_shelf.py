"""Adapters while the bot runs, on a tiny real base: they come without a restart, any two meet, and those not asked for leave."""

import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.registry import CardWish, roll_back_adapter, use_adapter, write_card
from bot.app import App
from bot.app.shelf import bytes_of, leaving
from bot.settings import Settings
from bot.views import DuelView
from engine.card import read_card
from engine.contestants import Adapter, Arm, open_adapter
from engine.errors import BadAdapter, BadRequest, SettingsError
from engine.named import Named
from tests.bot.scripted import ask, until
from tests.engine import tiny

RECIPE = 'name = "house"\nversion = "1"\nsystem = "Be short."\n[sampling]\nmax_new_tokens = 6\n'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny base and three adapters on it with cards, of which the tests take copies."""
    root = tmp_path_factory.mktemp("made")
    base = tiny.save_base(root / "base")
    for seed in (1, 2, 3):
        folder = tiny.save_adapter(root / f"support-{seed}", base, seed)
        write_card(folder, CardWish("support", str(seed), str(base), "plain"))
    tiny.save_adapter(root / "dead", base, dead=True)
    return root


class Place:
    """A folder with adapters of one's own, and settings for it."""

    def __init__(self, made: Path, at: Path) -> None:
        self.made, self.loras = made, at / "loras"
        recipe = at / "house.toml"
        recipe.write_text(RECIPE)
        self.settings = Settings.of(
            store_path=str(at / "duels.sqlite3"),
            base_model=str(made / "base"),
            adapters=str(self.loras),
            recipe=str(recipe),
            threads=1,
            device="cpu",
            replays=False,
            discord_blinding_share=0.0,
        )

    def add(self, *names: str) -> None:
        for name in names:
            shutil.copytree(self.made / name, self.loras / name)

    @asynccontextmanager
    async def app(self, **names: object) -> AsyncGenerator[App, None]:
        async with App.open(self.settings.but(**names)) as app:
            state = await app.model_settled()
            assert state.state == "ready", state.words
            yield app


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Place:
    return Place(made, tmp_path)


async def who_met(app: App, **more: str) -> tuple[DuelView, list[str]]:
    """Ask, and name the arms and adapters of both answers from the store."""
    view = await ask(app, "hello", asker="ann", **more)
    view = await until(app, view.id, "open", "closed")
    async with app.core.store.reading() as look:
        rows = await look.rows(
            "SELECT c.arm, c.adapter_name, c.adapter_version FROM answers a JOIN contestants c ON c.id = a.contestant "
            "WHERE a.duel = ? ORDER BY a.entrant",
            (view.id,),
        )
    return view, [" ".join(filter(None, row)) for row in rows]


async def test_an_adapter_that_was_copied_into_the_folder_can_be_used_at_once(place: Place) -> None:
    async with place.app() as app:
        assert app.model.arms == (Arm.PROMPTED, Arm.PLAIN) and await app.shelf.listed()
        place.add("support-1", "support-2")
        assert {each.name for each in await app.shelf.listed() if not each.trouble} == {"support@1", "support@2"}
        used = await app.shelf.use("support@1")
        assert used.used and used.loaded and app.model.arms == (Arm.PROMPTED, Arm.TUNED) and "support 1" in app.model.words
        assert (await who_met(app))[1] == ["prompted", "tuned support 1"]
        assert (await who_met(app, adapter="support@2"))[1] == ["prompted", "tuned support 2"]
        view, met = await who_met(app, against="support@2")
        assert met == ["tuned support 1", "tuned support 2"], "two adapters meet"
        with pytest.raises(BadRequest, match="support 1 would meet itself"):
            await who_met(app, against="support@1")
        with pytest.raises(BadRequest, match="no adapter 'support@9' here"):
            await who_met(app, adapter="support@9")
        assert view.state == "open"


async def test_what_a_terminal_chooses_is_used_with_the_next_request_and_after_a_restart(place: Place) -> None:
    place.add("support-1", "support-2")
    async with place.app() as app:
        use_adapter("support@2", place.settings.engine)
        assert (await who_met(app))[1] == ["prompted", "tuned support 2"]
        await app.shelf.use("support@1")
        assert await app.shelf.used_before() == "support 2"
        roll_back_adapter(place.settings.engine)
        assert (await who_met(app))[1] == ["prompted", "tuned support 2"]
        await app.shelf.use("support@1")
    async with place.app() as app:
        assert (await who_met(app))[1] == ["prompted", "tuned support 1"]
        assert await app.shelf.roll_back() == "support 2" and (await who_met(app))[1] == ["prompted", "tuned support 2"]
        assert await app.shelf.roll_back() == "no adapter" and (await who_met(app))[1] == ["prompted", "plain"]


async def test_what_is_not_fit_changes_nothing(place: Place) -> None:
    place.add("support-1", "support-2", "dead")
    other = place.loras / "support-2"
    card = read_card(other)
    assert card
    replace(card, base=replace(card.base, revision="0" * 16)).write(other)
    async with place.app() as app:
        await app.shelf.use("support@1")
        with pytest.raises(BadAdapter, match="is dead"):
            await app.shelf.use("dead")
        with pytest.raises(BadAdapter, match=r"base revision 000000000000, but .* is [0-9a-f]{12}"):
            await app.shelf.use("support@2")
        [misfit] = [each for each in await app.shelf.listed() if each.name == "support@2"]
        assert "made for base revision 000000000000" in misfit.trouble and "support@2" not in await app.shelf.names()
        assert (await who_met(app))[1] == ["prompted", "tuned support 1"] and await app.shelf.used_before() == "what ships with the base"


async def test_what_the_setting_names_stays(place: Place) -> None:
    place.add("support-1", "support-2")
    async with place.app(adapter=str(place.loras / "support-1")) as app:
        with pytest.raises(SettingsError, match="DUEL_ADAPTER is"):
            await app.shelf.use("support@2")
        use_adapter("support@2", place.settings.engine)
        assert (await who_met(app))[1] == ["prompted", "tuned support 1"]
        assert (await who_met(app, against="support@2"))[1] == ["tuned support 1", "tuned support 2"], "it may still duel"


async def test_the_adapter_that_was_not_asked_for_the_longest_leaves(place: Place) -> None:
    place.add("support-1", "support-2", "support-3")
    async with place.app() as app:
        app.shelf._most_bytes = 2 * bytes_of(open_adapter(place.loras / "support-1"))
        await app.shelf.use("support@1")
        for name, left in (("support@2", "12"), ("support@3", "13"), ("support@2", "12")):
            await who_met(app, adapter=name)
            kit = app.choices.kit
            assert kit and {each.version for each in kit.adapters} == set(left), "the one in use stays"
        with pytest.raises(BadAdapter, match="no room for the adapter support 3"):
            await who_met(app, adapter="support@2", against="support@3")


def test_room_is_made_in_the_order_that_is_given() -> None:
    a, b, c = (Named(name, "1") for name in "abc")
    wanted = replace(open_adapter_of(10), name="w")
    loaded = {a: 30, b: 30, c: 30}
    assert leaving(loaded, (b, c), 10, 100, wanted) == ()
    assert leaving(loaded, (b, c), 40, 100, wanted) == (b,)
    assert leaving(loaded, (b, c), 70, 100, wanted) == (b, c)
    with pytest.raises(BadAdapter, match=r"DUEL_ADAPTERS_MIB"):
        leaving(loaded, (b, c), 71, 100, wanted)


def open_adapter_of(trainable: int) -> Adapter:
    return Adapter("a", "1", "", "d", trainable)
