"""An adapter for other programs: peft's folder, one model with the adapter merged into it, GGUF for llama.cpp, and vLLM's line.

torch, transformers and peft are imported by the merge alone.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.backends.local.imports import light_imports
from engine.card import FILE as CARD_FILE
from engine.contestants import Adapter
from engine.errors import BadAdapter
from engine.plain_lora import CONFIG, WEIGHTS, check_plain
from engine.trained_on import FILE as TRAINED_FILE

CONVERTER = "convert_lora_to_gguf.py"  # of llama.cpp
CLOSE = 1e-3  # by how much a logit of the merged model may differ, of the largest one: float32 adds up in another order
PROBES = ("Which technique answers better?", "The blue teapot arrived without its lid. What now?", "0123456789")
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # values that vLLM's --max-lora-rank takes
PEFT_FILES = (CONFIG, WEIGHTS, CARD_FILE, TRAINED_FILE)


@dataclass(frozen=True, slots=True)
class Merged:
    """A model with an adapter merged into it, and how near it is to both apart."""

    folder: Path
    differs: float  # the largest difference of a logit, as a share of the largest logit


def export_peft(adapter: Adapter, out: Path) -> Path:
    """Copy an adapter as peft's folder, with its card and its list of trained requests. Raises BadAdapter where `out` is there."""
    _refuse_there(out)
    out.mkdir(parents=True)
    for name in PEFT_FILES:
        if (file := Path(adapter.folder) / name).is_file():
            shutil.copyfile(file, out / name)
    return out


def export_merged(adapter: Adapter, base: Path, out: Path) -> Merged:
    """Write the base with the adapter merged into it, in float32, and read it again to compare its logits with those of both apart.

    base: the base's folder. Raises BadAdapter where they differ by more than CLOSE, or `out` is there; then nothing is left.
    """
    _refuse_there(out)
    with light_imports():
        import torch
        from peft import PeftModel
        from transformers import AutoModelForCausalLM, AutoTokenizer
    check_plain(Path(adapter.folder), adapter.name)
    beside = out.with_name(f".{out.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(base)
        model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        tuned: Any = PeftModel.from_pretrained(model, adapter.folder)
        ids = [torch.tensor([tokenizer(probe).input_ids]) for probe in PROBES]
        with torch.no_grad():
            apart = [tuned(input_ids=each).logits for each in ids]
            tuned.merge_and_unload().save_pretrained(beside)
            tokenizer.save_pretrained(beside)
            again: Any = AutoModelForCausalLM.from_pretrained(beside, dtype=torch.float32)
            pairs = [(one, again(input_ids=each).logits) for one, each in zip(apart, ids, strict=True)]
        differs = max(float((one - two).abs().max() / one.abs().max()) for one, two in pairs)
        if not differs <= CLOSE:
            raise BadAdapter(
                f"The merged model gives other logits than {adapter.named} on its base: they differ by {differs:.1e} of the largest one."
            )
        beside.rename(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Merged(out, differs)


def export_gguf(adapter: Adapter, base: Path, out: Path, converter: Path | None = None) -> Path:
    """Have llama.cpp's converter write the adapter as a GGUF file. Raises BadAdapter where it is not installed, or fails."""
    _refuse_there(out)
    found = converter or next((Path(path) for path in [shutil.which(CONVERTER)] if path), None)
    if found is None or not found.is_file():
        raise BadAdapter(
            f"llama.cpp's converter is not here{f' ({found})' if found else ''}. Get llama.cpp's sources, and name the file with "
            f"--converter LLAMA_CPP/{CONVERTER}, or put it on the PATH."
        )
    command = [sys.executable, str(found), "--base", str(base), "--outfile", str(out), "--outtype", "f16", adapter.folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not out.is_file():
        said = (done.stderr or done.stdout).strip().splitlines()
        raise BadAdapter(f"llama.cpp's converter failed: {said[-1][:300] if said else f'it ended with {done.returncode}'}")
    return out


def vllm_line(adapter: Adapter, base: str) -> str:
    """Write the command by which vLLM serves an adapter on its base. base: as vLLM shall find it."""
    rank = int(check_plain(Path(adapter.folder), adapter.name).get("r", 8))
    most = next((each for each in RANKS if each >= rank), rank)
    name = adapter.name.replace(" ", "-")
    return f"vllm serve {base} --enable-lora --lora-modules {name}={adapter.folder} --max-lora-rank {most}"


def _refuse_there(out: Path) -> None:
    if out.exists():
        raise BadAdapter(f"There is something at {out} already; nothing is written over.")
