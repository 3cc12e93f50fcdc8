"""LoRA adapters: what they are, how they are made.

card.py       what an adapter is, what it was trained on, what it scored
registry.py   which adapters there are
train/        the training of any adapter
examples/     adapters that were made from nothing to their figures
api.py        adapters for programs: the names that docs/api.md promises
arguments.py  the command line of python -m adapters
"""
