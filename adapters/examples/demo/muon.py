"""Muon: momentum whose update is made orthogonal, for the weight matrices inside the layers.

Torch's own (`torch.optim.Muon`) makes it so in bfloat16, which a CPU without bfloat16 instructions runs some sixty times slower than
float32; this one takes the precision that the training takes, all matrices of a shape at once, and shares them among the processes.
"""

from collections.abc import Iterable

import torch

from adapters.train.share import Share

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration, Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/
ITERATIONS = 5


def orthogonal(matrices: torch.Tensor) -> torch.Tensor:
    """Bring matrices near those with singular values of 1, roughly, by Newton and Schulz. Shape (count, rows, columns)."""
    tall = matrices.shape[1] > matrices.shape[2]
    x: torch.Tensor = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """The optimizer: momentum 0.95 after Nesterov, weight decay, steps as large as AdamW's (Moonlight, arXiv 2502.16982, eq. 4)."""

    def __init__(self, weights: Iterable[torch.nn.Parameter], lr: float, weight_decay: float, share: Share) -> None:
        super().__init__(list(weights), {"lr": lr, "weight_decay": weight_decay, "momentum": 0.95})
        self.share = share

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]  # takes no closure
        """Update the weights once by their gradients. All processes must call it."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[torch.Tensor]] = {}
            for weight in group["params"]:
                shapes.setdefault(weight.shape, []).append(weight)
            for shape, weights in shapes.items():
                updates = self._orthogonal(torch.stack(self._momenta(weights, group["momentum"])))
                scale = group["lr"] * 0.2 * max(shape) ** 0.5
                torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_add_(weights, list(updates.unbind()), alpha=-scale)

    def _momenta(self, weights: list[torch.Tensor], momentum: float) -> list[torch.Tensor]:
        """Nesterov's, of every weight; a few large operations, for a GPU would wait for many small ones."""
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        kept = [self.state[weight].setdefault("momentum", torch.zeros_like(weight)) for weight in weights]
        torch._foreach_lerp_(kept, gradients, 1 - momentum)
        return list(torch._foreach_lerp(gradients, kept, momentum))

    def _orthogonal(self, updates: torch.Tensor) -> torch.Tensor:
        """Every process does its share, and all get all."""
        made = torch.zeros_like(updates)
        mine = slice(self.share.rank, None, self.share.ranks)
        with torch.autocast(updates.device.type, dtype=torch.bfloat16, enabled=updates.is_cuda):
            made[mine] = orthogonal(updates[mine]).to(made.dtype)
        if self.share.ranks > 1:
            torch.distributed.all_reduce(made)
        return made
