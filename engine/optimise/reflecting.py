"""Instructions rewritten by another model, behind any server with OpenAI's interface: it is shown rows that went wrong, and says it better.

What it says is kept beside the answers, so a search that goes on after a stop hears the same again. The server's own cost is in no budget:
at most one request a generation is made of it.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from engine.errors import BackendError
from engine.recipes import Recipe
from engine.rows import Row

FILE = "reflections.json"
MOST_ROWS = 6  # that it is shown
MOST_CHARACTERS = 600  # of a request or an answer that it is shown
LIMIT_S = 120.0
TEMPERATURE = 0.7
FENCE = "```"
ASKED = """\
A small language model is told what to do by this instruction, and gets some of these requests wrong.

The instruction:
{fence}
{system}
{fence}

Requests that it got wrong, with the answer that is wanted and the one that it gave:
{rows}

Write a better instruction for it: short, concrete, naming every value that may be answered, and with nothing of these requests in it.
Answer with the new instruction alone, between two lines of three backquotes.
"""


@dataclass(frozen=True, slots=True)
class WrongRow:
    """A row that a recipe got wrong."""

    row: Row
    said: str


class Reflection:
    """The other model, and what it has said so far."""

    def __init__(self, url: str, model: str, key: str = "", folder: Path | None = None) -> None:
        """url: of the interface, as http://127.0.0.1:8000/v1. folder: keeps what it says; None: nothing is kept."""
        self._url, self._model, self._key = url.rstrip("/"), model, key
        self._file = folder / FILE if folder else None
        self._known: dict[str, str] = json.loads(self._file.read_text(encoding="utf-8")) if self._file and self._file.is_file() else {}

    async def rewritten(self, recipe: Recipe, wrong: Sequence[WrongRow]) -> str:
        """Return a new system text for a recipe that got these rows wrong; "" where the model gave none. Raises BackendError."""
        asked = question(recipe, wrong[:MOST_ROWS])
        key = hashlib.sha256(f"{self._model}\n{asked}".encode(errors="replace")).hexdigest()[:16]
        if key not in self._known:
            self._known[key] = instruction_in(await self._said(asked))
            self._keep()
        return self._known[key]

    async def _said(self, asked: str) -> str:
        headers = {"authorization": f"Bearer {self._key}"} if self._key else {}
        body = {"model": self._model, "temperature": TEMPERATURE, "messages": [{"role": "user", "content": asked}]}
        try:
            async with httpx.AsyncClient(timeout=LIMIT_S) as client:
                answer = await client.post(f"{self._url}/chat/completions", json=body, headers=headers)
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise BackendError("server", f"The model that rewrites instructions cannot be reached at {self._url}: {why}.") from error
        if answer.status_code != httpx.codes.OK:
            raise BackendError("server", f"The model that rewrites instructions refused ({answer.status_code}): {answer.text[:200]}")
        try:
            return str(answer.json()["choices"][0]["message"]["content"])
        except (ValueError, LookupError, TypeError) as error:
            raise BackendError("server", f"{self._url} gave no answer of the form that OpenAI's interface has.") from error

    def _keep(self) -> None:
        if self._file:
            new = self._file.with_suffix(".new")
            new.write_text(json.dumps(self._known, ensure_ascii=False), encoding="utf-8")
            new.replace(self._file)


def question(recipe: Recipe, wrong: Sequence[WrongRow]) -> str:
    """Write what the other model is asked. Pure."""
    rows = "\n\n".join(
        f"Request: {_short(each.row.text)}\nWanted: {_short(each.row.references[0])}\nGiven: {_short(each.said) or '(nothing)'}"
        for each in wrong
    )
    return ASKED.format(fence=FENCE, system=recipe.system or "(none)", rows=rows)


def instruction_in(said: str) -> str:
    """Find the instruction in what the model said: what stands between backquotes, else all of it. Pure."""
    parts = said.split(FENCE)
    inner = parts[1] if len(parts) >= 3 else said.replace(FENCE, "")
    head, _, rest = inner.partition("\n")
    return (rest if len(parts) >= 3 and rest.strip() and len(head.split()) <= 1 else inner).strip()


def _short(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
