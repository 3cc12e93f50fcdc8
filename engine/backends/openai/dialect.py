"""How a request is put to each kind of server.

vllm   vLLM and Ray Serve LLM: an adapter is a model with a name of its own. Rules that are left out are taken from the model's
       generation_config.json there, so all are sent.
llama  llama-server: an adapter is a number. A request that leaves an adapter out of `lora` runs it at scale 1, so every request has every
       adapter's scale, 0 for those that it is not of.
none   another server: what OpenAI's own API knows, and nothing else.
"""

from dataclasses import dataclass
from typing import Any, Literal

from engine.backends.base import Prompt
from engine.errors import BackendError
from engine.recipes import Sampling

Kind = Literal["vllm", "llama", "none"]
LOOKS_BACK = 1 << 16  # tokens that llama-server's repeat_penalty counts: some of its builds refuse -1, which stands for all
SEEDS = 2**32 - 1  # llama-server's; this number itself stands for a random one
KNOWN = {"temperature": "temperature", "top_p": "top_p", "max_tokens": "max_new_tokens"}  # by every server: its name -> ours
ORDER = ["penalties", "temperature", "top_k", "min_p", "top_p"]  # in which llama-server applies the rules, as a model in this process does


@dataclass(frozen=True, slots=True)
class Dialect:
    """The kind of a server, the model of the base side, and the numbers of the adapters that a llama-server holds."""

    kind: Kind
    base: str
    loras: tuple[int, ...] = ()

    def named(self, served: str) -> dict[str, Any]:
        """Write what a request says of model and adapter. served: as Adapter.served; "": the base side."""
        if self.kind == "llama":
            return {"model": self.base, "lora": [{"id": each, "scale": float(str(each) == served)} for each in self.loras]}
        return {"model": served or self.base}

    def asked(self, prompt: Prompt) -> dict[str, Any]:
        """Write the request for a prompt's answer, as a stream with its account. Raises BackendError for a rule that the server lacks."""
        body = self.named(prompt.adapter.served if prompt.adapter else "") | self._messages(prompt) | self._rules(prompt)
        options = {"include_usage": True} | ({"continuous_usage_stats": True} if self.kind == "vllm" else {})
        return body | {"stream": True, "stream_options": options} | ({"timings_per_token": True} if self.kind == "llama" else {})

    def counted(self, prompt: Prompt) -> dict[str, Any]:
        """Write what a server that counts is sent to turn a prompt into tokens or text."""
        return self.named(prompt.adapter.served if prompt.adapter else "") | self._messages(prompt)

    def _messages(self, prompt: Prompt) -> dict[str, Any]:
        said = [{"role": message.role, "content": message.content} for message in prompt.messages]
        if prompt.chat_template and self.kind == "none":
            raise BackendError("bad_prompt", f"{_LACKS} variables for a chat template. Take [chat_template] out of the recipe.")
        return {"messages": said} | ({"chat_template_kwargs": dict(prompt.chat_template)} if prompt.chat_template else {})

    def _rules(self, prompt: Prompt) -> dict[str, Any]:
        rules = prompt.sampling
        seed = prompt.seed if rules.seed < 0 else rules.seed
        body: dict[str, Any] = {name: getattr(rules, ours) for name, ours in KNOWN.items()} | {"seed": seed}
        if rules.stop:
            body["stop"] = list(rules.stop)
        match self.kind:
            case "vllm":
                more: dict[str, Any] = {"top_k": rules.top_k or -1, "min_p": rules.min_p, "repetition_penalty": rules.repetition_penalty}
            case "llama":
                more = {"top_k": rules.top_k, "min_p": rules.min_p, "repeat_penalty": rules.repetition_penalty, "repeat_last_n": LOOKS_BACK}
                more |= {"seed": seed % SEEDS, "samplers": ORDER, "cache_prompt": True}
            case "none":
                refuse_unknown(rules)
                more = {}
        return body | more


_LACKS = "This server is neither vLLM nor llama-server, and OpenAI's API knows no"


def refuse_unknown(rules: Sampling) -> None:
    """Raise BackendError for a rule that OpenAI's API does not know: ignored there, it would make another contestant of the recipe."""
    usual = Sampling()
    unknown = [name for name in ("top_k", "min_p", "repetition_penalty") if getattr(rules, name) != getattr(usual, name)]
    if unknown:
        raise BackendError("bad_prompt", f"{_LACKS} {' and no '.join(unknown)}. Take it out of the recipe's [sampling].")
