"""Adapters for programs. The names in __all__ are public: docs/api.md says what is promised about them; all others may change."""

from adapters.card import Card, read_card
from adapters.registry import Listed, check_adapter, list_adapters

__all__ = ["Card", "Listed", "check_adapter", "list_adapters", "read_card"]
