"""Regular expressions that people write, run with a time limit: one that takes for ever must not hold everybody up.

They are those of the `regex` package, which understands Python's own and stops when told; it lets other threads run meanwhile.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import regex  # type: ignore[import-untyped]

from engine.parsing import Malformed, is_text, shown

MOST_CHARACTERS = 2000  # of a pattern: compiling cannot be stopped
MOST_WORDS = 20_000  # characters of a list of words
LARGEST = 5000  # atoms of a pattern with its counted repeats written out, as compiling does
WORDS = r"(?<!\w)\L<words>(?!\w)"


_ATOM = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(?P<least>\d*)(?:,\d*)?\}|.", re.DOTALL)
_ODD = re.compile(r"\(\?#|\(\?[A-Za-z0-9]*[xV]|\[[^\]]*\[")  # comments and sets within sets: brackets that are none


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled expression, told apart by its text."""

    source: str
    _compiled: Any

    def found_in(self, text: str, limit_s: float) -> bool:
        """Whether it is found anywhere in the text. Blocks up to limit_s seconds; raises TimeoutError then."""
        try:
            return self._compiled.search(text, timeout=max(limit_s, 1e-6), concurrent=True) is not None
        except (MemoryError, RecursionError) as error:
            raise TimeoutError(f"{shown(self.source)} needs too much memory") from error


def compile_pattern(source: str) -> Pattern:
    """Compile an expression of a person. Raises Malformed for a wrong one, and for one that would take too long to compile."""
    if not is_text(source):
        raise Malformed("It is no text.")
    if len(source) > MOST_CHARACTERS:
        raise Malformed(f"It has {len(source):,} characters; at most {MOST_CHARACTERS:,} are taken.")
    if _size(source) > LARGEST:
        raise Malformed(f"Written out, its counted repeats make it longer than {LARGEST:,} parts.")
    return _compiled(source, source)


def _size(source: str) -> int:
    """How many atoms it has once its counted repeats are written out; where that cannot be told in one walk, the most it can be."""
    counts = [max(1, int(found["least"])) for found in _ATOM.finditer(source) if found["least"]]
    if _ODD.search(source):
        return len(source) + math.prod(counts)
    outer, size, last = list[int](), 0, 0  # sizes around the open groups, of this one up to its last atom, and of that
    for found in _ATOM.finditer(source):
        mark = found[0]
        if found["least"]:
            last *= max(1, int(found["least"]))
        elif mark == "(":
            outer.append(size + last)
            size = last = 0
        elif mark == ")" and outer:
            size, last = outer.pop(), size + last
        else:
            size, last = size + last, 1
    return sum(outer) + size + last


def any_word(words: Sequence[str]) -> Pattern:
    """Compile a list of words: any of them is found as a whole word, whatever its case. Raises Malformed."""
    if (length := sum(map(len, words))) > MOST_WORDS:
        raise Malformed(f"The words have {length:,} characters together; at most {MOST_WORDS:,} are taken.")
    return _compiled(" | ".join(words), WORDS, words=list(words))


def whatever_case(source: str) -> Pattern:
    """Compile an expression that is found whatever the case of letters. Raises as `compile_pattern`."""
    compile_pattern(source)
    return _compiled(source, source, regex.IGNORECASE)


def _compiled(name: str, source: str, flags: int = 0, **lists: list[str]) -> Pattern:
    try:
        return Pattern(name, regex.compile(source, flags | (regex.IGNORECASE if lists else 0), **lists))
    except regex.error as error:
        raise Malformed(f"It is wrong: {error}.") from error
    except ValueError as error:
        raise Malformed("Its flags do not go together.") from error
    except (RecursionError, OverflowError, MemoryError) as error:
        raise Malformed("It is nested or repeated too deeply.") from error
