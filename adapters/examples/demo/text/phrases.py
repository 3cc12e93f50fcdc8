"""The phrases of the generator: text files of sections, a phrase a line, and the ways to draw from them.

`== name` opens a section. In a phrase `[a|b|]` draws one alternative and `{slot}` is filled. The files hold what people say, one file
for each fact and three for what stands around the facts; what a phrase means is in statements.py.
"""

import random
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("phrases")


@cache
def sections(file: str) -> dict[str, tuple[str, ...]]:
    """Read one file of the folder: section name -> its phrases."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in (FOLDER / f"{file}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            name = line[3:].strip()
            found.setdefault(name, [])
        elif line.strip():
            found[name].append(line.strip())
    return {name: tuple(phrases) for name, phrases in found.items()}


def phrase(rng: random.Random, file: str, section: str) -> str:
    """Draw one phrase of a section, its alternatives still open."""
    return rng.choice(sections(file)[section])
