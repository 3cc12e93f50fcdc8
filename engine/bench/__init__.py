"""Speed and memory on this machine: both sides of a duel, by this engine, the naive way and llama.cpp. What python -m engine bench runs.

The engine knows nothing of it. Each way runs in a process of its own, so that its memory and its CPU seconds are nobody else's.

shapes.py      shapes of models that are made with random weights
ways.py        the ways that are compared, as data
plan.py        what is asked: sizes, loads, prompts as tokens
samples.py     what one measurement is, and what many say together
machine.py     the machine, and what processes on it have used
models.py      a base whose tokens are numbers and an adapter on it, as folders
naive.py       the yardstick: the model as most programs use it
worker.py      a process for one of our ways: python -m engine.bench.worker
processes.py   the other end of it
gguf_files.py  the same base and adapter as files for llama.cpp
llamacpp.py    llama.cpp's server as a way
running.py     a run: every way started, asked in turn, ended
picture.py     a run as a picture
page.py        a run as a table and as docs/benchmarks.md
"""
