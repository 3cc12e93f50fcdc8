"""LoRA adapters: what they are, how they are made.

registry.py   which adapters there are, and whether one fits a base and a recipe
train/        how a model is trained, whatever it is trained for
examples/     trainings that can be looked at and repeated: the demo that ships
arguments.py  the command line: list, check, and the demo's own verb
api.py        names for programs
"""
