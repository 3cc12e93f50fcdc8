"""Adapters as an argument of a row, never a mode of the model: which there are, read from their folders and given to the model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from safetensors import SafetensorError

from engine.backends.local.checkpoint import Stored, stored_in
from engine.backends.local.factors import NONE, Factors
from engine.backends.local.imports import whole_transformers
from engine.backends.local.named_lora import named_factors
from engine.contestants import Adapter
from engine.errors import BadAdapter
from engine.plain_lora import WEIGHTS, check_plain


class Holder(Protocol):
    """A model that keeps adapters' matrices and is told with each row which one it uses."""

    config: Any
    linears: Mapping[str, tuple[int, int]]  # in_features and out_features of each linear layer; empty: peft finds the layers

    def put(self, name: str, factors: Mapping[str, Factors]) -> None:
        """Load an adapter's matrices, by the names of the linear layers."""
        ...

    def drop(self, name: str) -> None:
        """Let an adapter's matrices go; nothing happens to one that is not there."""
        ...


class LoraRows:
    """The adapters on one base model, each known by its digest."""

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self.loaded = frozenset({NONE})  # names that a row may use

    def add(self, adapter: Adapter) -> None:
        """Load an adapter's weights beside the base's. Raises BadAdapter, and then nothing is loaded."""
        table, weights = check_plain(Path(adapter.folder), adapter.name), _weights(adapter)
        found = named_factors(table, weights, self._holder.linears)
        if found is None:
            whole_transformers()
            from engine.backends.local.peft_lora import fitted  # takes seconds to import, and few adapters need it

            found = fitted(adapter, table, weights, self._holder.config)
        self._holder.put(adapter.digest, found)
        self.loaded |= {adapter.digest}

    def remove(self, name: str) -> None:
        """Let an adapter's weights go."""
        self._holder.drop(name)
        self.loaded -= {name}


def _weights(adapter: Adapter) -> dict[str, Stored]:
    try:
        return stored_in(Path(adapter.folder) / WEIGHTS)
    except (OSError, ValueError, SafetensorError) as error:
        raise BadAdapter(f"The adapter {adapter.name} cannot be read: {type(error).__name__}, {str(error)[:200]}") from error
