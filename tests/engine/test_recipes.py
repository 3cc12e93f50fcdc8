"""Recipes: what their files say, what is refused, and who says what to the model."""

from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contestants import Arm, Base
from engine.errors import BadRecipe
from engine.kit import Kit
from engine.recipes import SHIPPED, Example, Message, Recipe, load_recipe, parse_recipe
from engine.request import Request, Turn

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
        ({"sistem": "x"}, "unknown key 'sistem'"),
        ({"name": 3}, "name must be text"),
        ({"template": "no place"}, "exactly once"),
        ({"template": "{{ request }}"}, "exactly once"),
        ({"name": " "}, "must not be empty"),
        ({"sampling": {"temperature": 10**5000}}, "between 0 and 5"),
        ({"sampling": {"temperature": float("nan")}}, "between 0 and 5"),
        ({"sampling": {"top_p": float("inf")}}, "at most 1"),
        ({"sampling": {"top_k": 10**5000}}, "between 0 and 1,000,000"),
        ({"sampling": {"max_new_tokens": -(10**5000)}}, "between 1 and 8192"),
        ({"sampling": {"repetition_penalty": 0.9}}, "between 1 and 2"),
        ({"chat_template": {"deep": [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}}, "nested too deeply"),
        ({"chat_template": {"long": 10**5000}}, "chat_template takes"),
        ({"examples": {"user": "x"}}, "must be a list"),
        ({"examples": [{"user": "x"}]}, "an example lacks assistant"),
        ({"examples": [{"user": 1, "assistant": "x"}]}, "must be text"),
        ({"sampling": {"temprature": 1}}, "unknown key 'temprature' in sampling"),
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
    for content, words in (
        (b"name = ", "not valid TOML"),
        (b"\xff\xfe", "not valid TOML"),
        (b'name = "x"', "lacks version"),
        (b'name = "x"\nname = "y"', "not valid TOML"),
        (b"name = " + b"9" * 5_000, "not valid TOML"),
        (b"name = " + b"[" * 100_000, "nested too deeply"),
        (b'name = "x"\nversion = "1"\n[sampling]\ntop_k = 0x' + b"f" * 9_000, "between 0 and 1,000,000"),
        (b'name = "x"\nversion = "1"\nsystem = 1979-05-27', "system must be text"),
    ):
        (tmp_path / "r.toml").write_bytes(content)
        with pytest.raises(BadRecipe, match=words):
            load_recipe(str(tmp_path / "r.toml"))
    with pytest.raises(BadRecipe, match="cannot be read: No such file"):
        load_recipe(str(tmp_path / "none.toml"))
    for name in ("nope", "", "../plain", "x" * 5_000, "a\0b"):
        with pytest.raises(BadRecipe, match="no shipped recipe"):
            load_recipe(name)
    with pytest.raises(BadRecipe):
        load_recipe("a\0b.toml")


def test_a_recipe_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_bytes(b"\xef\xbb\xbf" + (SHIPPED / "house.toml").read_bytes())
    assert load_recipe(str(tmp_path / "r.toml")) == load_recipe("house")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"temperature": 0}, {"temperature": 0.0}),
        ({"temperature": 0}, {}),
        ({"temperature": -0.0}, {"temperature": 0}),
        ({"temperature": 1}, {"temperature": 1.0}),
        ({"top_p": 1}, {"top_p": 1.0}),
        ({}, {"repetition_penalty": 1}),
    ],
)
def test_a_number_written_in_two_ways_makes_one_recipe_and_one_contestant(one: dict[str, float], other: dict[str, float]) -> None:
    first, second = (parse_recipe(RECIPE | {"sampling": sampling}) for sampling in (one, other))
    assert first == second and first.digest == second.digest
    assert len({Kit.of(Base("b", "r1", 512, 1), None, plain).contestant(Arm.PLAIN).id for plain in (first, second)}) == 1
    for changed in ({"temperature": 0.5}, {"repetition_penalty": 1.1}):
        assert first.digest != parse_recipe(RECIPE | {"sampling": changed}).digest


def test_the_shipped_recipes_are_those_that_the_demo_adapter_and_old_evidence_know() -> None:
    assert {name: load_recipe(name).digest for name in ("house", "plain")} == {"house": "e6c715157394f18e", "plain": "0fc6cc0cb896fffc"}


def test_what_one_person_says_in_a_row_is_one_message_wrapped_once() -> None:
    recipe = parse_recipe(RECIPE)
    said = recipe.messages(Request("and the request", (Turn("user", "context"), Turn("user", "more of it"))))
    assert said[-1] == Message("user", "Situation: context\n\nmore of it\n\nand the request\nDecide.")
    answers = recipe.messages(Request("so?", (Turn("user", "a"), Turn("assistant", "b"), Turn("assistant", "c"))))
    assert answers[-2] == Message("assistant", "b\n\nc")


@given(st.lists(st.sampled_from(["user", "assistant"])), st.booleans(), st.booleans())
def test_after_the_system_text_roles_take_turns_and_nothing_is_lost(
    roles: list[Literal["user", "assistant"]], shown: bool, ruled: bool
) -> None:
    recipe = Recipe("r", "1", "Rules." if ruled else "", examples=(Example("asked before", "said before"),) if shown else ())
    history = tuple(Turn(role, f"turn {number};") for number, role in enumerate(roles))
    chat = recipe.messages(Request("the request", history))
    spoken = [message.role for message in chat if message.role != "system"]
    assert all(one != other for one, other in pairwise(spoken)) and spoken[-1] == "user"
    assert [message.role for message in chat].count("system") == ruled
    text = "\n".join(message.content for message in chat)
    assert all(turn.text in text for turn in history) and "the request" in chat[-1].content
