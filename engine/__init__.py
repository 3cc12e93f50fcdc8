"""A request in, two answers out; it knows no vote, no Discord and no SQL. A file imports only what stands above it.

errors.py             the error tree; every error is a sentence for people
named.py              a name and a version as one value
parsing.py            JSON and TOML that people wrote, read strictly
locks.py              a file taken by one process, on every system
patterns.py           regular expressions that people wrote, run within a time
folders.py            the way out of a folder of another kind; the cache's folder
plain_lora.py         the options and tensors that leave the base alone
request.py            checked text with the conversation before it
near.py               near-duplicates of a request, and signatures that stand for a text
chats.py              conversations of rows taken apart: messages, ShareGPT, turns before a request
schema.py             whether a JSON value fits a JSON Schema, within a time
metrics.py            how an answer is scored against its row: shares in [0, 1]
scoring.py            one figure for an answer: the metric by which choices are made
rows.py               the one reader of rows: JSON lines, JSON array or CSV
placeholders.py       {{today}}, {{team}} and own ones in a recipe's texts
recipes.py            a recipe as TOML, and who says what; recipes/ holds those that ship
recipe_text.py        a recipe written as TOML, and what a person must put right before it is kept
card.py               an adapter's card: its form, its one reader and writer, its check
trained_on.py         the requests that an adapter was made with, told by digests and signatures
contestants.py        ways to answer, pinned down and hashed; an adapter folder opened
chosen.py             which adapter the tuned side takes on each base, and took before
ledger.py             what a request is for: train, example, dev, test or evidence; never two
kit.py                all that a team has, by names and versions; any two of it can meet
processors.py          how many processors nobody uses just now
backends/base.py      the seam: a Prompt in, a stream of Chunks out, with Usage at its end
backends/scripted.py  canned replies with canned timings, for tests
cost.py               seconds and dollars: accounts afterwards, estimates before
shipped.py            bases by name, and the pair that meets on each; models/ holds the demo's base
settings.py           what the engine can be told; the form of every part's settings
backends/local/       transformers and peft in this process
backends/openai/      a model on a server: vLLM, Ray Serve LLM, llama-server or another
duel.py               both sides at once, one may fail; the pace that gives nobody away
proving.py            the proof that contestants can be asked: every word of a recipe reaches the model
lineup.py             from settings to a loaded model, two arms and a price
printable.py          text from people and models, made safe for a terminal
commandline.py        how commands end, how flags are checked, how errors become sentences
report.py             answers and their figures for people and as JSON
ask.py                requests of one call or a file, answered by every arm
optimise/             recipes written from rows, and better ones searched for
bench/                speed and memory, beside the naive way and llama.cpp
arguments.py          the command line: every verb with its flags and examples
api.py                names for programs
"""
