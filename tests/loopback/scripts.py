"""Canned answers for the bot's process; the request says what should happen."""

import re

from engine.backends.base import Prompt
from engine.backends.scripted import Script
from engine.errors import BackendError


def by_request(prompt: Prompt) -> Script:
    """ "slow 40": forty words, one each 50 ms; "long": more than a message holds; "fail": the tuned side fails;

    "echo": what the side was told, but for answers; "confess": the tuned side says which one it is; else a few words.
    """
    asked = prompt.messages[-1].content
    voice = "tuned" if prompt.adapter else "prompted"
    if found := re.search(r"slow (\d+)", asked):
        return Script(tuple(f"{voice[0]}{number} " for number in range(int(found[1]))), pause_s=0.05)
    if "echo" in asked:
        told = (f"{part.role}: {part.content}\n\n" for part in prompt.messages if part.role != "assistant")
        return Script((f"{voice} was told\n\n", *told), pause_s=0.01)
    if "confess" in asked and prompt.adapter:
        return Script(("As the fine-tuned model, ", "I say hello."), pause_s=0.01)
    if "long" in asked:
        return Script(tuple(f"{voice} sentence number {number}, which says something.\n\n" for number in range(120)), pause_s=0.001)
    if "fail" in asked and prompt.adapter:
        return Script(("Half an answer ",), error=BackendError("server", "The model gave no numbers that could be used."))
    return Script((f"{voice} ", "says ", "hello."), pause_s=0.01)
