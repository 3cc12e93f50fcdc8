"""Files of rows, the tokenizer of a base, and rows written: the edges of the check."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from adapters.data.check import Lengths
from engine.errors import BadModel, BadRequest, first_line
from engine.lineup import base_folder
from engine.parsing import read_json
from engine.recipes import Recipe
from engine.request import Request
from engine.rows import Row, Rows, read_rows

MARKS = 8  # tokens that a chat template writes around a message, about


def read_file(path: Path) -> Rows:
    """Read the rows of a file, empty answers too. Raises BadRequest."""
    try:
        return read_rows([path.read_bytes()], str(path), blank=True)
    except (OSError, ValueError) as error:
        raise BadRequest(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error


def measured(rows: Sequence[Row], base: str, recipe: Recipe) -> Lengths:
    """Count the tokens of rows as the recipe lays them out for a base. Raises BadModel where the base has no tokenizer to count with."""
    folder = base_folder(base)
    try:
        tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        config = read_json(folder / "config.json")
    except Exception as error:  # tokenizers raises Exception itself
        raise BadModel(f"The tokens of {base} cannot be counted: {first_line(error)}") from error
    context = config.get("max_position_embeddings") if isinstance(config, dict) else None
    if not isinstance(context, int):
        raise BadModel(f"The config.json of {base} does not say how many tokens it takes (max_position_embeddings).")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    prompts = [recipe.messages(Request(row.text, row.history)) for row in rows]
    asked = _counts(tokenizer, ["\n".join(message.content for message in prompt) for prompt in prompts])
    answers = _counts(tokenizer, [row.references[0] if row.references else "" for row in rows])
    lengths = tuple(
        (tokens + MARKS * (len(prompt) + 1), answer + 1) for tokens, prompt, answer in zip(asked, prompts, answers, strict=True)
    )
    return Lengths(base, context, recipe.sampling.max_new_tokens, lengths)


def _counts(tokenizer: Any, texts: list[str]) -> list[int]:
    return [len(encoding) for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]


def write_rows(path: Path, rows: Iterable[Row], roles: Sequence[str] = (), folds: Sequence[int | None] = ()) -> None:
    """Write rows as JSON lines that read_rows reads. Raises BadRequest where the file is there already or cannot be written."""
    lines = []
    for number, row in enumerate(rows):
        table = _table(row)
        if roles:
            table["role"] = roles[number]
        if folds and folds[number] is not None:
            table["fold"] = folds[number]
        lines.append(json.dumps(table, ensure_ascii=False) + "\n")
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
    except FileExistsError as error:
        raise BadRequest(f"{path} is there already; name another file, and nothing is written over.") from error
    except OSError as error:
        raise BadRequest(f"{path} cannot be written: {error.strerror}.") from error


def _table(row: Row) -> dict[str, Any]:
    """A row in the form in which rows are written: messages where there is a system text, else request and history."""
    table: dict[str, Any] = {"id": row.id} if isinstance(row.id, str) else {}
    if row.system:
        said = [("system", row.system), *((turn.role, turn.text) for turn in row.history), ("user", row.text)]
        table["messages"] = [{"role": role, "content": text} for role, text in said]
    else:
        table["request"] = row.text
        if row.history:
            table["history"] = [{"role": turn.role, "text": turn.text} for turn in row.history]
    if row.references:
        table["answer"] = row.references[0] if len(row.references) == 1 else list(row.references)
    if row.tags:
        table["tags"] = list(row.tags)
    if row.role:
        table["role"] = row.role
    return table
