"""Placeholders in recipes, and recipes written as TOML."""

import tomllib
from datetime import UTC, datetime

import pytest

from engine.errors import BadRecipe
from engine.placeholders import given_on
from engine.recipe_text import check_placeholders, toml_of
from engine.recipes import Example, Recipe, Sampling, load_recipe, parse_recipe, shipped_recipes
from engine.request import Request

KNOWN = {  # digests of before there were placeholders, on which stored evidence hangs
    "desk": "018b8d1a389c8b98",
    "desk-plain": "c10d3e92ece1040a",
    "house": "e6c715157394f18e",
    "plain": "0fc6cc0cb896fffc",
}
ODD = Recipe(
    name='a "b"',
    version="1\n2",
    system='x\\n"""q"\r\n\x07\ttab\x7f "',
    template='{request}\n"',
    examples=(Example('"', '""\n"'), Example("", " \n ")),
    sampling=Sampling(temperature=0.5, top_k=3),
    chat_template=(("a b", [1, {"x": "y\n"}]), ("c", True), ("d", {})),
    placeholders=(("shop", 'q"""\n'),),
)


def test_digests_of_recipes_without_placeholders_are_what_they_were() -> None:
    assert {name: load_recipe(name).digest for name in shipped_recipes()} == KNOWN


def test_a_recipe_comes_back_from_its_toml_as_it_was() -> None:
    for recipe in (*map(load_recipe, shipped_recipes()), ODD, Recipe("a", "1")):
        assert parse_recipe(tomllib.loads(toml_of(recipe))) == recipe


def test_placeholders_are_filled_in_the_recipe_s_own_texts_alone() -> None:
    recipe = Recipe(
        *("a", "1", "On {{today}} for {{team}} at {{shop}} {{x}}", "{{today}}: {request}!"),
        examples=(Example("{{shop}}?", "{{today}}."),),
        placeholders=(("shop", "{request} {{today}}"),),
    )
    given = given_on(datetime(2026, 11, 28, 23, tzinfo=UTC), "us")
    assert [message.content for message in recipe.messages(Request("hi {{team}}", given=given))] == [
        *("On 2026-11-28 for us at {request} {{today}} {{x}}", "2026-11-28: {request} {{today}}?!", "2026-11-28."),
        "2026-11-28: hi {{team}}!",
    ]
    bare = Recipe("a", "1", "{{ x }} {{y}} {{", "{request} {{z}}")
    assert [message.content for message in bare.messages(Request("{request}", given=given))] == ["{{ x }} {{y}} {{", "{request} {{z}}"]


def test_the_request_s_placeholder_can_be_written_in_two_ways_and_is_one() -> None:
    one, other = (parse_recipe({"name": "a", "version": "1", "template": f"Ask: {each}"}) for each in ("{request}", "{{request}}"))
    assert one == other and one.messages(Request("x"))[0].content == "Ask: x"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"placeholders": {"today": "x"}}, "filled by itself"),
        ({"placeholders": {"Shop": "x"}}, "lower-case letters"),
        ({"placeholders": {"shop": 1}}, "table of texts"),
    ],
)
def test_placeholders_that_are_none_are_refused(table: dict[str, object], words: str) -> None:
    with pytest.raises(BadRecipe, match=words):
        parse_recipe({"name": "a", "version": "1", **table})


def test_what_looks_like_a_placeholder_and_is_none_is_found_with_its_place() -> None:
    check_placeholders(Recipe("a", "1", "{{shop}} {{today}} { {x} }", placeholders=(("shop", "{{ x }}"),)))
    for text in ("{{Shop}}", "{{ today }}", "{{}}"):
        with pytest.raises(BadRecipe, match="In example 1, answer stands"):
            check_placeholders(Recipe("a", "1", examples=(Example("x", text),)))
