"""The compiled loop's parts: products of any number of rows in any share, threads that meet, and where it does not run."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backends.local import compiling
from engine.backends.local.compiling import cache_folder, can_compile
from engine.backends.local.fused import Fused
from engine.backends.local.kernels import LANES, gate, meet, soften, weighed_1_1
from engine.backends.local.loading import load_base
from engine.backends.local.products import _multiply
from engine.backends.local.team import ThreadTeam
from engine.backends.local.tiles import tiled
from tests.engine import tiny

pytestmark = pytest.mark.skipif(not can_compile(), reason="this machine does not run the compiled loop")


@compiling.compiled
def soften_at(scores: int, count: int) -> Any:
    return soften(scores, count, np.float32(1))


@compiling.compiled
def gate_at(gates: int, ups: int, out: int, count: int) -> None:
    gate(gates, ups, out, count)


@compiling.compiled
def add(shares: Any, values: Any, out: Any) -> None:
    weighed_1_1(shares, 0, values, LANES, 5, out, 0)


@compiling.compiled
def write_in_turns(totals: Any, barrier: int, thread: int, threads: int, rounds: int) -> None:
    for turn in range(rounds):
        totals[thread + threads] = totals[thread]
        meet(barrier, threads)
        totals[thread] = (totals[(thread + 1) % threads + threads] + turn) % 1_000_003
        meet(barrier, threads)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 140),
    outputs=st.integers(1, 40),
    size=st.integers(1, 9).map(lambda lanes: lanes * LANES),
    half=st.booleans(),
    shares=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_a_product_is_exact_to_rounding_and_each_row_s_is_that_of_it_alone(
    *, rows: int, outputs: int, size: int, half: bool, shares: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, size)).astype(np.float32)
    weight = rng.standard_normal((outputs, size)).astype(np.float16 if half else np.float32)
    tiles = tiled(weight, np.float16 if half else np.float32)
    width = 3 * len(tiles)
    together, alone = np.zeros((rows, width), np.float32), np.zeros((rows, width), np.float32)

    def multiply(own: range, columns: range, out: Any) -> None:
        weights, half_kept = tiles.ctypes.data, int(half)
        _multiply(x.ctypes.data, own.start, own.stop, size, size, weights, half_kept, columns.start, columns.stop, out.ctypes.data, width)

    for share in range(shares):
        multiply(range(rows), range(len(tiles) * share // shares * 3, len(tiles) * (share + 1) // shares * 3), together)
    for row in range(rows):
        multiply(range(row, row + 1), range(width), alone)
    assert (together == alone).all()
    assert not together[:, outputs:].any(), "what fills up the last tile is zeros"
    expected = x.astype(np.float64) @ weight.astype(np.float64).T
    assert np.allclose(together[:, :outputs], expected, atol=1e-5 * size, rtol=1e-5)


def test_a_weighed_sum_adds_in_order_to_what_is_there() -> None:
    rng = np.random.default_rng(0)
    shares, values = rng.standard_normal(5).astype(np.float32), rng.standard_normal((5, LANES)).astype(np.float32)
    out = np.full(LANES, 2.5, np.float32)
    add(shares.ctypes.data, values.ctypes.data, out.ctypes.data)
    assert np.allclose(out, 2.5 + shares @ values, atol=1e-5)


def softened(scores: Any) -> tuple[Any, float]:
    filled = np.full(-(-len(scores) // LANES) * LANES, -np.inf, np.float32)
    filled[: len(scores)] = scores
    total = soften_at(filled.ctypes.data, len(scores))
    return filled[: len(scores)], total


@pytest.mark.parametrize("count", [1, 7, 8, 9, 200])
def test_softened_scores_are_right_to_a_few_units_in_the_last_place(count: int) -> None:
    scores = np.random.default_rng(count).uniform(-80, 80, count).astype(np.float32)
    found, total = softened(scores)
    expected = np.exp((scores - scores.max()).astype(np.float64))
    assert np.allclose(found, expected, rtol=4e-7, atol=2e-38) and math.isclose(total, expected.sum(), rel_tol=1e-6)


def test_what_is_no_number_makes_none_of_the_sum() -> None:
    assert math.isnan(softened(np.array([0.5, math.nan, 2], np.float32))[1])
    assert math.isnan(softened(np.array([0.5, math.inf], np.float32))[1])
    assert softened(np.array([-math.inf, 3, -1e30], np.float32))[1] == 1


def test_gates_are_torch_s_silu() -> None:
    x, up = torch.linspace(-200, 200, 4000), torch.linspace(3, -3, 4000)
    out = torch.empty(4000)
    gate_at(x.data_ptr(), up.data_ptr(), out.data_ptr(), 4000)
    assert torch.allclose(out, torch.nn.functional.silu(x) * up, rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_meet_at_the_barrier(threads: int) -> None:
    """Each reads what its neighbour has written before they met: the same as one thread that takes all their turns."""
    totals, rounds, team = np.arange(2 * threads, dtype=np.int64), 3000, ThreadTeam()
    expected = totals.copy()

    def part(barrier: int, thread: int, of: int) -> None:
        write_in_turns(totals, barrier, thread, of, rounds)

    team.run(part, threads)
    for turn in range(rounds):
        now = expected[:threads].copy()
        expected[threads:] = now
        expected[:threads] = (np.roll(now, -1) + turn) % 1_000_003
    assert (totals == expected).all()


def test_a_team_is_there_again_after_work_that_could_not_begin() -> None:
    def broken(barrier: int, thread: int, of: int) -> None:
        raise TypeError("not compiled")

    team, totals = ThreadTeam(), np.zeros(4, np.int64)
    with pytest.raises(TypeError):
        team.run(broken, 2)
    team.run(lambda barrier, thread, of: write_in_turns(totals, barrier, thread, of, 2), 2)
    assert totals[:2].tolist() == [1, 1]


def without(name: str) -> Callable[[], dict[str, bool]]:
    return lambda: dict.fromkeys({"avx2", "fma", "f16c"}, True) | {name: False}


@pytest.mark.parametrize("name", ["avx2", "fma", "f16c"])
def test_a_processor_without_what_the_loop_needs_goes_the_general_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(compiling.binding, "get_host_cpu_features", without(name))
    assert not can_compile()
    folder = tiny.save_base(tmp_path, "llama")
    assert not isinstance(load_base(folder, "tiny", "float32", "cpu", "best").model, Fused)


def test_compiled_code_is_kept_by_the_text_of_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = Path(cache_folder())
    assert first.is_dir() and first.is_relative_to(tmp_path)
    monkeypatch.setattr(compiling, "SOURCES", compiling.SOURCES[:2])
    assert Path(cache_folder()) != first
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert Path(cache_folder()).is_dir(), "where nothing can be kept, a folder for this process"
