"""The benchmark: what it asks, how its figures are made of samples, what its table says, and a small run of it."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from engine.bench import llamacpp, models, page
from engine.bench.gguf_files import shape_of
from engine.bench.machine import Machine, cpu_seconds, peak_mib, read_machine
from engine.bench.picture import draw
from engine.bench.plan import DUEL, Ask, Demand, Material, Sizes
from engine.bench.running import Benchmark, Extent, OtherKind, Race, _open_llamacpp, prepare, run
from engine.bench.samples import Figures, Measured, alone_ratio, differs_at, figures, timed
from engine.bench.ways import NAIVE, WAYS, Way
from engine.contestants import Arm
from engine.errors import BackendError, BadModel
from engine.settings import EngineSettings
from tests.engine import tiny

SMALL = Sizes(recipe=30, frame=5, request=10, new=6)
TOGETHER, IN_TURN = Way("a", "a", "engine", together=True), Way("b", "b", "llama.cpp")


def sample(wall_s: float, *answers: tuple[Arm, Sequence[int], Sequence[float]], cpu_s: float = 1.0) -> Measured:
    return Measured(wall_s, cpu_s, tuple(timed(*answer) for answer in answers), 100)


# --- what is asked


def test_a_load_asks_both_sides_of_each_person_the_same_new_request() -> None:
    material = Material(SMALL, 500, None)
    asks = material.asks(Demand(2), 7)
    assert [ask.arm for ask in asks] == [*DUEL, *DUEL]
    assert asks[0].request == asks[1].request and asks[2].request == asks[3].request == material.asks(Demand(1), 8)[0].request
    assert len({ask.request for number in range(50) for ask in material.asks(Demand(1), number)}) == 50
    assert {len(ask.recipe) for ask in asks} == {SMALL.recipe, SMALL.frame} and {len(ask.request) for ask in asks} == {SMALL.request}
    assert asks[0].recipe == material.asks(Demand(1), 99)[0].recipe
    assert all(0 < token < 500 for ask in asks for token in ask.prompt)


def test_text_is_read_by_the_base_s_own_tokenizer_and_begins_otherwise_each_time() -> None:
    asks = [
        Material(SMALL, 500, lambda text: [ord(letter) % 499 + 1 for letter in text]).asks(Demand(1), number)[0] for number in range(20)
    ]
    assert {len(ask.prompt) for ask in asks} == {SMALL.recipe + SMALL.request}
    assert len({ask.request for ask in asks}) == 20


def test_more_users_are_measured_in_fewer_rounds() -> None:
    assert [Extent("x", rounds=rounds).rounds_of(Demand(users)) for rounds, users in ((3, 1), (3, 4), (1, 4), (9, 2))] == [3, 1, 1, 3]


# --- figures


def test_a_step_of_sides_in_turn_is_the_sum_of_both() -> None:
    one = sample(2.0, (Arm.PROMPTED, [1, 2, 3], [0.5, 0.6, 0.7]), (Arm.TUNED, [1, 2, 3], [1.0, 1.3, 1.6]))
    assert figures(Demand(1), TOGETHER, [one], []).step_ms == pytest.approx(300)
    assert figures(Demand(1), IN_TURN, [one], []).step_ms == pytest.approx(400)


def test_ratios_are_of_the_same_round_and_naive_s_one_duel_counts_for_each_user() -> None:
    def both(wall: float) -> Measured:
        return sample(wall, (Arm.PROMPTED, [1, 2], [0.1, 0.2]), (Arm.TUNED, [1, 2], [0.1, 0.2]), cpu_s=wall / 2)

    naive, mine = [both(10.0), both(20.0), both(10.0)], [both(10.0), both(40.0), both(2.0)]
    found = figures(Demand(4), TOGETHER, mine, naive)
    assert (found.wall_s, found.naive_over_wall, found.naive_over_cpu) == (10.0, pytest.approx(4.0), pytest.approx(4.0))
    assert found.tokens_per_s == pytest.approx(0.4)
    own = figures(Demand(4), NAIVE, naive, naive)
    assert (own.wall_s, own.cpu_s, own.naive_over_wall, own.differs_at) == (40.0, 20.0, pytest.approx(1.0), {})
    assert own.tokens_per_s == pytest.approx(0.4)


def test_the_first_token_that_is_another_is_found_in_any_round() -> None:
    def one(tokens: list[int]) -> Measured:
        return sample(1.0, (Arm.PROMPTED, tokens, [0.1] * len(tokens)), (Arm.TUNED, [9], [0.1]))

    assert differs_at([one([1, 2, 3]), one([1, 2, 4])], [one([1, 2, 3]), one([1, 2, 3])], Arm.PROMPTED) == 2
    assert differs_at([one([1, 2, 3])], [one([1, 2, 3])], Arm.PROMPTED) is None


def test_a_duel_is_divided_by_its_slower_side() -> None:
    assert alone_ratio({Arm.PROMPTED: [sample(4.0)], Arm.TUNED: [sample(5.0)]}, [sample(6.0)]) == pytest.approx(1.2)


# --- the table, the page, the picture


def benchmark() -> Benchmark:
    times = dict.fromkeys(DUEL, 0.5)
    naive = Figures("1 user", 1, "naive", 3, 24.0, 33.0, 1.0, 1.0, 227.0, 8.0, times, 1170, {})
    general = replace(naive, way="general", wall_s=8.0, naive_over_wall=3.0, differs_at=dict.fromkeys(DUEL), over_slower_alone=1.15)
    llama = replace(naive, way="llama_f16", wall_s=7.9, differs_at={Arm.PROMPTED: 0, Arm.TUNED: None})
    many = replace(naive, load="4 users", users=4, wall_s=96.0)
    alone = [
        replace(general, load=f"{arm} alone", wall_s=wall, first_s={arm: first})
        for arm, wall, first in zip(DUEL, (6.0, 8.0), (0.3, 0.2), strict=True)
    ]
    machine = Machine("Some CPU", ("avx2",), 2, 23.5, "Linux 6", {"Python": "3.11", "torch": "2.13"})
    ways = (naive, general, llama, *alone, many, replace(many, way="general", wall_s=12.0, naive_over_wall=8.0))
    why = {"llama_q8_0": "There is no llama-server on PATH."}
    return Benchmark("smollm2", "made", Sizes(), "2026-11-28T12:00+00:00", 420.0, 1.9, machine, "0.6", ways, why, ())


def test_the_table_says_what_was_found() -> None:
    told = page.text(benchmark())
    assert (
        "base smollm2" in told
        and "Some CPU, 2 cores, 23.5 GiB; avx2" in told
        and "llama.cpp 0.6" in told
        and "The machine was not quiet" in told
    )
    lines = told.splitlines()
    (row,) = (line for line in lines[: lines.index("4 users:")] if line.startswith("this engine, general path"))
    assert row.split()[-11:] == ["8.00", "3.00", "33.00", "1.00", "227", "8.0", "0.50", "0.50", "1.15", "1,170", "all"]
    assert any(line.startswith("llama.cpp f16, two runs") and line.endswith("up to 0 / all") for line in lines)
    assert any(line.startswith("transformers + peft, one after the other (one duel, times 4)") for line in lines)
    assert "Not measured, llama.cpp Q8_0, two runs: There is no llama-server on PATH." in lines
    (alone,) = (line for line in lines[lines.index("1 user:", lines.index("4 users:")) :] if line.startswith("this engine, general path"))
    assert alone.split()[-7:] == ["6.00", "8.00", "227", "227", "0.30", "0.20", "1.50"]


def test_the_page_has_its_command_machine_versions_and_what_was_not_measured(tmp_path: Path) -> None:
    found = benchmark()
    page.write(found, tmp_path / "benchmarks.md", "python -m engine bench --write benchmarks.md")
    told = (tmp_path / "benchmarks.md").read_text()
    assert "Written by `python -m engine bench --write benchmarks.md`" in told and "(benchmarks.png)" in told
    assert "Python 3.11, torch 2.13" in told and "## On a GPU\n\nNot measured." in told and "`--architectures` adds them" in told
    assert "| this engine, general path | 8.00 | 3.00 |" in told and "600 tokens of recipe and 40 of request" in told
    assert (tmp_path / "benchmarks.png").read_bytes().startswith(b"\x89PNG")
    kind = OtherKind("Phi", found.figures[0], found.figures[1])
    assert "| Phi | 24.00 | 33.00 | 8.00 | 33.00 | 3.00 | 1.00 | all |" in page.page(replace(found, others=(kind,)), "x", "y.png")


def test_a_picture_of_one_load_is_drawn_too(tmp_path: Path) -> None:
    found = benchmark()
    draw(replace(found, figures=found.figures[:3]), tmp_path / "one.png")
    draw(found, tmp_path / "two.png")
    assert (tmp_path / "one.png").stat().st_size < (tmp_path / "two.png").stat().st_size


def test_this_machine_is_known() -> None:
    machine = read_machine()
    assert machine.cpu and machine.cores >= 1 and {"Python", "torch", "transformers"} <= set(machine.versions)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_another_process_s_seconds_and_memory_are_read() -> None:
    busy = "x = bytearray(60_000_000)\nprint('ready', flush=True)\nfor _ in range(10**7): pass\nprint('done', flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == "ready\n"
        before = cpu_seconds(process.pid)
        assert process.stdout.readline() == "done\n"
        assert cpu_seconds(process.pid) - before > 0.05 and peak_mib(process.pid) > 57
        process.stdin.write("\n")


# --- what it stands on


def test_a_copied_base_writes_numbers_and_knows_no_end(tmp_path: Path) -> None:
    source = tiny.save_base(tmp_path / "source")
    vocabulary = models.copy_base(source, tmp_path / "base")
    told = json.loads((tmp_path / "base" / "config.json").read_text())
    assert told["eos_token_id"] is None and told["vocab_size"] == vocabulary
    assert (tmp_path / "base" / "model.safetensors").samefile(source / "model.safetensors")
    assert models.encoder(source)("hello what") and not (tmp_path / "base" / "generation_config.json").exists()
    with pytest.raises(BadModel, match="cannot be read"):
        models.copy_base(tmp_path, tmp_path / "other")


def test_made_weights_are_exact_in_float16(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    shape = {"model_type": "llama", "vocab_size": 50, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    models.make_base(shape | {"num_attention_heads": 2}, tmp_path / "base")
    weights = load_file(tmp_path / "base" / "model.safetensors")
    assert weights and all(weight.half().bfloat16().equal(weight) for weight in weights.values())


def test_a_kind_that_is_no_gguf_here_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt_neox"}))
    with pytest.raises(BadModel, match="A model of the kind gpt_neox is not made into GGUF here"):
        shape_of(tmp_path)


async def test_without_a_server_its_ways_are_left_out_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(llamacpp, "WHEEL", "nothing_of_that_name")
    base = tiny.save_base(tmp_path / "source", context=128)
    wanted = Extent(str(base), sizes=SMALL)
    ground = prepare(EngineSettings(), wanted, tmp_path)
    assert llamacpp.find_server() is None
    with pytest.raises(BackendError, match="There is no llama-server on PATH"):
        await _open_llamacpp(WAYS[-1], ground, 1, SMALL)


class Broken:
    """A way that fails when it is asked."""

    async def run(self, asks: Sequence[Ask], new_tokens: int) -> Measured:
        raise BackendError("server", "It broke.")

    async def aclose(self) -> None:
        """Nothing to end."""


async def test_another_s_failure_leaves_it_out_and_one_of_ours_ends_the_run(tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path / "source", context=128)
    wanted = Extent(str(base), users=(1,), sizes=SMALL)
    running = Race(prepare(EngineSettings(), wanted, tmp_path), wanted, lambda said: None)
    running.ways = [(IN_TURN, Broken())]
    assert await running.measure() == {} and running.skipped == {IN_TURN.key: "It broke."}
    running.ways = [(TOGETHER, Broken())]
    with pytest.raises(BackendError, match=r"It broke\."):
        await running.measure()


# --- small runs of the real thing


@pytest.mark.process
async def test_the_engine_writes_naive_s_tokens_and_so_does_llama_cpp_in_f16(tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path / "base", context=256)
    found = await run(EngineSettings(), Extent(str(base), users=(1, 2), rounds=1, sizes=SMALL))
    ours = [one for one in found.figures if one.way in ("general", "fast") and len(one.first_s) == 2]
    assert [one.differs_at for one in ours] == [dict.fromkeys(DUEL)] * 4
    assert all(one.wall_s > 0 and one.step_ms > 0 and one.peak_mib > 5 for one in found.figures)
    assert all(one.cpu_s > 0 and one.peak_mib > 100 for one in ours)  # a model this small takes llama.cpp less than a tick of the clock
    assert ours[0].over_slower_alone and {one.load for one in found.figures} == {"1 user", "prompted alone", "tuned alone", "2 users"}
    llama = [one for one in found.figures if one.way == "llama_f16"]
    if llamacpp.find_server() is None:
        assert not llama and set(found.skipped) == {way.key for way in WAYS if way.kind == "llama.cpp"}
    else:
        assert [one.differs_at for one in llama] == [dict.fromkeys(DUEL)] * 2


@pytest.mark.process
def test_the_command_measures_a_folder_and_writes_a_page(tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path / "base", context=1024)
    words = ["bench", "--base", str(base), "--users", "1", "--rounds", "1", "--json", "--write", str(tmp_path / "speed.md")]
    done = subprocess.run([sys.executable, "-m", "engine", *words], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    general = next(one for one in told["figures"] if one["way"] == "general" and one["load"] == "1 user")
    assert general["differs_at"] == {"prompted": None, "tuned": None} and general["naive_over_cpu"] > 0
    page_words = (tmp_path / "speed.md").read_text()
    assert f"`python -m engine {' '.join(word for word in words if word != '--json')}`" in page_words and (tmp_path / "speed.png").exists()
