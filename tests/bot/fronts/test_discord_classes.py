"""The Discord front's files: no class that does everything."""

import ast
from pathlib import Path

import bot.fronts.discord

FOLDER = Path(bot.fronts.discord.__file__).parent
MOST_METHODS = 12


def test_no_class_has_more_than_a_dozen_methods() -> None:
    many = {
        node.name: methods
        for file in FOLDER.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        and (methods := sum(isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) for each in node.body)) > MOST_METHODS
    }
    assert not many
