"""The style sheet and the few lines that run before the page is drawn; files beside this one, put into the page itself."""

from functools import cache
from pathlib import Path


@cache
def style(name: str = "style.css") -> str:
    """Read a style sheet: that of every page, or what a page has on top."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


# a theme that was chosen by hand holds from the first picture on
THEME = """<script>
try { const chosen = localStorage.getItem("duelbot-theme"); if (chosen) document.documentElement.dataset.theme = chosen; } catch {}
</script>"""
