"""Adapters for programs. The names in __all__ are public: docs/api.md says what is promised about them; all others may change."""

from adapters.registry import Listed, check_adapter, list_adapters
from engine.card import Card, read_card

__all__ = ["Card", "Listed", "check_adapter", "list_adapters", "read_card"]
