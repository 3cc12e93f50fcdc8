"""Adapters as an argument of a row, never a mode of the model.

peft loads the weights and does the arithmetic (`adapter_names`, "__base__" for none). Instead of registering its
hooks anew at every step, each LoRA layer gets one hook for good that reads the names of the step's rows.
"""

import warnings
from collections import OrderedDict
from collections.abc import Iterator
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

NONE = "__base__"  # peft's name for a row that uses no adapter


@contextmanager
def quiet_peft() -> Iterator[None]:
    """Drop peft's warnings: of what matters in training, of patterns that match no layer, of an old name in transformers 5.23.

    Whatever makes an adapter unfit is an error here, found by looking.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class LoraRows:
    """The adapters on one base model, each known by its digest. `names` says, row by row, which one the next forward uses."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._peft: Any = None
        self._hooked: set[int] = set()
        self.loaded = frozenset({NONE})  # names that a row may use
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
            self.loaded |= {adapter.digest}

    def remove(self, name: str) -> None:
        """Let an adapter's weights go. Layers that were wrapped for it stay wrapped, and give what they gave before to the bit."""
        with quiet_peft():
            self._peft.delete_adapter(name)
        self.loaded -= {name}

    @contextmanager
    def undone_if_refused(self) -> Iterator[None]:
        """Put every module back as it was when what happens inside fails: layers that were wrapped, entries that were added.

        Tensors are kept by reference, not copied; nothing that plain LoRA does writes into the base's.
        """
        root: Any = self._peft or self._model
        before = [(module, {name: _shallow(value) for name, value in module.__dict__.items()}) for module in root.modules()]
        mine = self._peft, set(self._hooked), self.loaded
        try:
            yield
        except BaseException:
            for module, attributes in before:
                module.__dict__.clear()
                module.__dict__.update(attributes)
            self._peft, self._hooked, self.loaded = mine
            raise

    def _attach(self, name: str, config: LoraConfig) -> None:
        with quiet_peft():
            if self._peft is None:
                self._peft = PeftModel(self._model, config, adapter_name=name)
            else:
                self._peft.add_adapter(name, config)

    def _check_layers(self, adapter: Adapter) -> None:
        """Raise BadAdapter for a layer that peft cannot run for a part of a batch, such as the experts of a mixture."""
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
