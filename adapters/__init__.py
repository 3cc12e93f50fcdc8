"""LoRA adapters: what they are, how they are made.

card.py      what an adapter is, what it was trained on, what it scored
registry.py  which adapters there are
demo/        the small demonstration model, from its text to its measures
"""
