"""The one look: colours as on the page, light and dark, and a bare figure to draw on."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from engine.printable import printable

Theme = Literal["light", "dark"]
SETTINGS: Any = {
    "font.family": "sans-serif",
    "font.size": 10,
    "svg.fonttype": "path",
    "svg.hashsalt": "duelbot",
    "axes.unicode_minus": True,
    "text.parse_math": False,  # a dollar is a dollar
}


OWN = "DejaVu Sans"  # comes with matplotlib; has no Chinese, Japanese or Korean
MORE = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Zen Hei", "PingFang SC", "Microsoft YaHei", "Yu Gothic")
LTR = "\u200e"  # left-to-right mark: what follows keeps its place beside text that runs the other way


@lru_cache(maxsize=1)
def fonts() -> list[str]:
    """Name the font of the pictures, and one that has more letters where the machine has such a one."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return [OWN, *[name for name in MORE if name in installed][:1]]


@lru_cache(maxsize=1)
def _letters() -> frozenset[int]:
    return frozenset(code for name in fonts() for code in font_manager.get_font(font_manager.findfont(name)).get_charmap())


def drawable(text: str) -> str:
    """Make a text drawable with the fonts there are, from the left; what they lack becomes �."""
    letters = _letters()
    return LTR + "".join(letter if letter == "\n" or ord(letter) in letters else "\ufffd" for letter in printable(text))


@dataclass(frozen=True, slots=True)
class Look:
    """Colours of one theme."""

    ground: str
    ink: str
    soft: str
    line: str
    first: str  # the prompt's side
    second: str  # the fine-tune's side
    first_soft: str
    second_soft: str


LOOKS: dict[Theme, Look] = {
    "light": Look("#ffffff", "#1d1e21", "#5d5e63", "#dfdcd4", "#4450c4", "#c2601c", "#e8eafb", "#fbeadb"),
    "dark": Look("#1f2125", "#ecebe7", "#a5a6ac", "#3b3d44", "#a4adff", "#f3ab72", "#2a2d4d", "#43301f"),
}


def figure(look: Look, width: float, height: float) -> Figure:
    """Make an empty figure, width and height in inches, laid out to its edges."""
    return Figure(figsize=(width, height), facecolor=look.ground, layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1))


def dress(axes: Axes, look: Look, *, grid: Literal["x", "y", "both"] | None = "y") -> None:
    """Take the box from axes, and leave a quiet grid and quiet words."""
    axes.set_facecolor(look.ground)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(look.line)
    axes.tick_params(colors=look.soft, length=0, labelsize=9)
    axes.xaxis.label.set_color(look.soft)
    axes.yaxis.label.set_color(look.soft)
    if grid:
        axes.grid(visible=True, axis=grid, color=look.line, linewidth=0.8, alpha=0.7)
    axes.set_axisbelow(True)


def empty(look: Look, words: str, width: float, height: float) -> Figure:
    """Draw a picture of nothing yet, that says so; width and height in inches."""
    fig = figure(look, width, height)
    fig.text(0.5, 0.5, drawable(words), ha="center", va="center", color=look.soft, fontsize=11)
    return fig
