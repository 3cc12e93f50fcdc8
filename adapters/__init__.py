"""LoRA adapters: what they are, how they are made.

card.py       what an adapter is, what it was trained on, what it scored
registry.py   which adapters there are
train/        the training of any adapter: schedule, processes, checkpoint, record, loop
examples/     adapters made from nothing to their figures: the demo that ships
arguments.py  the command line's verbs
api.py        what programs may import
"""
