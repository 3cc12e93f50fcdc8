"""Adapters as an argument of a row, never a mode of the model; and the proof that one is alive.

peft loads the weights and does the arithmetic (`adapter_names`, "__base__" for none). Instead of registering its
hooks anew at every step, each LoRA layer gets one hook for good that reads the names of the step's rows.
"""

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftConfig, PeftModel, set_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from engine.contestants import Adapter, Base
from engine.errors import BadAdapter
from engine.recipes import Recipe

NONE = "__base__"
LEAST_DIFFERENCE = 1e-3
"""Total variation between next-token distributions, at the probe where it is largest, below which an adapter is dead."""
PROBES = (
    "We have 300 labelled support tickets and answers must change every week. What should we do?",
    "Hello, what can you do?",
    "Summarise this in one sentence: the meeting was moved from Monday to Thursday.",
)


@contextmanager
def quiet_peft() -> Iterator[None]:
    """peft 0.21 asks transformers 5.23 by an old name; that warning is nobody's business here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        yield


class LoraRows:
    """The adapters on one base model. `names` says, row by row, which one the next forward uses."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._peft: Any = None
        self._hooked: set[int] = set()
        self.names: list[str] = []

    def add(self, adapter: Adapter) -> None:
        """Load an adapter's weights beside the base's. Raises BadAdapter and leaves the base as it was."""
        config, weights = self._read(adapter)
        try:
            self._attach(adapter.digest, config)
            result: Any = set_peft_model_state_dict(self._peft, weights, adapter_name=adapter.digest)
        except (ValueError, RuntimeError, KeyError) as error:
            self.drop(adapter)
            raise BadAdapter(
                f"The adapter {adapter.name} does not fit the base model: its layers or their shapes are another model's."
            ) from error
        absent = [key for key in result.missing_keys if adapter.digest in key and "lora_" in key]
        if absent or result.unexpected_keys:
            self.drop(adapter)
            raise BadAdapter(
                f"The adapter {adapter.name} does not fit the base model: {len(absent)} of its weights are missing "
                f"and {len(result.unexpected_keys)} belong to no layer."
            )
        self._peft.eval().requires_grad_(False)
        self._hook()

    def _attach(self, name: str, config: LoraConfig) -> None:
        with quiet_peft():
            if self._peft is None:
                self._peft = PeftModel(self._model, config, adapter_name=name)
            else:
                self._peft.add_adapter(name, config)

    def drop(self, adapter: Adapter) -> None:
        """Forget an adapter; its rows must have ended."""
        if self._peft is not None and adapter.digest in self._peft.peft_config:
            self._peft.delete_adapter(adapter.digest)

    def _read(self, adapter: Adapter) -> tuple[LoraConfig, dict[str, Tensor]]:
        folder = Path(adapter.folder)
        try:
            config = PeftConfig.from_pretrained(str(folder))
            weights = load_file(folder / "adapter_model.safetensors")
        except (OSError, ValueError, TypeError, KeyError, json.JSONDecodeError, SafetensorError) as error:
            raise BadAdapter(f"The adapter {adapter.name} cannot be read: {type(error).__name__}, {str(error)[:200]}") from error
        if not isinstance(config, LoraConfig):
            raise BadAdapter(f"The adapter {adapter.name} is a {config.peft_type} adapter; Duelbot runs LoRA adapters.")
        for option, plain in (("bias", "none"), ("modules_to_save", None), ("use_dora", False), ("trainable_token_indices", None)):
            if (value := getattr(config, option)) != plain and value:
                raise BadAdapter(
                    f"The adapter {adapter.name} uses {option}={value}, which would change the base model for everybody; "
                    "Duelbot runs plain LoRA."
                )
        config.inference_mode = True
        return config, weights

    def _hook(self) -> None:
        def name_rows(module: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
            return args, kwargs | {"adapter_names": self.names}

        for module in self._model.modules():
            if isinstance(module, LoraLayer) and id(module) not in self._hooked:
                module.register_forward_pre_hook(name_rows, with_kwargs=True)  # type: ignore[attr-defined]
                self._hooked.add(id(module))


def check_made_for(adapter: Adapter, base: Base, plain: Recipe) -> None:
    """Raises BadAdapter when the adapter's card names another base or another plain recipe than the ones in use."""
    if adapter.base_revision is not None and adapter.base_revision != base.revision:
        raise BadAdapter(
            f"The adapter {adapter.name} {adapter.version} was trained on base revision {adapter.base_revision[:12]}, "
            f"but {base.name} is {base.revision[:12]}. Set DUEL_ADAPTER to an adapter made for this base."
        )
    if adapter.recipe_digest is not None and adapter.recipe_digest != plain.digest:
        raise BadAdapter(
            f"The adapter {adapter.name} {adapter.version} was trained with another plain recipe (digest {adapter.recipe_digest}) "
            f"than {plain.name} {plain.version} ({plain.digest}). Set DUEL_PLAIN_RECIPE to the one it was trained with."
        )


def check_alive(adapter: Adapter, pairs: Sequence[tuple[Tensor, Tensor]], least: float = LEAST_DIFFERENCE) -> float:
    """The largest total variation between next-token distributions with and without the adapter.

    pairs: for each probe the logits (vocabulary,) of the base and of the adapter. Total variation is half the sum of
    absolute differences, 0 to 1. Raises BadAdapter for a dead adapter and for one that yields no numbers.
    """
    if not all(bool(tuned.isfinite().all()) for _, tuned in pairs):
        raise BadAdapter(f"The adapter {adapter.name} makes the model's output not a number; it is damaged.")
    largest = max(float((base.float().softmax(-1) - tuned.float().softmax(-1)).abs().sum() / 2) for base, tuned in pairs)
    if largest < least:
        raise BadAdapter(
            f"The adapter {adapter.name} is dead: on {len(pairs)} probe requests its next-token distribution differs from the base's "
            f"by at most {largest:.2g} (at least {least:g} is needed). Both sides of a duel would be the same model."
        )
    return largest
