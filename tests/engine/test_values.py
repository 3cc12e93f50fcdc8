"""Requests, recipes, contestants and prices: what is refused, and what a change of content changes."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backends.base import Usage
from engine.contestants import Adapter, Arm, Base, check_fair
from engine.cost import Price, Spent, account, estimate
from engine.errors import BadAdapter, BadRecipe, BadRequest, SettingsError, UnfairDuel
from engine.kit import Kit, named_in
from engine.lineup import duel_arms, engineered_recipe, parse_arms, sampled_alike, without_recipe
from engine.named import Named
from engine.recipes import Recipe, Sampling, load_recipe, parse_recipe
from engine.request import MAX_CHARACTERS, Request
from engine.settings import EngineSettings


@pytest.mark.parametrize("text", ["", "   \n\t ", "\u200b\u200e", "\x00"])
def test_an_empty_request_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="empty"):
        Request.of(text)


def test_a_request_of_100_000_characters_is_refused_with_both_numbers() -> None:
    with pytest.raises(BadRequest, match=r"100,000 characters; at most 20,000"):
        Request.of("x" * 100_000)
    assert Request.of("x" * MAX_CHARACTERS).text == "x" * MAX_CHARACTERS


@pytest.mark.parametrize(("text", "words"), [("a\x00b", r"U\+0000, at position 2"), ("a\x1b[31m", r"U\+001B"), ("\ud800", "empty|U.D800")])
def test_characters_that_are_no_text_are_refused_by_name(text: str, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        Request.of(text)


@given(st.text())
def test_what_is_accepted_is_what_was_typed(text: str) -> None:
    try:
        request = Request.of(text)
    except BadRequest:
        return
    assert request.text == text.replace("\r\n", "\n").replace("\r", "\n").strip()
    request.text.encode()


def test_right_to_left_text_and_html_are_kept() -> None:
    for text in ("שלום \u202eabc\u202c", "<script>alert(1)</script>", "{request} {0} %s"):
        assert Request.of(text).text == text


def test_the_shipped_recipes_make_a_fair_duel() -> None:
    assert load_recipe("house").sampling == load_recipe("plain").sampling


BASE = Base("b", "r1", 512, 1)
OLD_TUNED, OLD_PROMPTED = "6f7cb41ad970", "7e99c8919946"  # ids of before a base said how it runs
ADAPTER = Adapter("a", "1", "/somewhere", "d1")
KIT = Kit.of(BASE, Recipe("house", "1", system="Rules."), Recipe("plain", "1"), ADAPTER)


def test_a_contestant_s_id_follows_its_content_and_not_its_names_or_paths() -> None:
    tuned = KIT.contestant(Arm.TUNED)
    assert len({KIT.contestant(arm).id for arm in Arm}) == 4
    renamed = Kit.of(replace(BASE, name="other"), KIT.engineered, KIT.plain, replace(ADAPTER, folder="/elsewhere", name="z"))
    assert renamed.contestant(Arm.TUNED).id == tuned.id
    for change in (
        replace(KIT, base=replace(BASE, revision="r2")),
        replace(KIT, base=replace(BASE, dtype="bfloat16")),
        replace(KIT, base=replace(BASE, quantisation="fp8")),
        replace(KIT, base=replace(BASE, more_ends=(7,))),
        Kit.of(BASE, KIT.engineered, KIT.plain, replace(ADAPTER, digest="d2")),
        replace(KIT, plain=Recipe("plain", "1", sampling=Sampling(max_new_tokens=5))),
        replace(KIT, plain=Recipe("plain", "1", system="edited")),
    ):
        assert change.contestant(Arm.TUNED).id != tuned.id


def test_a_contestant_that_runs_as_usual_keeps_the_id_that_older_stores_have() -> None:
    assert {arm: KIT.contestant(arm).id for arm in (Arm.PROMPTED, Arm.TUNED)} == {Arm.PROMPTED: OLD_PROMPTED, Arm.TUNED: OLD_TUNED}


SECOND, OTHER = Recipe("house", "2026-11 draft", system="Fewer rules."), Adapter("a", "2", "/elsewhere", "d2")


def test_any_two_of_a_kit_can_meet() -> None:
    """Two recipes, two adapters, two versions of one; the arm follows from what answers, and ids are those of the arms."""
    kit = KIT.with_recipe(SECOND).with_adapter(OTHER)
    house, plain = Named("house", "1"), Named("plain", "1")
    picked = [kit.pick(house), kit.pick(SECOND.named), kit.pick(plain)]
    picked += [kit.pick(recipe, adapter) for recipe in (plain, house, SECOND.named) for adapter in (ADAPTER.named, OTHER.named)]
    assert len({each.id for each in picked}) == len(picked) == 9
    assert [each.arm for each in picked] == [Arm.PROMPTED] * 2 + [Arm.PLAIN] + [Arm.TUNED] * 2 + [Arm.COMBINED] * 4
    for first in picked:
        for second in picked:
            check_fair((first, second))
    for arm in Arm:
        assert kit.contestant(arm) == KIT.contestant(arm)
    assert kit.pick(house).id == OLD_PROMPTED and kit.pick(plain, ADAPTER.named).id == OLD_TUNED


def test_recipes_and_adapters_come_and_go_and_the_kit_before_stays_as_it_was() -> None:
    more = KIT.with_adapter(OTHER).using(adapter=OTHER.named).with_recipe(SECOND)
    assert more.adapter == OTHER and KIT.adapter == ADAPTER and set(more.adapters) == {ADAPTER.named, OTHER.named}
    fewer = more.without_adapter(OTHER.named).without_recipe(Named("house", "1"))
    assert fewer.adapter is None and fewer.engineered is None and set(fewer.recipes) == {SECOND.named}
    for refused in (
        lambda: fewer.pick(Named("house", "1")),
        lambda: fewer.using(recipe=Named("house", "1")),
        lambda: fewer.without_recipe(Named("house", "1")),
        lambda: KIT.with_recipe(replace(SECOND, version="1")),
    ):
        with pytest.raises(BadRecipe, match="house 1"):
            refused()
    for refused in (lambda: fewer.pick(SECOND.named, OTHER.named), lambda: KIT.with_adapter(replace(OTHER, version="1"))):
        with pytest.raises(BadAdapter, match=r"a [12] "):
            refused()
    assert KIT.with_recipe(Recipe("house", "1", system="Rules.")) == KIT


def test_an_engineered_recipe_may_have_the_plain_one_s_name() -> None:
    kit = Kit.of(BASE, Recipe("plain", "1", system="Rules."), Recipe("plain", "1"), ADAPTER)
    assert {arm: kit.contestant(arm).id for arm in Arm} == {arm: KIT.contestant(arm).id for arm in Arm}


NAMES = (Named("house", "1"), Named("house", "2026-11 draft"), Named("my house", "1"), Named("a@b", "c@d"), Named("plain", "1"))


@pytest.mark.parametrize(
    ("text", "found"),
    [("plain", 4), ("house@1", 0), ("house 1", 0), ("house@2026-11 draft", 1), ("my house", 2), ("a@b", 3), ("a@b@c@d", 3)],
)
def test_a_person_names_a_version_or_just_a_name_that_has_one(text: str, found: int) -> None:
    assert named_in(text, NAMES, "recipe", BadRecipe) == NAMES[found]


@pytest.mark.parametrize(
    ("text", "words"), [("house", "house@1, house@2026-11 draft"), ("nope", "There is no recipe 'nope' here"), ("", "no recipe")]
)
def test_a_name_of_several_or_of_none_is_told_what_there_is(text: str, words: str) -> None:
    with pytest.raises(BadRecipe, match=words):
        named_in(text, NAMES, "recipe", BadRecipe)


@given(st.lists(st.tuples(st.text("ab@ ", max_size=4), st.text("ab@ ", max_size=4)), min_size=1, max_size=6, unique=True))
def test_a_whole_name_finds_its_own_or_says_that_it_is_of_several(pairs: list[tuple[str, str]]) -> None:
    names = [Named(*pair) for pair in pairs]
    for each in names:
        try:
            assert named_in(f"{each.name}@{each.version}", names, "recipe", BadRecipe) == each
        except BadRecipe as error:
            assert "several" in error.words


def test_no_two_ways_to_run_a_base_make_one_contestant() -> None:
    bases = [
        replace(BASE, dtype=dtype, quantisation=kind, more_ends=ends)
        for dtype in ("float32", "bfloat16")
        for kind in ("", "fp8")
        for ends in ((), (7,), (7, 8))
    ]
    assert len({replace(KIT, base=base).contestant(Arm.PLAIN).id for base in bases}) == len(bases)
    with pytest.raises(UnfairDuel, match="different base models"):
        check_fair(tuple(replace(KIT, base=base).contestant(Arm.PLAIN) for base in bases[:2]))


def test_an_arm_without_its_adapter_or_recipe_names_the_setting() -> None:
    with pytest.raises(BadAdapter, match="DUEL_ADAPTER"):
        KIT.without_adapter(ADAPTER.named).contestant(Arm.COMBINED)
    with pytest.raises(BadRecipe, match="DUEL_RECIPE"):
        KIT.without_recipe(Named("house", "1")).contestant(Arm.COMBINED)


def test_an_own_base_has_no_engineered_recipe_but_its_own() -> None:
    assert engineered_recipe(own("")) is None and engineered_recipe(own("house")) == load_recipe("house")
    demo = engineered_recipe(EngineSettings(base_model="demo"))
    assert demo is not None and demo.name == "house"
    assert "nothing to decide" in without_recipe("mine", None) and "DUEL_ADAPTER" in without_recipe("mine", None)
    assert "meets the adapter" in without_recipe("mine", ADAPTER) and "DUEL_RECIPE" in without_recipe("mine", ADAPTER)


def own(recipe: str) -> EngineSettings:
    return EngineSettings(base_model="./mine", recipe=recipe)


def test_the_shipped_plain_recipe_takes_the_sampling_of_an_own_one_and_says_so(tmp_path: Path) -> None:
    plain, warm = load_recipe("plain"), Recipe("support", "3", sampling=Sampling(0.7, max_new_tokens=300))
    alike, [said] = sampled_alike(plain, warm, own(""))
    assert alike == replace(plain, sampling=warm.sampling) and "[sampling] of support 3" in said
    shipped = load_recipe("desk")
    assert sampled_alike(plain, shipped, own("")) == (replace(plain, sampling=shipped.sampling), ()), "of a pair that ships nothing is said"
    assert sampled_alike(plain, None, own("")) == sampled_alike(plain, plain, own("")) == (plain, ())
    written = EngineSettings(plain_recipe=str(tmp_path / "mine.toml"))
    assert sampled_alike(plain, warm, written) == (plain, ())
    with pytest.raises(UnfairDuel, match="DUEL_PLAIN_RECIPE"):
        check_fair(tuple(KIT.with_recipe(warm).using(recipe=warm.named).contestant(arm) for arm in (Arm.PROMPTED, Arm.TUNED)))


def test_the_readme_s_example_shows_all_four_settings_and_its_recipe_is_one() -> None:
    part = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8").partition("## Your own model")[2].partition("\n## ")[0]
    settings, recipe = part.split("```")[1], part.partition("```toml")[2].partition("```")[0]
    given = dict(pair.split("=") for pair in settings.split() if "=" in pair)
    assert set(given) == {"DUEL_BASE_MODEL", "DUEL_ADAPTER", "DUEL_RECIPE", "DUEL_PLAIN_RECIPE"}
    assert EngineSettings.read(given, None).plain_recipe == given["DUEL_PLAIN_RECIPE"]
    assert parse_recipe(tomllib.loads(recipe)).name == "support"


def test_a_duel_needs_the_same_base_and_the_same_decoding() -> None:
    check_fair((KIT.contestant(Arm.PROMPTED), KIT.contestant(Arm.TUNED)))
    for other in (replace(KIT, base=replace(BASE, revision="r2")), replace(KIT, plain=Recipe("p", "1", sampling=Sampling(0.5)))):
        with pytest.raises(UnfairDuel):
            check_fair((KIT.contestant(Arm.PROMPTED), other.contestant(Arm.TUNED)))


def test_arms_are_read_from_words() -> None:
    assert parse_arms(" tuned , plain") == (Arm.TUNED, Arm.PLAIN)
    house = KIT.engineered
    assert duel_arms("", ADAPTER, house) == (Arm.PROMPTED, Arm.TUNED)
    assert duel_arms("", None, house) == (Arm.PROMPTED, Arm.PLAIN)
    assert duel_arms("", ADAPTER, None) == (Arm.PLAIN, Arm.TUNED)
    assert duel_arms("", None, None) == (Arm.PLAIN, Arm.PLAIN)
    for text, words in (
        ("tuned,tuned", "twice"),
        ("best", "Unknown arm: 'best'"),
        ("tuned", "two arms"),
        ("plain,tuned,prompted", "names 3"),
    ):
        with pytest.raises(SettingsError, match=words):
            duel_arms(text, ADAPTER, house)


USAGE = Usage(600, 560, 90, 0.1, 0.2, 1.8, 0.9, "cpu", "together")


def test_device_cost_is_busy_time_times_the_hour_s_price() -> None:
    cost = account(USAGE, Price(3.6, "list", "2026-01-01"))
    assert cost.usd == pytest.approx(0.0009)
    assert cost.usd_per_1000 == pytest.approx(0.9)
    unknown = account(USAGE, Price(None, "nobody", "2026-01-01"))
    assert (unknown.usd, unknown.usd_per_1000, unknown.basis) == (None, None, "unknown")


def test_an_estimate_is_the_median_of_the_history_and_none_without_one() -> None:
    assert estimate([]) is None
    made = estimate([Spent(1.0, 0.1), Spent(9.0, 0.3), Spent(2.0, 0.2)])
    assert made is not None
    assert (made.duels, made.total_s, made.usd) == (3, 2.0, 0.2)
    mixed = estimate([Spent(1.0, 0.1), Spent(3.0, None)])
    assert mixed is not None
    assert (mixed.total_s, mixed.usd) == (2.0, None)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"DUEL_BASE_MODL": "x"}, "Unknown setting: DUEL_BASE_MODL"),
        ({"DUEL_MAX_ROWS": "many"}, "DUEL_MAX_ROWS is 'many'"),
        ({"DUEL_MAX_ROWS": "1"}, "greater than or equal to 2"),
        ({"DUEL_PRICE_DATE": "last spring"}, "DUEL_PRICE_DATE is 'last spring'"),
        ({"DUEL_DTYPE": "int8"}, "'float32' or 'bfloat16'"),
        ({"DUEL_DEVICE_USD_PER_HOUR": "inf"}, "finite number"),
        ({"DUEL_BASE_MODEL": ""}, "DUEL_BASE_MODEL is ''"),
    ],
)
def test_unknown_and_malformed_settings_are_errors_in_words(environ: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        EngineSettings.read(environ, None)


def test_the_environment_wins_over_the_env_file(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("DUEL_MAX_ROWS=4\nDUEL_THREADS=1\nDUEL_WEB_PORT=9\nOTHER=x\n")
    settings = EngineSettings.read({"DUEL_MAX_ROWS": "6", "DUEL_DEVICE_USD_PER_HOUR": ""}, env)
    assert (settings.max_rows, settings.threads, settings.price.usd_per_hour) == (6, 1, None)
    env.write_text("DUEL_TYPO=1\n")
    with pytest.raises(SettingsError, match="DUEL_TYPO"):
        EngineSettings.read({}, env)
    env.write_bytes(b"DUEL_PRICE_SOURCE=caf\xe9\n")
    with pytest.raises(SettingsError, match="not UTF-8 text"):
        EngineSettings.read({}, env)
