"""LoRA adapters: what they are, how they are made.

data/         rows before a training: checked, cleaned, split
registry.py   which adapters there are, whether one fits a base and a recipe, which one is in use; cards of those from elsewhere
export.py     an adapter for other programs: peft, merged, GGUF, vLLM
shelf.py      the verbs of the registry on the command line
train/        the training of any adapter: schedule, processes, checkpoint, record, loop
examples/     adapters made from nothing to their figures: the demo that ships
arguments.py  the command line's verbs
api.py        what programs may import
"""
