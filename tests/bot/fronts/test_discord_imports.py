"""The Discord front's files: no circle of imports among them, and no class that does everything."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import bot.fronts.discord

FOLDER = Path(bot.fronts.discord.__file__).parent
PACKAGE = bot.fronts.discord.__name__
MOST_METHODS = 12


def module_of(file: Path) -> str:
    return ".".join((PACKAGE, *file.relative_to(FOLDER).with_suffix("").parts)).removesuffix(".__init__")


TREES = {module_of(file): ast.parse(file.read_text()) for file in FOLDER.rglob("*.py")}


def imported(tree: ast.AST) -> set[str]:
    """The front's files that a file names, also for types alone and within functions."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" if f"{node.module}.{alias.name}" in TREES else str(node.module) for alias in node.names}
    return found & set(TREES)


def test_no_circle_of_imports_not_even_one_of_types() -> None:
    TopologicalSorter({name: imported(tree) for name, tree in TREES.items()}).prepare()  # raises CycleError, which names the circle


def test_no_class_has_more_than_a_dozen_methods() -> None:
    many = {
        node.name: methods
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and (methods := sum(isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) for each in node.body)) > MOST_METHODS
    }
    assert not many
