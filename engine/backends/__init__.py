"""What runs a model, behind one seam: base.py.

base.py      the seam: a Prompt in, a stream of Chunks out
scripted.py  canned replies, for tests
local/       a model in this process
openai/      a model on a server that speaks OpenAI's API
"""
