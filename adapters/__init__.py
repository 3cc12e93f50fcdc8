"""LoRA adapters: what they are, how they are made.

data/         rows before a training: checked, cleaned, split
registry.py   which adapters there are, and whether one fits a base and a recipe
train/        the training of any adapter: schedule, processes, checkpoint, record, loop
examples/     adapters made from nothing to their figures: the demo that ships
arguments.py  the command line's verbs
api.py        what programs may import
"""
