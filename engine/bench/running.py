"""A run of the benchmark: every way started, asked the same duels in turn, and ended.

Way after way answers a duel before the next duel begins, so a machine whose speed drifts treats all alike; ratios are what to quote.
"""

import asyncio
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.backends.local.fetching import fetch
from engine.bench import gguf_files
from engine.bench.llamacpp import WHEEL, LlamaServer, find_server, version_of
from engine.bench.machine import Machine, has_proc, load_average, read_machine
from engine.bench.plan import ALONE, Load, Material, Sizes
from engine.bench.processes import WorkerProcess
from engine.bench.samples import Figures, Runner, Sample, alone_ratio, figures
from engine.bench.shapes import ARCHITECTURES, REAL
from engine.bench.ways import NAIVE, WAYS, Way
from engine.contestants import open_adapter
from engine.errors import BackendError, BadModel, first_line
from engine.lineup import base_folder
from engine.settings import EngineSettings

WARM_TOKENS = 4  # new tokens of the duel that each way answers before it is measured
ONE_ROUND_FROM = 2  # users; so many and more at once are measured in a third of the rounds
SMALL_USERS = Load(1)  # what other architectures are asked
Hear = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run is to measure."""

    base: str  # a name in shapes.REAL, or what DUEL_BASE_MODEL takes
    users: tuple[int, ...] = (1, 4)
    rounds: int = 3  # of one user
    architectures: bool = False  # whether small models of other kinds are measured too
    sizes: Sizes = Sizes()

    def rounds_of(self, load: Load) -> int:
        """The number of rounds of a load."""
        return self.rounds if load.users < ONE_ROUND_FROM else max(1, self.rounds // 3)


@dataclass(frozen=True, slots=True)
class OtherKind:
    """The general path on a small model of another kind."""

    name: str
    naive: Figures
    general: Figures


@dataclass(frozen=True, slots=True)
class Benchmark:
    """All that a run found."""

    base: str
    adapter: str  # in words
    sizes: Sizes
    when: str  # ISO 8601, UTC
    took_s: float
    load_before: float | None  # processes that wanted the processor in the minute before
    machine: Machine
    llamacpp: str  # the version of its server; "" where none was run
    figures: tuple[Figures, ...]
    skipped: dict[str, str]  # by way, why it was not measured
    others: tuple[OtherKind, ...]  # empty: not measured


@dataclass(frozen=True, slots=True)
class Ground:
    """What all ways of a run stand on."""

    base: Path
    adapter: Path
    said: str  # of the adapter
    material: Material
    settings: Mapping[str, Any]  # of the engine, fields by name


async def run(settings: EngineSettings, wanted: Wanted, hear: Hear = lambda said: None) -> Benchmark:
    """Measure what is wanted, and tell `hear` what is being done. Raises BadModel, BadAdapter, SettingsError, BackendError."""
    start, busy = time.monotonic(), load_average()
    with tempfile.TemporaryDirectory(prefix="duelbot-bench-") as name:
        folder = Path(name)
        hear("Making the base and the adapter …")
        ground = await asyncio.to_thread(prepare, settings, wanted, folder)
        skipped: dict[str, str] = {}
        async with AsyncExitStack() as stack:
            runners = await _opened(stack, ground, max(wanted.users), wanted.sizes, folder, skipped, hear)
            samples = await _measured(runners, ground.material, wanted, skipped, hear)
        others = await _other_kinds(settings, wanted, folder, hear) if wanted.architectures else ()
    server = find_server() if any(way.kind == "llama.cpp" for way, _ in runners) else None
    return Benchmark(
        base=wanted.base,
        adapter=ground.said,
        sizes=wanted.sizes,
        when=datetime.now(UTC).isoformat(timespec="minutes"),
        took_s=time.monotonic() - start,
        load_before=busy,
        machine=read_machine(),
        llamacpp=version_of(server) if server else "",
        figures=tuple(_figures(samples, [way for way, _ in runners if way.key not in skipped])),
        skipped=skipped,
        others=others,
    )


def prepare(settings: EngineSettings, wanted: Wanted, folder: Path) -> Ground:
    """Make base and adapter in `folder`. Raises BadModel, BadAdapter. Imports torch."""
    from engine.bench import models

    base, adapter = folder / "base", folder / "adapter"
    if shape := REAL.get(wanted.base):
        material = Material(wanted.sizes, models.make_base(shape, base), None)
    else:
        source = base_folder(wanted.base)
        material = Material(wanted.sizes, models.copy_base(source, base), models.encoder(source))
    if settings.adapter and wanted.base == settings.base_model:
        own = open_adapter(fetch(settings.adapter, "adapter"))
        models.copy_adapter(Path(own.folder), adapter)
        said = f"{own.name} {own.version}"
    else:
        models.make_adapter(base, adapter)
        said = f"made: rank {models.RANK}, all kinds of linear layers, random weights"
    return Ground(base, adapter, said, material, _engine_fields(settings))


def _engine_fields(settings: EngineSettings) -> dict[str, Any]:
    """The settings under which the engine is measured: those of the person, on the processor, in float32, with any living adapter."""
    return {"threads": settings.threads, "max_rows": settings.max_rows, "device": "cpu", "dtype": "float32", "alive_difference": 1e-12}


async def _opened(
    stack: AsyncExitStack, ground: Ground, users: int, sizes: Sizes, folder: Path, skipped: dict[str, str], hear: Hear
) -> list[tuple[Way, Runner]]:
    """Start all ways that can be had; why another cannot goes into `skipped`."""
    opened: list[tuple[Way, Runner]] = []
    for way in WAYS:
        hear(f"Starting {way.label} …")
        try:
            runner: Runner
            if way.kind == "llama.cpp":
                runner = await _open_llamacpp(way, ground, users, sizes, folder)
            else:
                runner = await WorkerProcess.open(way, ground.base, ground.adapter, ground.settings)
        except (BackendError, BadModel) as error:
            if way.kind != "llama.cpp":
                raise
            skipped[way.key] = error.words
            continue
        stack.push_async_callback(runner.aclose)
        opened.append((way, runner))
    return opened


async def _open_llamacpp(way: Way, ground: Ground, users: int, sizes: Sizes, folder: Path) -> LlamaServer:
    """Raises BackendError and BadModel with the reason why there is none."""
    server = find_server()
    if server is None:
        raise BackendError("server", f"There is no llama-server on PATH, and the package {WHEEL.replace('_', '-')} is not installed.")
    if not gguf_files.is_installed():
        raise BackendError("server", "Its files are made with the package gguf, which is not installed: pip install 'duelbot[bench]'.")
    if not has_proc():
        raise BackendError("server", "Its CPU seconds and memory are read from /proc, which this system does not have.")
    model, adapter = folder / f"{way.variant}.gguf", folder / "adapter.gguf"
    try:
        await asyncio.to_thread(gguf_files.write_base, ground.base, model, way.variant)
        if not adapter.exists():
            await asyncio.to_thread(gguf_files.write_adapter, ground.adapter, ground.base, adapter)
    except OSError as error:
        raise BackendError("server", f"Its files cannot be written: {first_line(error)}") from error
    return await LlamaServer.open(server, model, adapter, users, sizes)


Samples = dict[Load, dict[str, list[Sample]]]  # by load and way, one for each round


async def _measured(
    runners: Sequence[tuple[Way, Runner]], material: Material, wanted: Wanted, skipped: dict[str, str], hear: Hear
) -> Samples:
    samples: Samples = {}
    number = 0  # of the next request

    async def each(load: Load, new_tokens: int) -> dict[str, Sample]:
        """One round: every way that takes part in the load, in turn, on the same new requests."""
        nonlocal number
        taken = {}
        for way, runner in runners:
            if way.key in skipped or (len(load.arms) == 1 and not way.alone):
                continue
            asks = material.asks(Load(1, load.arms) if way.one_duel else load, number)
            try:
                taken[way.key] = await runner.run(asks, new_tokens)
            except BackendError as error:
                if way.kind != "llama.cpp":
                    raise
                skipped[way.key] = error.words
        number += load.users
        return taken

    for users in sorted(set(wanted.users)):
        hear(f"Warming up for {Load(users).label} …")
        await each(Load(users), WARM_TOKENS)
        loads = [Load(users), *(ALONE if users == 1 else ())]
        for turn in range(wanted.rounds_of(Load(users))):
            for load in loads:
                hear(f"Measuring {load.label}, round {turn + 1} of {wanted.rounds_of(load)} …")
                for key, sample in (await each(load, wanted.sizes.new)).items():
                    samples.setdefault(load, defaultdict(list))[key].append(sample)
    return samples


def _figures(samples: Samples, ways: Sequence[Way]) -> list[Figures]:
    found = []
    for load, taken in samples.items():
        for way in ways:
            if way.key not in taken:
                continue
            one = figures(load, way, taken[way.key], taken.get(NAIVE.key, []))
            alone = {arm.arms[0]: samples[arm][way.key] for arm in ALONE if way.key in samples.get(arm, {})}
            if load == Load(1) and alone:
                one = replace(one, over_slower_alone=alone_ratio(alone, taken[way.key]))
            found.append(one)
    return found


async def _other_kinds(settings: EngineSettings, wanted: Wanted, folder: Path, hear: Hear) -> tuple[OtherKind, ...]:
    """Measure the general path on a small model of each other kind, one after the other. Raises BackendError."""
    from engine.bench import models

    found = []
    ways = [NAIVE, next(way for way in WAYS if way.variant == "general")]
    for place, (name, shape) in enumerate(ARCHITECTURES.items()):
        hear(f"Measuring {name} …")
        base, adapter = folder / f"kind{place}", folder / f"kind{place}-adapter"
        material = Material(wanted.sizes, await asyncio.to_thread(models.make_base, shape, base), None)
        await asyncio.to_thread(models.make_adapter, base, adapter)
        async with AsyncExitStack() as stack:
            runners: list[tuple[Way, Runner]] = []
            for way in ways:
                runner = await WorkerProcess.open(way, base, adapter, _engine_fields(settings))
                stack.push_async_callback(runner.aclose)
                runners.append((way, runner))
            samples: dict[str, list[Sample]] = defaultdict(list)
            for number in range(wanted.rounds + 1):
                for way, runner in runners:
                    sample = await runner.run(material.asks(SMALL_USERS, number), wanted.sizes.new if number else WARM_TOKENS)
                    samples[way.key].extend([sample] if number else [])
        naive, general = (figures(SMALL_USERS, way, samples[way.key], samples[NAIVE.key]) for way in ways)
        found.append(OtherKind(name, naive, general))
    return tuple(found)
