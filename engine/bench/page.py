"""A run for people: its tables as text, and docs/benchmarks.md, which is never typed by hand."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.bench.plan import DUEL
from engine.bench.running import Benchmark
from engine.bench.samples import Figures
from engine.bench.ways import NAIVE, WAYS

LABELS = {way.key: way.label for way in WAYS}
HEADER = (
    *("way", "wall s", "naive / it", "CPU s", "naive / it, CPU", "step ms", "tokens/s", "first words s, prompted", "tuned"),
    *("/ slower side alone", "peak MiB", "tokens as naive's, prompted / tuned"),
)
OTHERS_HEADER = (
    "kind",
    "naive wall s",
    "naive CPU s",
    "general wall s",
    "general CPU s",
    "naive / general, wall",
    "CPU",
    "tokens as naive's",
)
ALONE_HEADER = (
    "one side alone",
    "prompted wall s",
    "tuned wall s",
    "step ms, prompted",
    "tuned",
    "first words s, prompted",
    "tuned",
    "prompted / tuned",
)
BUSY = 0.5  # processes that wanted the processor before a run; with more the page says so
Row = tuple[str, ...]


def tables(found: Benchmark) -> list[tuple[str, list[Row]]]:
    """Lay out the figures of each load: its name, and a row for each way below a header. Sides alone are no load here."""
    loads = list(dict.fromkeys(one.load for one in found.figures if len(one.first_s) == len(DUEL)))
    return [(load, [HEADER, *(row(one) for one in found.figures if one.load == load)]) for load in loads]


def row(one: Figures) -> Row:
    """Word the figures of a way."""
    times = f" (one duel, times {one.users})" if one.way == NAIVE.key and one.users > 1 else ""
    return (
        LABELS[one.way] + times,
        f"{one.wall_s:.2f}",
        _ratio(one.naive_over_wall),
        f"{one.cpu_s:.2f}",
        _ratio(one.naive_over_cpu),
        f"{one.step_ms:.0f}",
        f"{one.tokens_per_s:.1f}",
        *(f"{one.first_s[arm]:.2f}" for arm in DUEL),
        _ratio(one.over_slower_alone),
        f"{one.peak_mib:,}",
        same(one),
    )


def alone(found: Benchmark) -> list[Row]:
    """Lay out the figures of sides alone, a row for each way that was measured so below a header; no rows when none was."""
    rows: list[Row] = []
    for way in WAYS:
        sides = {
            arm: one
            for one in found.figures
            if one.way == way.key and tuple(one.first_s) in {(arm,) for arm in DUEL}
            for arm in one.first_s
        }
        if len(sides) == len(DUEL):
            prompted, tuned = (sides[arm] for arm in DUEL)
            firsts = [sides[arm].first_s[arm] for arm in DUEL]
            walls, steps = (f"{one.wall_s:.2f}" for one in (prompted, tuned)), (f"{one.step_ms:.0f}" for one in (prompted, tuned))
            rows.append((way.label, *walls, *steps, *(f"{first:.2f}" for first in firsts), f"{firsts[0] / firsts[1]:.2f}"))
    return [ALONE_HEADER, *rows] if rows else []


def same(one: Figures) -> str:
    """Say of both sides whether the tokens are naive's, or the first that is another."""
    if not one.differs_at:
        return "-"
    words = ["all" if place is None else f"up to {place}" for place in one.differs_at.values()]
    return words[0] if len(set(words)) == 1 else " / ".join(words)


def others(found: Benchmark) -> list[Row]:
    """Lay out the figures of other kinds of models, a row each below a header."""
    return [
        OTHERS_HEADER,
        *(
            (
                kind.name,
                *(f"{value:.2f}" for one in (kind.naive, kind.general) for value in (one.wall_s, one.cpu_s)),
                *(_ratio(value) for value in (kind.general.naive_over_wall, kind.general.naive_over_cpu)),
                same(kind.general),
            )
            for kind in found.others
        ),
    ]


def text(found: Benchmark) -> str:
    """Write the run for a terminal."""
    parts = [*_about(found)]
    for load, rows in tables(found):
        parts += ["", f"{load}:", *_aligned(rows)]
    if rows := alone(found):
        parts += ["", "1 user:", *_aligned(rows)]
    if found.others:
        parts += ["", "other kinds of models, random weights, 1 user:", *_aligned(others(found))]
    return "\n".join([*parts, *(f"Not measured, {LABELS[way]}: {why}" for way, why in found.skipped.items())]) + "\n"


