"""The training of any adapter: what is learned, from what and how fast are arguments; nothing here knows an example.

schedule.py    which share of its learning rates each step gets; pure
plan.py        how an adapter is trained, in TOML with units
share.py       one process's share of every batch; pure
processes.py   the processes that train together, and how they add up what each has learned
checkpoint.py  where a training has got to, kept so that it can be stopped at any moment
record.py      the figures of a training that has ended, and steps that are done once
loop.py        batch after batch, from the last checkpoint to the end of the schedule
"""
