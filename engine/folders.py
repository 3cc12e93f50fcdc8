"""Folders: of models and adapters as they come from elsewhere, with the way out when one is of another kind; and the cache's."""

from pathlib import Path

from platformdirs import user_cache_path

from engine.parsing import read_json

GGUF = "A GGUF adapter is for llama.cpp; the safetensors that it was converted from are needed."
PICKLE = "A .bin file is a pickle, which can run code and is not read; peft and transformers turn it into safetensors: "


def user_cache() -> Path:
    """Name the user's folder for what the program can make again."""
    return user_cache_path("duelbot", appauthor=False)


def way_out(folder: Path, wanted: str) -> str:
    """Say what to do with a folder or file that is no `wanted` ("base model", "adapter"); "" where nothing is known."""
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
    if wanted == "adapter" and any(name.endswith(".gguf") for name in names) and not weights:
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
    """Read what the config of the adapter in a folder calls its base model; "" where it says nothing."""
    try:
        name = read_json(folder / "adapter_config.json")["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return name[:200] if isinstance(name, str) else ""
