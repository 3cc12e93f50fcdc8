"""The rules of the house that a machine can check: the tree is the flow, and heavy libraries stay behind their fences."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FLOW = """
engine.errors engine.named engine.parsing engine.patterns engine.folders engine.plain_lora engine.request engine.rows
engine.recipes engine.card engine.trained_on engine.contestants engine.kit engine.backends.base engine.backends.scripted
engine.cost engine.shipped engine.settings engine.backends.local engine.duel engine.lineup engine
adapters
bot.errors bot.address bot.margins bot.settings bot.words bot.tags bot.ballots bot.views bot.evidence bot.verdict bot.charts bot.migrations
bot.store bot.app bot.fronts bot
""".split()  # noqa: SIM905
"""A file imports only what comes before it here, or what stands in the same line item."""

FENCES = {
    "torch": ("engine/backends/local/", "adapters/demo/"),
    "transformers": ("engine/backends/local/", "adapters/demo/"),
    "peft": ("engine/backends/local/", "adapters/demo/"),
    "aiosqlite": ("bot/store",),
    "sqlite3": ("bot/store",),
    "nicegui": ("bot/fronts/web",),
    "discord": ("bot/fronts/discord",),
    "prompt_toolkit": ("bot/fronts/terminal",),
    "matplotlib": ("bot/charts",),
}
FILES = sorted(path.relative_to(ROOT) for package in ("engine", "adapters", "bot") for path in (ROOT / package).rglob("*.py"))


def place(module: str) -> int:
    """Where a module stands in the flow: its own item, or its nearest package's."""
    parts = module.split(".")
    while ".".join(parts) not in FLOW:
        parts.pop()
    return FLOW.index(".".join(parts))


def imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports by their full names"
            found |= {str(node.module)}
    return found


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_file_imports_only_what_comes_before_it(file: Path) -> None:
    own = place(".".join(file.with_suffix("").parts))
    ours = {name for name in imports(file) if name.split(".")[0] in ("engine", "adapters", "bot")}
    assert not {name for name in ours if place(name) > own}


@pytest.mark.parametrize("file", FILES, ids=str)
def test_heavy_libraries_stay_behind_their_fences(file: Path) -> None:
    for name in imports(file):
        fence = FENCES.get(name.split(".")[0])
        assert fence is None or file.as_posix().startswith(fence), f"{name} belongs into {fence}"


def test_every_file_is_shown_in_the_readme() -> None:
    shown = (ROOT / "README.md").read_text()
    assert not [str(file) for file in FILES if file.name != "__init__.py" and file.name not in shown]
