"""The demo's own map shows each of its files, by its path."""

import re
from pathlib import Path

import pytest

from adapters.examples import demo

pytestmark = pytest.mark.demo


def test_the_map_shows_every_file_in_an_order_in_which_none_imports_a_later_one() -> None:
    home = Path(demo.__file__).parent
    [shown] = re.findall(r"## The map.*?```\n(.*?)```", (home / "README.md").read_text(), re.DOTALL)
    folder, paths = "", list[str]()
    for indent, name in re.findall(r"^( *)(\S+)", shown, re.MULTILINE):
        if name.endswith("/"):
            folder = name
        else:
            paths.append((folder if indent else "") + name)
    python = [path for path in paths if path.endswith(".py")]
    there = {path.relative_to(home).as_posix() for path in home.rglob("*.py") if path.name != "__init__.py"}
    assert len(python) == len(set(python)) and set(python) == there
    for at, path in enumerate(python):
        imported = re.findall(r"from adapters\.examples\.demo\.?([\w.]*) import (.*)", (home / path).read_text())
        names = {f"{module.replace('.', '/')}.py" for module, _ in imported}
        names |= {f"{module.replace('.', '/')}/{name.strip()}.py".lstrip("/") for module, many in imported for name in many.split(",")}
        assert not names & set(python[at + 1 :]), path
