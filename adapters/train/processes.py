"""The processes that train together on one machine, each with its rows of every batch."""

import socket
from collections.abc import Callable, Sequence
from multiprocessing import parent_process
from typing import TypeVar

import torch
from torch.multiprocessing.spawn import spawn

from adapters.train.share import Share

T = TypeVar("T")
MOST_PROCESSES = 4  # a batch has few rows; more processes would wait for the one with a row more


def gather(share: Share, own: T) -> list[T]:
    """Return what each process gives, in the order of ranks. All must call it."""
    if share.ranks == 1:
        return [own]
    parts: list[T | None] = [None] * share.ranks
    torch.distributed.all_gather_object(parts, own)
    return [part for part in parts if part is not None]


def add_up(share: Share, figures: torch.Tensor, weights: Sequence[torch.nn.Parameter]) -> torch.Tensor:
    """Add the gradients of these weights, and figures of shape (n,), over the processes. All must call it.

    The gradients are changed in place; the sums of the figures are returned.
    """
    if share.ranks == 1:
        return figures
    for weight in weights:
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
    flat = torch.cat([figures, *(weight.grad.reshape(-1) for weight in weights if weight.grad is not None)])
    torch.distributed.all_reduce(flat)  # once: many small sums would wait for each other
    at = len(figures)
    for weight in weights:
        weight.grad = flat[at : at + weight.numel()].view_as(weight)
        at += weight.numel()
    return flat[: len(figures)].clone()


def device() -> str:
    """Return torch's name of what trains: the GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def fitting_processes() -> int:
    """Return how many processes train fastest: one on a GPU; on a CPU one per core, so that small operations wait for no other core."""
    return 1 if torch.cuda.is_available() else min(MOST_PROCESSES, torch.get_num_threads())


def together(work: Callable[[Share], None], ranks: int) -> None:
    """Call `work` in so many processes of their own, or in this one where it is one. `work` travels by pickle."""
    if ranks == 1:
        work(Share())
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    threads = max(1, torch.get_num_threads() // ranks)
    spawn(_work_along, args=(ranks, threads, port, work), nprocs=ranks)  # type: ignore[no-untyped-call]


def parent_is_gone() -> bool:
    """Whether the process that started this one was killed: nobody would wait for the result."""
    parent = parent_process()
    return parent is not None and not parent.is_alive()


def _work_along(rank: int, ranks: int, threads: int, port: int, work: Callable[[Share], None]) -> None:
    torch.set_num_threads(threads)
    torch.distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=ranks)
    try:
        work(Share(rank, ranks))
    finally:
        torch.distributed.destroy_process_group()
