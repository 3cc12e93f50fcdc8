"""Llama's and Qwen's kinds of model in fewer and larger operations than transformers': the same weights, the same numbers to rounding.

Queries, keys and values come of one product, gate and up of another; rotation is one complex product, for which a head's two halves lie
interleaved: the rows of the weights, and the norms of heads, are put in that order once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import rms_norm, silu
from transformers import LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM

from engine.backends.local.attend import look, look_back
from engine.backends.local.cache import SlotCache, SlotLayer
from engine.backends.local.packed import FEWEST, LayerPlace, Packer, cast_embedding

KINDS = (LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM)
FIXED_ROTATION = frozenset({"default", "linear", "llama3", "yarn"})  # kinds of rotary positions whose angles no length of a row changes


def can_fuse(model: Any) -> bool:
    """Whether a model of transformers is of a kind that is known here."""
    if type(model) not in KINDS or model.config.hidden_act != "silu":
        return False
    rotary, size = model.model.rotary_emb, model.model.layers[0].self_attn.head_dim
    return rotary.rope_type in FIXED_ROTATION and 2 * rotary.inv_freq.numel() == size


@dataclass(frozen=True, slots=True)
class Heads:
    """How many there are, and how large."""

    queries: int
    keys: int
    size: int

    @property
    def order(self) -> Tensor:
        """Where the numbers of a head come from when its two halves are interleaved (size,)."""
        return torch.arange(self.size).view(2, -1).T.reshape(-1)

    def turned(self, heads: int) -> Tensor:
        """The same for so many heads beside one another."""
        return (torch.arange(heads)[:, None] * self.size + self.order).reshape(-1)


class FusedLayer(nn.Module):
    """A layer: attention and what follows it. Its linear layers are packed, and those that it is made of go."""

    def __init__(self, layer: Any, heads: Heads, packer: Packer) -> None:
        super().__init__()
        own, mlp = layer.self_attn, layer.mlp
        self._heads, self._scaling, self._eps = heads, own.scaling, layer.input_layernorm.variance_epsilon
        orders = (heads.turned(heads.queries), heads.turned(heads.keys), None)
        self.qkv, qkv = joined(packer, {"q_proj": own.q_proj, "k_proj": own.k_proj, "v_proj": own.v_proj}, orders)
        self.out, out = joined(packer, {"o_proj": own.o_proj}, (None,))
        self.wide, wide = joined(packer, {"gate_proj": mlp.gate_proj, "up_proj": mlp.up_proj}, (None, None))
        self.narrow, narrow = joined(packer, {"down_proj": mlp.down_proj}, (None,))
        self.places = {f"self_attn.{name}": place for name, place in (qkv | out).items()}
        self.places |= {f"mlp.{name}": place for name, place in (wide | narrow).items()}
        self._norms = [norm.weight.detach().float() for norm in (layer.input_layernorm, layer.post_attention_layernorm)]
        self._head_norms: Tensor | None = None
        if hasattr(own, "q_norm"):
            norms = [own.q_norm.weight] * heads.queries + [own.k_norm.weight] * heads.keys
            self._head_norms = torch.stack([norm.detach().float()[heads.order] for norm in norms])

    def forward(self, x: Tensor, turn: Tensor, memory: SlotLayer) -> Tensor:
        """x (rows, tokens, hidden size), turn (rows, tokens, 1, half a head) complex."""
        hidden = x.shape[-1:]
        x = x + self.out(self._attention(rms_norm(x, hidden, self._norms[0], self._eps), turn, memory))
        both = self.wide(rms_norm(x, hidden, self._norms[1], self._eps))
        gate, up = both.chunk(2, dim=-1)
        grown: Tensor = self.narrow(silu(gate).mul_(up))
        return x + grown

    def _attention(self, x: Tensor, turn: Tensor, memory: SlotLayer) -> Tensor:
        heads = self._heads
        states = self.qkv(x).view(*x.shape[:2], -1, heads.size)
        turned, values = torch.split(states, [heads.queries + heads.keys, heads.keys], dim=2)
        if self._head_norms is not None:
            turned = rms_norm(turned, (heads.size,), None, self._eps) * self._head_norms
        pairs = torch.view_as_complex(turned.view(*turned.shape[:-1], -1, 2)) * turn
        turned = torch.view_as_real(pairs).flatten(-2)
        queries, keys = torch.split(turned, [heads.queries, heads.keys], dim=2)
        return attention(queries.transpose(1, 2), keys.transpose(1, 2), values.transpose(1, 2), memory, self._scaling)


def attention(queries: Tensor, keys: Tensor, values: Tensor, memory: SlotLayer, scaling: float) -> Tensor:
    """Write keys and values, (rows, heads, tokens, head size), and look back. Returns (rows, tokens, all heads)."""
    window = memory.window
    assert window is not None, "a window is aimed at first"
    rows, heads, tokens, size = queries.shape
    out = queries.new_zeros(rows, tokens, heads, size)
    for index, (slot, start) in enumerate(zip(window.slots, window.starts, strict=True)):
        row = memory.write(slot, start, keys[index], values[index])
        own = queries[index : index + 1, :, -window.tokens :]
        found = look_back(own, row, start, scaling) if window.prompt else look(own, row, start + 1, None, scaling)
        out[index, -window.tokens :] = found[0].transpose(0, 1)
    return out.flatten(2)


class Fused(nn.Module):
    """A whole model, in float32. It takes the weights of one of transformers layer by layer, so that there are never two copies of all."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        packer = Packer(torch.float32)
        self.config, inner = model.config, model.model
        first = inner.layers[0].self_attn
        heads = Heads(first.q_proj.out_features // first.head_dim, first.k_proj.out_features // first.head_dim, first.head_dim)
        self._turn, self._amplitude = inner.rotary_emb.inv_freq.float(), float(inner.rotary_emb.attention_scaling)
        self.head, head = joined(packer, {"lm_head": model.lm_head}, (None,))
        self.places: dict[str, LayerPlace] = dict(head)  # by the names of the linear layers that the model had
        self.embedding = inner.embed_tokens
        cast_embedding(self.embedding, torch.float32)
        self.layers = nn.ModuleList()
        for number in range(len(inner.layers)):
            self.layers.append(fused := FusedLayer(inner.layers[number], heads, packer))
            self.places |= {f"model.layers.{number}.{name}": place for name, place in fused.places.items()}
            inner.layers[number] = nn.Identity()
        self._norm, self._eps = inner.norm.weight.detach().float(), inner.norm.variance_epsilon

    def get_input_embeddings(self) -> nn.Module:
        """The table of tokens, as transformers' models call it."""
        table: nn.Module = self.embedding
        return table

    def forward(self, ids: Tensor, positions: Tensor, cache: SlotCache) -> Tensor:
        """ids, positions (rows, tokens). Returns the logits after each row's last token (rows, vocabulary)."""
        x: Tensor = self.embedding(ids)
        angles = positions[..., None].float() * self._turn
        turn = torch.polar(torch.full_like(angles, self._amplitude), angles)[:, :, None]
        for layer, memory in zip(self.layers, cache.slot_layers, strict=True):
            x = layer(x, turn, memory)
        logits: Tensor = self.head(rms_norm(x[:, -FEWEST:], x.shape[-1:], self._norm, self._eps))
        return logits[:, -1]


def joined(packer: Packer, linears: dict[str, Any], orders: Sequence[Tensor | None]) -> tuple[nn.Module, dict[str, LayerPlace]]:
    """Pack linear layers as one, as Packer does. Returns it, and by their names where the outputs of each lie in its."""
    layer = packer.linear(list(linears.values()), orders)
    sizes = [linear.out_features for linear in linears.values()]
    firsts = [sum(sizes[:number]) for number in range(len(sizes))]
    total = sum(sizes) if len(sizes) > 1 else None
    return layer, {name: LayerPlace(layer, total, first, order) for name, first, order in zip(linears, firsts, orders, strict=True)}
