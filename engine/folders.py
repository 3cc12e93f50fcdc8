"""Folders of models and adapters as they come from elsewhere: their JSON, and the way out when one is of another kind."""

import json
import math
from pathlib import Path
from typing import Any

GGUF = "A GGUF file is for llama.cpp; the safetensors that it was converted from are needed."
PICKLE = "A .bin file is a pickle, which can run code and is not read; peft and transformers turn it into safetensors: "


def read_json(path: Path) -> Any:
    """Read a JSON file, with or without a byte order mark.

    Raises OSError, and ValueError in words: not JSON, not UTF-8, a key twice in one table, a number that JSON does not know
    (NaN, Infinity, beyond the range of a float), a number too long, or nested too deeply.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_table, parse_constant=_refuse, parse_float=_finite)
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8 text") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)[:80]!r} stands there twice")
    return table


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:80]} is beyond the range of a number")
    return number


def way_out(folder: Path, wanted: str) -> str:
    """What to do with a folder or file that is no "base model" or no "adapter", as `wanted` says; "" where nothing is known."""
    try:
        names = [folder.name] if folder.is_file() else sorted(path.name for path in folder.iterdir())
        steps = [name for name in names if name.startswith("checkpoint-") and (folder / name).is_dir()]
    except OSError:
        return ""
    if folder.is_file() and folder.suffix == ".safetensors":
        return f"Name the folder that holds the file: {folder.parent}."
    if steps:
        latest = max(steps, key=lambda name: (len(name), name))  # numbers without leading zeros
        return f"It holds {', '.join(steps)}: name one of them, {folder / latest} for the latest."
    if wanted == "adapter" and "adapter_model.bin" in names:
        return f'{PICKLE}AutoPeftModelForCausalLM.from_pretrained("{folder}").save_pretrained("NEW_FOLDER").'
    if wanted == "base model" and "adapter_config.json" in names:
        return f"It holds an adapter: name it with DUEL_ADAPTER, and with DUEL_BASE_MODEL {named_base(folder) or 'its base'}."
    weights = any(name.endswith(".safetensors") for name in names)
    if any(name.endswith(".gguf") for name in names) and not weights:
        return GGUF
    if any(name.endswith(".bin") for name in names) and not weights:
        return f'{PICKLE}AutoModelForCausalLM.from_pretrained("{folder}").save_pretrained("NEW_FOLDER").'
    if wanted == "adapter" and "config.json" in names:
        return (
            "It holds a whole model, perhaps with an adapter merged into it: a duel needs the adapter as it was before the merge, "
            "and its base with DUEL_BASE_MODEL."
        )
    return ""


def named_base(folder: Path) -> str:
    """What the config of the adapter in a folder calls its base model; "" where it says nothing."""
    try:
        name = read_json(folder / "adapter_config.json")["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return name[:200] if isinstance(name, str) else ""
