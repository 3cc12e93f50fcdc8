"""A model in this process. One thread owns the weights.

Llama's and Qwen's kinds run as a compiled loop over arrays, without torch; all others through transformers and peft. Importing this folder
imports no file of it: what needs torch is imported by whoever wants it.

fetching.py   a hub id becomes a folder
imports.py    the heavy libraries, imported for less, or without torch
gguf.py       a GGUF file becomes a folder of safetensors, once
package.py    a base out of the Python package that holds it
machine.py    what the machine has: memory to spare, processors and who wants them
threads.py    how many processor threads: chosen by timing steps, pure
waiting.py    who is let in next, fairly between people: pure
schedule.py   who runs, who waits, who pays: pure, no torch
prefixes.py   prompts and answers that are kept, found by their longest common beginning: pure, no torch
chat.py       the model's chat template: a conversation as tokens, and what of it is read
pages.py      pages of a checkpoint's file, given back once they are packed
compiling.py  whether compiled loops run here, and where they are kept
kernels.py    products in the processor's own code, each sum in one order
products.py   what a compiled forward is given; rows by weights, and what a row's adapter adds
paged.py      key-value memory of the compiled loop: pages that rows share
team.py       threads that run one compiled function together
tiles.py      weights in tiles, as the compiled products read them
recalled.py   states of recipes from an earlier start, in files
checkpoint.py  weights by their names, as they lie in files
factors.py    what an adapter adds to a linear layer
named_lora.py  an adapter's matrices by names alone, as nearly all are
peft_lora.py  an adapter's matrices as peft finds them
lora.py       adapters as an argument of a row, out of their folders
reading.py    what a step needs of a model, whichever way it runs
compiled.py   Llama's and Qwen's kinds of model as one compiled loop
blueprint.py  such a model by its config, before there are weights
weights.py    a checkpoint's weights where the loop looks for them
fused.py      such a model's adapters and rows
packed.py     linear layers packed for this processor; how many rows are even
hooks.py      adapters on a model of transformers
cache.py      key-value memory of transformers' models: a slot for each row
attend.py     each row's attention over its own columns
slotted.py    the rows of any model of transformers
general.py    any other model, by transformers
loading.py    a folder becomes a checked model and tokenizer
sampling.py   the next token out of logits
text.py       text out of tokens
writing.py    one answer while it is written: its tokens, its text, its account
step.py       the model on tensors: a prompt, or a token for every row
alive.py      the proof that an adapter does something, and to nobody else
thread.py     the model thread: what the schedule says next, done
backend.py    the coroutines that everybody else calls
opening.py    a folder becomes a backend: imports, loads, starts the thread
"""
