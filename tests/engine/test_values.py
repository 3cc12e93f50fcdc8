"""Requests, recipes, contestants and prices: what is refused, and what a change of content changes."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backends.base import Usage
from engine.contestants import Adapter, Arm, Base, Kit, check_fair
from engine.cost import Price, Spent, account, estimate
from engine.errors import BadAdapter, BadRecipe, BadRequest, SettingsError, UnfairDuel
from engine.lineup import duel_arms, parse_arms
from engine.recipes import Message, Recipe, Sampling, load_recipe, parse_recipe
from engine.request import MAX_CHARACTERS, Request, Turn
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


RECIPE = {
    "name": "house",
    "version": "3",
    "system": "Be brief.",
    "template": "Situation: {request}\nDecide.",
    "examples": [{"user": "none", "assistant": "prompt"}],
    "sampling": {"max_new_tokens": 9},
    "chat_template": {"enable_thinking": False},
}


def test_a_recipe_says_who_says_what() -> None:
    history = (Turn("user", "before"), Turn("assistant", "answered"))
    assert parse_recipe(RECIPE).messages(Request.of("{now} {request}", history)) == (
        Message("system", "Be brief."),
        Message("user", "Situation: none\nDecide."),
        Message("assistant", "prompt"),
        Message("user", "Situation: before\nDecide."),
        Message("assistant", "answered"),
        Message("user", "Situation: {now} {request}\nDecide."),
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sistem": "x"}, "unknown key sistem"),
        ({"name": 3}, "name must be text"),
        ({"template": "no place"}, "exactly once"),
        ({"examples": {"user": "x"}}, "must be a list"),
        ({"examples": [{"user": "x"}]}, "an example lacks assistant"),
        ({"examples": [{"user": 1, "assistant": "x"}]}, "must be text"),
        ({"sampling": {"temprature": 1}}, "unknown key temprature in sampling"),
        ({"sampling": {"temperature": "hot"}}, "sampling.temperature must be a number"),
        ({"sampling": {"max_new_tokens": 0}}, "between 1 and 8192"),
        ({"sampling": {"top_k": 1.5}}, "whole number"),
        ({"sampling": 3}, "sampling must be a table"),
        ({"chat_template": 3}, "chat_template must be a table"),
        ({"chat_template": {"today": date(2026, 1, 2)}}, "write dates in quotes"),
        ({"chat_template": {"share": float("nan")}}, "chat_template takes"),
    ],
)
def test_a_malformed_recipe_is_refused_in_words(change: dict[str, object], words: str) -> None:
    with pytest.raises(BadRecipe, match=words):
        parse_recipe(RECIPE | change)


def test_recipe_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    for content, words in ((b"name = ", "not valid TOML"), (b"\xff\xfe", "not valid TOML"), (b'name = "x"', "lacks version")):
        (tmp_path / "r.toml").write_bytes(content)
        with pytest.raises(BadRecipe, match=words):
            load_recipe(str(tmp_path / "r.toml"))
    with pytest.raises(BadRecipe, match="cannot be read: No such file"):
        load_recipe(str(tmp_path / "none.toml"))
    with pytest.raises(BadRecipe, match="no shipped recipe 'nope'"):
        load_recipe("nope")


def test_the_shipped_recipes_make_a_fair_duel() -> None:
    assert load_recipe("house").sampling == load_recipe("plain").sampling


BASE = Base("b", "r1", 512, 1)
ADAPTER = Adapter("a", "1", "/somewhere", "d1")
KIT = Kit(BASE, Recipe("house", "1", system="Rules."), Recipe("plain", "1"), ADAPTER)


def test_a_contestant_s_id_follows_its_content_and_not_its_names_or_paths() -> None:
    tuned = KIT.contestant(Arm.TUNED)
    assert len({KIT.contestant(arm).id for arm in Arm}) == 4
    renamed = replace(KIT, base=replace(BASE, name="other"), adapter=replace(ADAPTER, folder="/elsewhere", name="z"))
    assert renamed.contestant(Arm.TUNED).id == tuned.id
    for change in (
        replace(KIT, base=replace(BASE, revision="r2")),
        replace(KIT, adapter=replace(ADAPTER, digest="d2")),
        replace(KIT, plain=Recipe("plain", "1", sampling=Sampling(max_new_tokens=5))),
        replace(KIT, plain=Recipe("plain", "1", system="edited")),
    ):
        assert change.contestant(Arm.TUNED).id != tuned.id


def test_an_arm_without_its_adapter_names_the_setting() -> None:
    with pytest.raises(BadAdapter, match="DUEL_ADAPTER"):
        replace(KIT, adapter=None).contestant(Arm.COMBINED)


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
        ("best", "Unknown arm: best"),
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