def page(found: Benchmark, command: str, picture: str) -> str:
    """Write the run as a page in Markdown. command: the one that writes it; picture: the name of its picture, in the same folder."""
    parts = [
        "# How fast it is",
        f"Written by `{command}`; every figure is of that one run. Ratios are what to quote: the ways take turns, duel by duel, so a "
        "machine whose speed drifts treats all alike.",
        f"![Seconds of a duel by each way, shorter is better]({picture})",
        "\n".join(f"- {line}" for line in _about(found)),
        MEANING.format(sizes=found.sizes),
    ]
    for load, rows in tables(found):
        parts += [f"## {load}", _markdown(rows)]
    if rows := alone(found):
        parts += ["## One side alone", _markdown(rows)]
    parts += [f"{LABELS[way]}: not measured. {why}" for way, why in found.skipped.items()]
    parts += ["## Other kinds of models"]
    if found.others:
        parts += ["Small models of 12 layers with random weights, one user, the same duel.", _markdown(others(found))]
    else:
        parts += ["Not measured in this run; `--architectures` adds them."]
    parts += ["## On a GPU", "Not measured."]
    return "\n\n".join(parts) + "\n"


MEANING = """\
A duel here: {sizes.recipe} tokens of recipe and {sizes.request} of request on the prompted side, {sizes.frame} and the same {sizes.request}
on the tuned side, {sizes.new} new tokens on each, greedy; no answer ends before. Every duel asks another request, so of earlier prompts
only the recipe can be kept. Each way has answered one before it is measured. Figures are medians over the rounds.

- CPU seconds are those of all threads of the way's process; peak memory is what was resident in it.
- A step is one more token on both sides. First words count from the question; where one side comes after the other, the later one waits.
- Tokens are compared with naive's, one user's duel in each round: all, or up to the first that differs in any round.
- Naive is transformers' `generate()` and peft in float32, with as many threads as torch takes by itself.
- This engine is run as it comes: it writes up to DUEL_MAX_ROWS answers at the same time, and more wait their turn.
- llama.cpp answers the base side, then the adapter side, as it never batches rows with different adapters; it keeps prompts in a slot for
  each person and side. A quantised model is not the same model, so its tokens differ."""


def _about(found: Benchmark) -> Iterable[str]:
    machine = found.machine
    memory = f", {machine.memory_gib:g} GiB" if machine.memory_gib else ""
    yield f"base {found.base}; adapter {found.adapter}; {found.when}, {found.took_s / 60:.1f} minutes"
    yield f"{machine.cpu}, {machine.cores} cores{memory}; {', '.join(machine.flags) or 'no flags known'}; {machine.system}"
    versions = machine.versions | ({"llama.cpp": found.llamacpp} if found.llamacpp else {})
    yield ", ".join(f"{name} {version}" for name, version in versions.items())
    if found.load_before is not None and found.load_before > BUSY:
        yield f"The machine was not quiet: {found.load_before:.1f} processes wanted its cores in the minute before."


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _aligned(rows: Sequence[Row]) -> list[str]:
    """Set rows in columns, the first to the left, numbers to the right; the header over two lines where a name is long."""
    split = [_broken(cell) for cell in rows[0]]
    depth = max(map(len, split))
    head = [tuple(cell[line] if line < len(cell) else "" for cell in split) for line in range(depth)]
    lines = [*head, *rows[1:]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width) for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def _broken(words: str) -> list[str]:
    lines = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + len(word) > 12:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _markdown(rows: Sequence[Row]) -> str:
    rule = "|".join(["---", *("---:" for _ in rows[0][1:])])
    lines = [f"| {' | '.join(line)} |" for line in rows]
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


def write(found: Benchmark, file: Path, command: str) -> None:
    """Write the page, and its picture beside it. Raises OSError."""
    from engine.bench.picture import draw  # takes half a second, and most runs draw nothing

    picture = file.with_suffix(".png")
    draw(found, picture)
    file.write_text(page(found, command, picture.name), encoding="utf-8")
