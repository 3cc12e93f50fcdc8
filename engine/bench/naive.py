"""The yardstick: transformers' generate() with peft, one answer after the other, nothing kept between them, the adapter as a mode."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from engine.backends.local.loading import load_base
from engine.backends.local.peft_lora import quiet_peft
from engine.bench.plan import Ask
from engine.bench.samples import Timed, timed
from engine.contestants import Arm


class Naive:
    """A model of its own, asked as most programs ask."""

    def __init__(self, base: Path, adapter: Path, threads: int) -> None:
        """threads: of the processor; 0: as many as torch takes by itself."""
        if threads:
            torch.set_num_threads(threads)
        loaded = load_base(base, "naive", "float32", "cpu")
        with quiet_peft():
            self._model: Any = PeftModel.from_pretrained(loaded.model, str(adapter))

    def answer(self, asks: Sequence[Ask], new_tokens: int) -> list[Timed]:
        """Write the answers one after the other, of so many tokens each."""
        start = time.perf_counter()
        return [self._one(ask, new_tokens, start) for ask in asks]

    def _one(self, ask: Ask, new_tokens: int, start: float) -> Timed:
        heard = _Clocked(start)
        ids = torch.tensor([ask.prompt])
        options = {"attention_mask": torch.ones_like(ids), "max_new_tokens": new_tokens, "do_sample": False, "streamer": heard}
        with torch.inference_mode():
            if ask.arm is Arm.TUNED:
                self._model.generate(input_ids=ids, **options)
            else:
                with self._model.disable_adapter():
                    self._model.generate(input_ids=ids, **options)
        return timed(ask.arm, heard.tokens, heard.at)


class _Clocked:
    """What generate() calls a streamer: it hears the prompt first, then each token."""

    def __init__(self, start: float) -> None:
        self.tokens: list[int] = []
        self.at: list[float] = []
        self._start, self._prompt = start, True

    def put(self, tokens: Any) -> None:
        if self._prompt:
            self._prompt = False
            return
        self.tokens.append(int(tokens))
        self.at.append(time.perf_counter() - self._start)

    def end(self) -> None:
        pass
