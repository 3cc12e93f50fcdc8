"""What people and models wrote, made safe to show. Pure: text in, text or HTML out.

Everything is text first. Markdown is rendered from it with raw HTML switched off, so a tag in an answer is shown
as the characters that it is; links keep to http, https and mailto; an image is shown as its description, because
loading one would tell a stranger that the answer was read.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from html import escape

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from bot.fronts.web.code import coloured
from bot.fronts.web.maths import mathml, with_maths

# longer texts are shown as they are: rendering them again and again while they are written takes the loop's time
MARKDOWN_CHARACTERS = 20_000

COPY_CODE = (
    '<button class="bare small" type="button" data-does="copy" aria-label="Copy this code" title="Copy this code"><span class="icon">'
    '<svg viewBox="0 0 24 24" aria-hidden="true"><rect x="8.5" y="8.5" width="11" height="11" rx="2.5"/>'
    '<path d="M15.5 8.5V7A2.5 2.5 0 0 0 13 4.5H7A2.5 2.5 0 0 0 4.5 7v6"/></svg></span></button>'
)
_SAFE_LINK = re.compile(r"(https?://|mailto:)[^\s]+\Z", re.IGNORECASE)
_OVERRIDE = re.compile("[\u202d\u202e]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def shown(text: str) -> str:
    """Show a text with nothing hidden: direction overrides spelled out, characters that are none replaced.

    An override turns the order of the letters around, so that a reader sees another text than was written. Marks,
    embeddings and isolates, which right-to-left languages need, stay; they end with the block that holds them.
    """
    text = _SURROGATE.sub("\ufffd", text).replace("\0", "\ufffd")
    return _OVERRIDE.sub(lambda found: f"[U+{ord(found.group()):04X}]", text)


@lru_cache(maxsize=64)
def html_of(text: str, *, whole: bool = True) -> str:
    """Markdown as HTML in one isolated block. The result holds no tag, attribute or address that the text chose,
    apart from safe links. whole: the text has ended; code is coloured then, and formulas are drawn."""
    text = shown(text)
    body = f"<pre>{escape(text)}</pre>" if len(text) > MARKDOWN_CHARACTERS else _renderer().render(text, {"whole": whole})
    return f'<div class="prose" dir="auto">{shown(body)}</div>'  # again: &#x202e; is an override, too


@lru_cache(maxsize=1)
def _renderer() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}, renderer_cls=_Renderer).enable("table")
    markdown.validateLink = lambda url: _SAFE_LINK.match(url) is not None  # type: ignore[method-assign]
    markdown.core.ruler.push("empty_links", _without_empty_links)
    return with_maths(markdown)


def _without_empty_links(state: StateCore) -> None:
    """Leave of links without an address their words: "[words]()" is a link in Markdown, and its address passes no check."""
    for token in state.tokens:
        children, kept, dropped = token.children or [], list[Token](), list[bool]()
        for child in children:
            if child.type == "link_open":
                dropped.append(not child.attrGet("href"))
            ends = child.type == "link_close"
            if not (child.type in ("link_open", "link_close") and dropped and dropped[-1]):
                kept.append(child)
            if ends and dropped:
                dropped.pop()
        if token.children is not None:
            token.children = kept


class _Renderer(RendererHTML):
    """markdown-it's HTML, less what an answer must not decide: images, class names, the page's own headings."""

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return escape(self.renderInlineAsText(tokens[idx].children or [], options, env) or "image")

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        text, language = tokens[idx].content, tokens[idx].info.partition(" ")[0]
        if not env["whole"]:
            return f"<pre><code>{escape(text)}</code></pre>\n"
        return f'<div class="code">{COPY_CODE}<pre><code>{coloured(text, language)}</code></pre></div>\n'

    def math(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        return (env["whole"] and mathml(token.content, block=token.block)) or escape(token.markup)

    def heading_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f"<{_lower(tokens[idx].tag)}>"

    def heading_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f"</{_lower(tokens[idx].tag)}>\n"

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        address = escape(str(tokens[idx].attrGet("href")))
        return f'<a href="{address}" title="{address}" target="_blank" rel="noopener noreferrer nofollow">'


def _lower(tag: str) -> str:
    """h1 to h6 as h4 to h6, below the page's own headings."""
    return f"h{min(6, int(tag[1]) + 3)}"
