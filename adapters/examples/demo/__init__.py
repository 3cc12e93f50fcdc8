"""The small model that ships, from its text to its figures. README.md says how to build and evaluate it; LOG.md keeps the runs.

text/             what people say of the subject, and what the house answers
exchanges.py      the hand-written questions, for reporting (handwritten.jsonl) and for choices (development.jsonl)
reading.py        what must have been read when an answer begins, as classes
mix.py            conversations to learn from: the broad mix of the base, and the adapter's subject alone
tokenizer.py      byte-level BPE, three digits of a number in a token, the chat template
sizes.py          the two sizes and the plans that train them
batches.py        conversations as token ids, and pools of batches
muon.py           the optimizer of the weight matrices
learning.py       the loss and the optimizers that both trainings share
train_base.py     the base model, from random weights
train_adapter.py  the LoRA adapter on it
measures.py       what is right about one answer
evaluate.py       the measures over rows, arm by arm
build.py          all of it, each step once
command.py        python -m adapters demo build | eval
"""
