"""The form in which a recipe is edited, and what comes out of it."""

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from nicegui.element import Element

from engine.errors import BadRecipe
from engine.recipe_text import toml_values
from engine.recipes import Recipe, Sampling


class RecipeForm(Element, component="duel_recipe.js"):
    """System text, template, examples, sampling and the rest of a recipe.

    Events: `draft` with what the form holds, when the person pauses; `save` with {draft, reason, use}.
    """

    def __init__(self, recipe: Recipe, draft: str) -> None:
        """draft: the name under which the browser keeps what is not saved."""
        super().__init__()
        self.props["recipe"] = fields_of(recipe)
        self.props["draft"] = draft

    def add_example(self, user: str, assistant: str) -> None:
        """Add an example at the end."""
        self.run_method("add", {"user": user, "assistant": assistant})

    def saved(self) -> None:
        """Empty the reason: what was typed is kept."""
        self.run_method("saved")

    def refused(self) -> None:
        """Leave everything where it is, to be changed and saved again."""
        self.run_method("refused")


def fields_of(recipe: Recipe) -> dict[str, Any]:
    """Spell a recipe out as the form holds it. Pure."""
    sampling = toml_values({each.name: getattr(recipe.sampling, each.name) for each in fields(Sampling)})
    return {
        "name": recipe.name,
        "system": recipe.system,
        "template": recipe.template.replace("{request}", "{{request}}"),
        "examples": [{"user": each.user, "assistant": each.assistant} for each in recipe.examples],
        "sampling": [{"name": name, "text": text} for name, text in sampling.items()],
        "chat_template": "\n".join(f"{key} = {text}" for key, text in toml_values(dict(recipe.chat_template)).items()),
        "placeholders": [list(pair) for pair in recipe.placeholders],
    }


def table_of(held: Any) -> dict[str, Any]:
    """Turn what the form holds into a recipe's table; what it means is checked where it is saved. Raises BadRecipe. Pure."""
    if not isinstance(held, Mapping):
        raise BadRecipe("The form came without its fields. Load the page again.")
    rows = {name: held.get(name) or [] for name in ("sampling", "placeholders", "examples")}
    shots = [one for one in rows["examples"] if one.get("user") or one.get("assistant")]
    return {
        **{name: _typed(str(held.get(name, ""))) for name in ("name", "system", "template")},
        "examples": [{name: _typed(str(one.get(name, ""))) for name in ("user", "assistant")} for one in shots],
        "sampling": {str(one["name"]): _read(str(one["text"]), f"sampling.{one['name']}") for one in rows["sampling"]},
        "chat_template": _parsed(str(held.get("chat_template", "")), "The variables of the chat template are no TOML"),
        "placeholders": {str(name).strip(): str(text) for name, text in rows["placeholders"] if str(name).strip()},
    }


def _typed(text: str) -> str:
    return text.replace("\r\n", "\n")


def _read(text: str, name: str) -> Any:
    return _parsed(f"value = {text.strip()}", f"{name} is no number or text as TOML writes it")["value"]


def _parsed(text: str, why: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadRecipe(f"{why}: {error}.") from error
