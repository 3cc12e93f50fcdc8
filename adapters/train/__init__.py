"""The training of any adapter: what is learned, from what and how fast are arguments; nothing here knows an example.

schedule.py    which share of its learning rates each step gets; pure
plan.py        how an adapter is trained, in TOML with units
share.py       one process's share of every batch; pure
processes.py   the processes that train together, and how they add up what each has learned
checkpoint.py  where a training has got to, kept so that it can be stopped at any moment
record.py      the figures of a training that has ended, and steps that are done once
curve.py       points of the loss and of what is right, for a picture
loop.py        batch after batch, from the last checkpoint to the end of the schedule
exercises.py   rows as tokens, of which the answer's are learned, and the order in which they come
focus.py       answer tokens that weigh more: those of the line by which an answer is right
heldout.py     rows that are kept apart, and how right a model is on them
course.py      the seam: what is taught to which model, and what has come of it
kept.py        a base whose lower layers are run once
lora.py        the adapter that is trained, fresh or copied from another
shallow.py     the way of a CPU: LoRA above kept lower layers
stepping.py    steps of one of trl's trainers, stopped and gone on with
deep.py        the way of a GPU: LoRA in all layers, by trl
beside.py      the other arms on the same rows, and the loss on unrelated text
preferences.py  answers that people chose and rejected, as tokens
preferring.py  the way of preferences: dpo and kto, by trl
runs.py        the work folder of a run: order, status, checkpoint
instructions.py  short instructions whose answers a rule checks
likeness.py    whether new answers look like those that people chose
forgetting.py  how many of them a new adapter still follows
carding.py     what has been learned and measured, as a card
training.py    a run from rows to an adapter that may duel
ordering.py    what a person asks for becomes an order
paying.py      whether a fine-tune will pay, in words; pure
probe.py       what a fine-tune will reach, told before it is made
pilot.py       the same where answers are free text, from small trainings
timing.py      the seconds of a training's parts, from a little of each
estimate.py    what a training will take, and whether it will pay
showing.py     a run for people and as JSON
command.py     python -m adapters train | estimate
"""
