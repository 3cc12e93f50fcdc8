"""The yardstick of `python -m engine bench`: transformers' generate() with peft, one side after the other."""

import time
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from engine.backends.base import Prompt
from engine.backends.local.loading import load_base
from engine.backends.local.lora import quiet_peft
from engine.contestants import Adapter


class Naive:
    """A model of its own, asked as most programs ask: one prompt after the other, nothing kept between them, the adapter as a mode."""

    def __init__(self, folder: Path, adapter: Adapter | None, dtype: str, device: str) -> None:
        loaded = load_base(folder, "naive", dtype, device)
        self._tokenizer, self._device = loaded.tokenizer, device
        self._tuned = adapter is not None
        with quiet_peft():
            self._model: Any = loaded.model if adapter is None else PeftModel.from_pretrained(loaded.model, adapter.folder)

    def answer(self, prompts: list[Prompt]) -> tuple[float, list[str]]:
        """Answer the prompts one after the other. Returns the seconds that took, and the texts."""
        start = time.perf_counter()
        texts = [self._one(prompt) for prompt in prompts]
        return time.perf_counter() - start, texts

    def _one(self, prompt: Prompt) -> str:
        chat = [{"role": message.role, "content": message.content} for message in prompt.messages]
        ids = self._tokenizer.apply_chat_template(
            chat, add_generation_prompt=True, return_tensors="pt", return_dict=True, **dict(prompt.chat_template)
        ).to(self._device)
        options = {"max_new_tokens": prompt.sampling.max_new_tokens, "do_sample": False, "pad_token_id": self._tokenizer.eos_token_id}
        with torch.inference_mode():
            if prompt.adapter is None and self._tuned:
                with self._model.disable_adapter():
                    out = self._model.generate(**ids, **options)
            else:
                out = self._model.generate(**ids, **options)
        text: str = self._tokenizer.decode(out[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
        return text
