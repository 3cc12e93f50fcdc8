"""A model in this process, through transformers and peft. One thread owns the weights.

chat.py      the model's chat template: a conversation as tokens, and what of it is read
loading.py   a hub id or a folder becomes a checked model and tokenizer
lora.py      adapters as an argument of a row; the alive check
slots.py     key-value memory: a slot for each row, and prompts kept for reuse
rows.py      one answer while it is written: sampling, text out of tokens, its clock
thread.py    the model thread: rows join, decode together, leave
backend.py   the coroutines that everybody else calls
naive.py     the yardstick of the benchmark: generate() with peft, one side after the other
"""

from engine.backends.local.backend import LocalBackend, open_local
from engine.backends.local.loading import fetch

__all__ = ["LocalBackend", "fetch", "open_local"]
