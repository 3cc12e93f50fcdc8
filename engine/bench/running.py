"""A run of the benchmark: every way started, asked the same duels in turn, and ended.

Way after way answers a duel before the next duel begins, so a machine whose speed drifts treats all alike; ratios are what to quote.
"""

import asyncio
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.backends.local.fetching import fetch
from engine.bench import gguf_files
from engine.bench.llamacpp import WHEEL, LlamaServer, find_server, version_of
from engine.bench.machine import Machine, has_proc, load_average, read_machine
from engine.bench.plan import ALONE, Demand, Material, Sizes
from engine.bench.processes import WorkerProcess
from engine.bench.samples import Figures, Measured, Runner, alone_ratio, figures
from engine.bench.shapes import ARCHITECTURES, REAL
from engine.bench.ways import NAIVE, WAYS, Way
from engine.contestants import open_adapter
from engine.errors import BackendError, BadModel, first_line
from engine.lineup import base_folder
from engine.settings import EngineSettings

WARM_TOKENS = 4  # new tokens of the duel that each way answers before it is measured
ONE_ROUND_FROM = 2  # users; so many and more at once are measured in a third of the rounds
Hear = Callable[[str], None]
Samples = dict[Demand, dict[str, list[Measured]]]  # by load and way, one for each round


@dataclass(frozen=True, slots=True)
class Extent:
    """What a run is to measure."""

    base: str  # a name in shapes.REAL, or what DUEL_BASE_MODEL takes
    users: tuple[int, ...] = (1, 4)
    rounds: int = 3  # of one user
    architectures: bool = False  # whether small models of other kinds are measured too
    sizes: Sizes = field(default_factory=Sizes)

    def rounds_of(self, load: Demand) -> int:
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


async def run(settings: EngineSettings, wanted: Extent, hear: Hear = lambda said: None) -> Benchmark:
    """Measure what is wanted, and tell `hear` what is being done. Raises BadModel, BadAdapter, SettingsError, BackendError."""
    start, busy = time.monotonic(), load_average()
    with tempfile.TemporaryDirectory(prefix="duelbot-bench-") as name:
        folder = Path(name)
        hear("Making the base and the adapter …")
        ground = await asyncio.to_thread(prepare, settings, wanted, folder)
        running = Race(ground, wanted, hear)
        async with AsyncExitStack() as stack:
            await running.start(WAYS, stack)
            samples = await running.measure()
        others = await _other_kinds(settings, wanted, folder, hear) if wanted.architectures else ()
    ways = [way for way, _ in running.ways if way.key not in running.skipped]
    server = find_server() if any(way.kind == "llama.cpp" for way in ways) else None
    return Benchmark(
        base=wanted.base,
        adapter=ground.said,
        sizes=wanted.sizes,
        when=datetime.now(UTC).isoformat(timespec="minutes"),
        took_s=time.monotonic() - start,
        load_before=busy,
        machine=read_machine(),
        llamacpp=version_of(server) if server else "",
        figures=tuple(_figures(samples, ways)),
        skipped=running.skipped,
        others=others,
    )


def prepare(settings: EngineSettings, wanted: Extent, folder: Path) -> Ground:
    """Make base and adapter in `folder`. Raises BadModel, BadAdapter. Imports torch."""
    base, adapter, shape = folder / "base", folder / "adapter", REAL.get(wanted.base)
    source = folder if shape else base_folder(wanted.base)
    from engine.bench import models  # takes seconds, in which a wrong name has been told already

    if shape:
        material = Material(wanted.sizes, models.make_base(shape, base), None)
    else:
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


