"""A GGUF file becomes a folder of safetensors, once, in the user's cache. transformers reads it, and is imported only then."""

import errno
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from engine.backends.local.imports import light_imports, whole_transformers
from engine.errors import BadModel, first_line
from engine.folders import user_cache
from engine.parsing import read_json

KINDS = ("llama", "mistral", "qwen2", "qwen3")  # values of general.architecture that are read
FORM = 1  # of the folders that are written here; another one makes them anew
LEFT_S = 3600.0  # age in seconds from which an unfinished folder is nobody's any more
CHANGES = {  # keys of the files that say where, and by which version, they were written; without them the same GGUF gives the same folder
    "config.json": ("transformers_version", "_name_or_path", "_model_name_or_path"),
    "generation_config.json": ("transformers_version", "_from_model_config"),
    "tokenizer_config.json": ("is_local", "local_files_only", "name_or_path"),
}
Say = Callable[[str], None]  # is told what takes long, a sentence at a time


def unsaid(words: str) -> None:
    """Tell nobody."""


def bases_folder() -> Path:
    """The folder of the user's cache that holds bases."""
    return user_cache() / "bases"


def gguf_in(path: Path, name: str) -> Path | None:
    """Find the GGUF file that a path leads to: the file, or the one of a folder without safetensors. None: it leads to none.

    Raises BadModel for several, of which nobody can know the right one.
    """
    if path.is_file():
        return path if path.suffix.lower() == ".gguf" else None
    files = sorted(each for each in path.iterdir() if each.suffix.lower() == ".gguf")
    if not files or any(path.glob("*.safetensors")):
        return None
    if len(files) > 1:
        listed = ", ".join(each.name for each in files[:4]) + (" …" if len(files) > 4 else "")
        raise BadModel(f"The base model {name} holds {len(files)} GGUF files ({listed}). Name one of them: {files[0]}")
    return files[0]


def unpacked(file: Path, name: str, say: Say = unsaid) -> Path:
    """Find the folder of safetensors for a GGUF file, and make it the first time. Raises BadModel; `name` is the model's, for people."""
    try:
        stat = file.stat()
    except OSError as error:
        raise BadModel(f"The base model {name} cannot be read: {error.strerror}.") from error
    content = f"{file.resolve()} {stat.st_size} {stat.st_mtime_ns}"  # to read gigabytes at each start would take longer than to load them
    return converted(file, f"{file.stem[:60]}-{hashlib.sha256(content.encode()).hexdigest()[:12]}", name, say)


def converted(file: Path, key: str, name: str, say: Say = unsaid) -> Path:
    """Find the folder `key` of the cache, and write it from a GGUF file the first time: whole, or not at all. Raises BadModel."""
    folder = kept(key)
    if folder.is_dir():
        return folder
    say(f"Turning {file.name} into safetensors in {folder.parent}, once …")
    with beside(folder, name) as made:
        _convert(file, made, name)
    return folder


def kept(key: str) -> Path:
    """The folder of the cache that is called so, there or not."""
    return bases_folder() / f"{key}-{FORM}"


@contextmanager
def beside(folder: Path, name: str) -> Iterator[Path]:
    """Make a new folder that takes its place when the block ends well. Another process may do the same meanwhile: the first one stays.

    Raises BadModel when the disk does not take it. Nothing is left after an error; what a killed process left goes an hour later.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _clear(folder.parent)
        made = Path(tempfile.mkdtemp(prefix=".", suffix=f".{folder.name}", dir=folder.parent))
        try:
            yield made
            _take_place(made, folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise BadModel(f"The base model {name} cannot be kept in {folder.parent}: {error.strerror or first_line(error)}.") from error


def _take_place(made: Path, folder: Path) -> None:
    for file in made.iterdir():
        file.chmod(0o644)
    made.chmod(0o755)
    try:
        made.rename(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or not folder.is_dir():
            raise


def _clear(bases: Path) -> None:
    """Remove unfinished folders that nobody is writing any more."""
    for left in bases.glob(".*"):
        if left.is_dir() and time.time() - left.stat().st_mtime > LEFT_S:
            shutil.rmtree(left, ignore_errors=True)


def _convert(file: Path, into: Path, name: str) -> None:
    """Read a GGUF file with transformers and save what it holds. Raises BadModel, and OSError when it cannot be written."""
    with light_imports():
        whole_transformers()
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
        from transformers.integrations.gguf import GgufHeader  # type: ignore[attr-defined]
        from transformers.utils import logging as transformers_logging
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    with _read_once(), _in_words(file, name):
        header = GgufHeader.from_file(str(file))
        if header.architecture not in KINDS:
            raise BadModel(
                f"The base model {name} is a GGUF file of the kind {header.architecture!r}; {', '.join(KINDS)} are read. "
                "Name the folder of safetensors that it was made from."
            )
        options: dict[str, Any] = {"gguf_file": file.name, "local_files_only": True}
        tokenizer = AutoTokenizer.from_pretrained(file.parent, **options)
        model: Any = AutoModelForCausalLM.from_pretrained(
            file.parent, dtype=header.dtype or torch.bfloat16, quantization_config=GgufConfig(dequantize=True), **options
        )
    model.hf_quantizer = None  # else transformers refuses to save what it has unpacked
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(into)
    tokenizer.save_pretrained(into)
    for each, keys in CHANGES.items():
        _without(into / each, keys)


@contextmanager
def _in_words(file: Path, name: str) -> Iterator[None]:
    """Put what a library raises about a file from elsewhere into a sentence: it comes as any kind."""
    try:
        yield
    except BadModel:
        raise
    except Exception as error:
        raise BadModel(f"The base model {name} cannot be read from {file}: {first_line(error)}") from error


@contextmanager
def _read_once() -> Iterator[None]:
    """Have a file's head read once, which takes seconds, where transformers reads it three times; and without a bar of its own."""
    import gguf
    from transformers import modeling_gguf_pytorch_utils

    loader: Any = modeling_gguf_pytorch_utils
    reader, bar = gguf.GGUFReader, loader.tqdm
    gguf.GGUFReader, loader.tqdm = lru_cache(maxsize=1)(reader), partial(bar, disable=True)
    try:
        yield
    finally:
        gguf.GGUFReader, loader.tqdm = reader, bar


def _without(file: Path, keys: tuple[str, ...]) -> None:
    if not file.is_file():
        return
    table = {key: value for key, value in read_json(file).items() if key not in keys}
    file.write_text(json.dumps(table, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
