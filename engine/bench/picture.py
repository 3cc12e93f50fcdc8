"""A run as a picture: for each number of users the seconds of a duel by each way."""

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from engine.bench.plan import DUEL
from engine.bench.running import Benchmark
from engine.bench.ways import NAIVE, WAYS

OURS, OTHERS, INK, SOFT = "#4450c4", "#b9bcc6", "#1d1e21", "#5d5e63"
WIDTH, ROW, HEAD = 9.0, 0.38, 0.9  # inches: of the picture, of a bar, of what stands above a load's bars


def draw(found: Benchmark, file: Path) -> None:
    """Draw the run into a PNG file."""
    loads = list(dict.fromkeys(one.load for one in found.figures if len(one.first_s) == len(DUEL)))
    taken = [[one for one in found.figures if one.load == load] for load in loads]
    heights = [HEAD + ROW * len(rows) for rows in taken]
    figure = Figure(figsize=(WIDTH, sum(heights)), facecolor="white", layout=ConstrainedLayoutEngine(h_pad=0.1, w_pad=0.1))
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(loads), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    ways = {way.key: way for way in WAYS}
    for axes, load, rows in zip(panels, loads, taken, strict=True):
        colours = [OURS if ways[one.way].kind == "engine" else OTHERS for one in rows]
        bars = axes.barh([ways[one.way].label for one in rows], [one.wall_s for one in rows], color=colours, height=0.7)
        words = [
            f"{one.wall_s:.1f} s"
            + (f", {one.naive_over_wall:.1f} times naive's speed" if one.naive_over_wall and one.way != NAIVE.key else "")
            for one in rows
        ]
        axes.bar_label(bars, words, padding=4, color=INK, fontsize=9)
        axes.set_xlim(0, max(one.wall_s for one in rows) * 1.35)
        axes.set_title(f"{load}: seconds for {found.sizes.new} tokens on each side", loc="left", color=INK, fontsize=10)
        axes.invert_yaxis()
        axes.tick_params(colors=SOFT, length=0, labelsize=9)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(OTHERS)
    figure.savefig(file, dpi=110)