class Race:
    """The ways of a run that have been started, and the requests that they have been asked."""

    def __init__(self, ground: Ground, wanted: Extent, hear: Hear) -> None:
        self.skipped: dict[str, str] = {}  # by way, why it is not measured
        self.ways: list[tuple[Way, Runner]] = []
        self._ground, self._wanted, self._hear = ground, wanted, hear
        self._next = 0  # number of the next request

    async def start(self, ways: Iterable[Way], stack: AsyncExitStack) -> None:
        """Start the ways, all that can be had; the stack ends them. Raises BackendError for one of ours."""
        for way in ways:
            self._hear(f"Starting {way.label} …")
            with self._may_lack(way):
                runner = await self._open(way)
                stack.push_async_callback(runner.aclose)
                self.ways.append((way, runner))

    async def measure(self) -> Samples:
        """Measure each load, the smaller ones first, so that a peak of memory is of no larger load. Raises BackendError for one of ours."""
        samples: Samples = {}
        for load in (Demand(users) for users in sorted(set(self._wanted.users))):
            self._hear(f"Warming up for {load.label} …")
            await self._round(load, WARM_TOKENS)
            for turn in range(self._wanted.rounds_of(load)):
                for each in (load, *(ALONE if load.users == 1 else ())):
                    self._hear(f"Measuring {each.label}, round {turn + 1} of {self._wanted.rounds_of(load)} …")
                    for key, sample in (await self._round(each, self._wanted.sizes.new)).items():
                        samples.setdefault(each, defaultdict(list))[key].append(sample)
        return samples

    async def _round(self, load: Demand, new_tokens: int) -> dict[str, Measured]:
        """Ask every way that takes part in a load the same new requests, one way after the other."""
        taken = {}
        for way, runner in self.ways:
            if way.key in self.skipped or (len(load.arms) == 1 and not way.alone):
                continue
            asks = self._ground.material.asks(Demand(1, load.arms) if way.one_duel else load, self._next)
            with self._may_lack(way):
                taken[way.key] = await runner.run(asks, new_tokens)
        self._next += load.users
        return taken

    @contextmanager
    def _may_lack(self, way: Way) -> Iterator[None]:
        """Leave a way out that is not ours and fails, with the reason."""
        try:
            yield
        except (BackendError, BadModel) as error:
            if way.kind != "llama.cpp":
                raise
            self.skipped[way.key] = error.words

    async def _open(self, way: Way) -> Runner:
        ground, most = self._ground, max(self._wanted.users)
        if way.kind == "llama.cpp":
            return await _open_llamacpp(way, ground, most, self._wanted.sizes)
        return await WorkerProcess.open(way, ground.base, ground.adapter, ground.settings)


async def _open_llamacpp(way: Way, ground: Ground, users: int, sizes: Sizes) -> LlamaServer:
    """Raises BackendError and BadModel with the reason why there is none."""
    server = find_server()
    if server is None:
        raise BackendError(
            "server", f"There is no llama-server on PATH, and {WHEEL.replace('_', '-')} is not installed: pip install 'duelbot[bench]'."
        )
    if not has_proc():
        raise BackendError("server", "Its CPU seconds and memory are read from /proc, which this system does not have.")
    model, adapter = ground.base.with_name(f"{way.variant}.gguf"), ground.base.with_name("adapter.gguf")
    try:
        await asyncio.to_thread(gguf_files.write_base, ground.base, model, way.variant)
        if not adapter.exists():
            await asyncio.to_thread(gguf_files.write_adapter, ground.adapter, ground.base, adapter)
    except OSError as error:
        raise BackendError("server", f"Its files cannot be written: {first_line(error)}") from error
    return await LlamaServer.open(server, model, adapter, users=users, sizes=sizes, threads=ground.settings["threads"])


def _figures(samples: Samples, ways: Sequence[Way]) -> list[Figures]:
    found = []
    for load, taken in samples.items():
        for way in ways:
            if way.key not in taken:
                continue
            one = figures(load, way, taken[way.key], taken.get(NAIVE.key, []))
            alone = {arm.arms[0]: samples[arm][way.key] for arm in ALONE if way.key in samples.get(arm, {})}
            if load == Demand(1) and alone:
                one = replace(one, over_slower_alone=alone_ratio(alone, taken[way.key]))
            found.append(one)
    return found


async def _other_kinds(settings: EngineSettings, wanted: Extent, folder: Path, hear: Hear) -> tuple[OtherKind, ...]:
    """Measure the general path on a small model of each other kind, one after the other. Raises BackendError."""
    from engine.bench import models

    found = []
    ways = [NAIVE, replace(next(way for way in WAYS if way.variant == "general"), alone=False)]
    for name, shape in ARCHITECTURES.items():
        hear(f"Making {name} …")
        base, adapter = folder / shape["model_type"], folder / f"{shape['model_type']}-adapter"
        material = Material(wanted.sizes, await asyncio.to_thread(models.make_base, shape, base), None)
        await asyncio.to_thread(models.make_adapter, base, adapter)
        ground = Ground(base, adapter, "", material, _engine_fields(settings))
        running = Race(ground, replace(wanted, users=(1,)), lambda said, name=name: hear(f"{name}: {said}"))  # type: ignore[misc]
        async with AsyncExitStack() as stack:
            await running.start(ways, stack)
            naive, general = (one for one in _figures(await running.measure(), ways) if one.load == Demand(1).label)
        found.append(OtherKind(name, naive, general))
    return tuple(found)
