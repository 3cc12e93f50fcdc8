"""Attention of each row over its own columns, as transformers' models call it.

Nothing is padded to the longest row, so a row costs what it is long, and its numbers do not depend on the others. A prompt is read in
blocks of queries that begin at multiples of GRID, whatever piece of it is read, so that it gives the same numbers in any pieces.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import sdpa_mask

from engine.backends.local.cache import AIM, OtherAttention, Row

ROWS = "rows"  # the name of this attention among transformers'
GRID = 32  # queries in a block; torch's kernel has blocks of as many for up to 191


def attend(  # noqa: PLR0917 - transformers calls it so
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Look from each new token, (rows, heads, tokens, head size), at its row's own columns. Returns (rows, tokens, heads, head size).

    What the batch was filled up with gets zeros. Raises OtherAttention for a layer that keeps no keys of its own.
    """
    layer, AIM.layer = AIM.layer, None
    if layer is None or layer.window is None:
        raise OtherAttention
    if kwargs.get("softcap") is not None or kwargs.get("position_bias") is not None:
        raise ValueError("attention with a soft cap or a bias by position is not known here")
    window = layer.window
    out = query.new_zeros(query.shape[0], query.shape[2], query.shape[1], value.shape[3])
    for index, (slot, start) in enumerate(zip(window.slots, window.starts, strict=True)):
        row = layer.rows[slot]
        assert row is not None, "its keys have just been written"
        own = query[index : index + 1, :, -window.tokens :]
        found = look_back(own, row, start, scaling) if window.prompt else look(own, row, start + 1, None, scaling)
        out[index, -window.tokens :] = found[0].transpose(0, 1)
    return out, None


def look_back(query: Tensor, row: Row, start: int, scaling: float | None) -> Tensor:
    """Attention of a piece of a prompt, (1, heads, tokens, head size), that begins at column `start`, over what is before each token."""
    first, end = start - start % GRID, start + query.shape[2]
    blocks = pad(query, (0, 0, start - first, -end % GRID))
    mask = _mask(end + GRID, query.dtype, query.device)
    found = []
    for at in range(first, end, GRID):
        own = mask[:, mask.shape[1] - at - GRID :]
        found.append(look(blocks[:, :, at - first : at - first + GRID], row, at + GRID, own, scaling))
    return torch.cat(found, dim=2)[:, :, start - first : end - first]


def look(query: Tensor, row: Row, columns: int, mask: Tensor | None, scaling: float | None) -> Tensor:
    """Attention of queries (1, heads, tokens, head size) over a row's first columns."""
    keys, values = row[0][None, :, :columns], row[1][None, :, :columns]
    return scaled_dot_product_attention(query, keys, values, mask, scale=scaling, enable_gqa=query.shape[1] != keys.shape[1])


_masks: dict[tuple[torch.dtype, torch.device], Tensor] = {}


def _mask(columns: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """What is added to the scores of a block of queries, (GRID, at least `columns`): a block's own mask is the end of it.

    Query i of a block sees all columns before the block and the first i + 1 of the block's own.
    """
    kept = _masks.get((dtype, device))
    if kept is None or kept.shape[1] < columns:
        own = torch.full((GRID, GRID), -torch.inf, dtype=dtype, device=device).triu(1)
        kept = _masks[dtype, device] = pad(own, (2 * columns - GRID, 0))
    return kept


AttentionInterface.register(ROWS, attend)
AttentionMaskInterface.register(ROWS, sdpa_mask)
