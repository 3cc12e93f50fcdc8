"""Adapters as an argument of a row, never a mode of the model; and the proof that one is alive.

peft loads the weights and does the arithmetic (`adapter_names`, "__base__" for none). Instead of registering its
hooks anew at every step, each LoRA layer gets one hook for good that reads the names of the step's rows.
"""

import warnings
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftModel, set_peft_model_state_dict
from peft.tuners.lora import Linear, LoraLayer
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from engine.contestants import Adapter
from engine.errors import BadAdapter
from engine.plain_lora import ATTENTION_ONLY, check_plain
from engine.settings import LEAST_DIFFERENCE

NONE = "__base__"
PROBES = (
    "We have 300 labelled support tickets and answers must change every week. What should we do?",
    "Hello, what can you do?",
    "Summarise this in one sentence: the meeting was moved from Monday to Thursday.",
)


@contextmanager
def quiet_peft() -> Iterator[None]:
    """peft warns of what matters in training, of patterns that match no layer, and asks transformers 5.23 by an old name.

    What makes an adapter unfit is an error here, found by looking.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
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
        with self.undone_if_refused():
            try:
                self._attach(adapter.digest, config)
                result: Any = set_peft_model_state_dict(self._peft, weights, adapter_name=adapter.digest)
            except Exception as error:  # a config from elsewhere ends peft in any kind
                raise BadAdapter(
                    f"The adapter {adapter.name} does not fit the base model: {' '.join(str(error).split())[:300] or type(error).__name__}"
                ) from error
            absent = [key for key in result.missing_keys if adapter.digest in key and "lora_" in key]
            if absent or result.unexpected_keys:
                raise BadAdapter(
                    f"The adapter {adapter.name} does not fit the base model: {len(absent)} of its weights are missing "
                    f"and {len(result.unexpected_keys)} belong to no layer."
                )
            self._check_layers(adapter)
            self._peft.eval().requires_grad_(False)
            self._hook()

    @contextmanager
    def undone_if_refused(self) -> Iterator[None]:
        """Put every module back as it was when what happens inside fails: layers that were wrapped, entries that were added.

        Tensors are kept by reference, not copied; nothing that plain LoRA does writes into the base's.
        """
        root: Any = self._peft or self._model
        before = [(module, {name: _shallow(value) for name, value in module.__dict__.items()}) for module in root.modules()]
        peft, hooked = self._peft, set(self._hooked)
        try:
            yield
        except BaseException:
            for module, attributes in before:
                module.__dict__.clear()
                module.__dict__.update(attributes)
            self._peft, self._hooked = peft, hooked
            raise

    def _attach(self, name: str, config: LoraConfig) -> None:
        with quiet_peft():
            if self._peft is None:
                self._peft = PeftModel(self._model, config, adapter_name=name)
            else:
                self._peft.add_adapter(name, config)

    def _check_layers(self, adapter: Adapter) -> None:
        """Raises BadAdapter for a layer that peft cannot run for a part of a batch, such as the experts of a mixture."""
        for name, module in self._model.named_modules():
            if isinstance(module, LoraLayer) and adapter.digest in module.lora_A and not isinstance(module, Linear):
                raise BadAdapter(
                    f"The adapter {adapter.name} trains {name}, which is no linear layer but {type(module.get_base_layer()).__name__}: "
                    f"peft cannot run that for some rows of a batch alone, while both sides of a duel share one. {ATTENTION_ONLY}"
                )

    def _read(self, adapter: Adapter) -> tuple[LoraConfig, dict[str, Tensor]]:
        table = check_plain(Path(adapter.folder), adapter.name)
        known = {field.name for field in fields(LoraConfig)} - {"runtime_config"}
        try:
            config = LoraConfig(**{name: value for name, value in table.items() if name in known} | {"inference_mode": True})
            weights = load_file(Path(adapter.folder) / "adapter_model.safetensors")
        except (OSError, ValueError, TypeError, AttributeError, SafetensorError) as error:
            raise BadAdapter(f"The adapter {adapter.name} cannot be read: {type(error).__name__}, {str(error)[:200]}") from error
        return config, weights

    def _hook(self) -> None:
        def name_rows(module: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
            return args, kwargs | {"adapter_names": self.names}

        for module in self._model.modules():
            if isinstance(module, LoraLayer) and id(module) not in self._hooked:
                module.register_forward_pre_hook(name_rows, with_kwargs=True)  # type: ignore[attr-defined]
                self._hooked.add(id(module))


def _shallow(value: Any) -> Any:
    """A copy of a plain container, anything else itself."""
    return value.copy() if type(value) in (dict, OrderedDict, list, set) else value


def check_base_kept(adapter: Adapter, before: Sequence[Tensor], after: Sequence[Tensor]) -> None:
    """Raises BadAdapter unless the base's probe logits are the same, bit for bit, with the adapter loaded beside it."""
    if not all(one.equal(other) for one, other in zip(before, after, strict=True)):
        raise BadAdapter(f"The adapter {adapter.name} changes what the base model itself answers, so neither side of a duel would be it.")


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
