"""A model on a server that speaks OpenAI's API: vLLM, Ray Serve LLM, llama-server, or another.

Importing this folder imports no file of it: what needs aiohttp is imported by whoever wants it.

events.py    server-sent events out of bytes, and what an event of an answer says: pure
sharing.py   the time of a server, shared between the answers that it writes for us: pure
dialect.py   how a request is put to each kind of server: pure
refusals.py  what a server refuses, in words: pure
wire.py      requests over HTTP: time limits, retries, streams
counting.py  prompts as tokens and as text, from servers that show them
probe.py     which kind a server is, found by asking it
shelf.py     adapters that a vLLM server loads and lets go while it runs
proof.py     the proof that an adapter is alive, by first tokens or by answers
backend.py   the coroutines that everybody else calls
two.py       two servers as one back end, for sides on two hosts
opening.py   settings become a backend
"""
