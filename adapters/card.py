"""The card of an adapter, which engine/card.py owns; the demo's maker takes it from here."""

from engine.card import BaseRef, Card, RecipeRef, read_card

__all__ = ["BaseRef", "Card", "RecipeRef", "read_card"]
