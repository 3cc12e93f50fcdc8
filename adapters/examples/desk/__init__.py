"""The adapter that meets the recipe desk: a help desk's two lines, learned from examples/tickets.csv. LOG.md keeps the runs.

batches.py  the rows as token ids, in batches of like length
train.py    the training: LoRA on the top layers, with those below run once and kept
"""
