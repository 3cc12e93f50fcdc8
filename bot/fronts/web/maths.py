r"""Formulas in what a model wrote: LaTeX between \( \), \[ \], $$ $$ or $ $ becomes MathML, which browsers draw themselves. Pure.

latex2mathml (MIT licence) reads the LaTeX; of what it makes, only the elements and attributes named here are written, and text as text.
What cannot be read stays as it was written.
"""

import re
from functools import lru_cache
from html import escape, unescape
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

MOST = 500  # characters of a formula; longer ones stay text
_ELEMENTS = {
    *("math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup", "mstyle"),
    *("munder", "mover", "munderover", "mtable", "mtr", "mtd", "mpadded", "mphantom", "menclose"),
}
_ATTRIBUTES = {
    *("display", "displaystyle", "stretchy", "fence", "form", "separator", "accent", "mathvariant", "linethickness", "columnalign"),
    *("minsize", "maxsize", "width", "movablelimits", "notation", "symmetric", "lspace", "rspace"),
}
_DEFINES = re.compile(r"\\(?:new|renew|provide|def|let|Declare|edef|gdef)")  # macros could unfold into any length
_PLACES = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        rf"\\\((?P<inline>.{{1,{MOST}}}?)\\\)",
        rf"\\\[(?P<block>.{{1,{MOST}}}?)\\\]",
        rf"\$\$(?P<block>[^$]{{1,{MOST}}})\$\$",
        rf"\$(?=\S)(?P<dollar>[^$\n]{{1,{MOST}}})(?<=[^\s\\])\$(?!\d)",
    )
)
_FORMULA = re.compile(r"[\\^_={}]")  # without one of these, what stands between two dollars is prices


def with_maths(markdown: MarkdownIt) -> MarkdownIt:
    """Teach a renderer formulas; its own method `math` draws them."""
    markdown.inline.ruler.before("escape", "math", _rule)
    return markdown


def _rule(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "\\$":
        return False
    found = next(filter(None, (place.match(state.src, state.pos) for place in _PLACES)), None)
    if found is None or found.end() > state.posMax:
        return False
    [(kind, text)] = ((kind, text) for kind, text in found.groupdict().items() if text is not None)
    if kind == "dollar" and not _FORMULA.search(text):
        return False
    if not silent:
        token = state.push("math", "math", 0)
        token.content, token.markup, token.block = text, found.group(), kind == "block"
    state.pos = found.end()
    return True


@lru_cache(maxsize=256)
def mathml(text: str, *, block: bool) -> str:
    """Write a formula as MathML; "": it cannot be read."""
    if _DEFINES.search(text):
        return ""
    try:
        return _written(convert_to_element(text, display="block" if block else "inline"))
    except Exception:  # its reader raises many kinds, some of Python's own, for what is no LaTeX
        return ""


def _written(element: Element) -> str:
    """Write an element with what is known to be harmless in it."""
    inner = escape(unescape(element.text or "")) + "".join(_written(child) for child in element)
    if element.tag in _ELEMENTS:
        given = "".join(f' {name}="{escape(value)}"' for name, value in element.attrib.items() if name in _ATTRIBUTES)
        inner = f"<{element.tag}{given}>{inner}</{element.tag}>"
    return inner + escape(unescape(element.tail or ""))
