"""Conversations, answers and ballots on disk. What people are told to be kept is kept: committed and synced first."""

from bot.store.records import AnswerRecord, CarriedBy, ClosedBy, DuelRecord
from bot.store.store import Store
from bot.store.transaction import Transaction

__all__ = ["AnswerRecord", "CarriedBy", "ClosedBy", "DuelRecord", "Store", "Transaction"]
