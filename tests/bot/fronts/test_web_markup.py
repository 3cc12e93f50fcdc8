"""Text from people and models never becomes anything but text: no tag, no handler, no address of its own choosing."""

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.fronts.web.markup import COPY_CODE, MARKDOWN_CHARACTERS, html_of, shown
from tests.patience import patient

TAGS = {
    *("div", "p", "br", "strong", "em", "code", "pre", "a", "ul", "ol", "li", "blockquote", "hr"),
    *("h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup", "mstyle", "mtable"),
    *("munder", "mover", "munderover", "mtr", "mtd"),
    *("span", "button", "svg", "rect", "path"),  # of a block of code
}
FORMULA = {"display", "displaystyle", "stretchy", "fence", "form", "separator", "mathvariant", "columnalign", "linethickness", "accent"}
OWN = {"class", "type", "data-does", "aria-label", "aria-hidden", "title", "viewbox", "x", "y", "width", "height", "rx", "d"}
ATTRIBUTES = {"div": {"class", "dir"}, "a": {"href", "title", "target", "rel"}, "ol": {"start"}, "th": {"style"}, "td": {"style"}}


class Reader(HTMLParser):
    """What a browser would find: tags with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_harmless(html: str) -> Reader:
    reader = Reader(html)
    assert html.startswith('<div class="prose" dir="auto">') and html.endswith("</div>")
    assert [given.get("class") for tag, given in reader.tags if tag == "div"].count("prose") == 1
    assert html.count(COPY_CODE) == html.count("<button") == html.count('<div class="code">')  # buttons are of our own making alone
    for tag, attributes in reader.tags:
        assert tag in TAGS
        drawn = OWN if tag in ("button", "svg", "rect", "path", "span") else FORMULA if tag.startswith("m") else set()
        assert attributes.keys() <= ATTRIBUTES.get(tag, drawn)
        if tag == "a":
            assert re.match(r"(https?://|mailto:)", attributes["href"] or "", re.IGNORECASE)
            assert (attributes["rel"], attributes["target"]) == ("noopener noreferrer nofollow", "_blank")
        if tag in ("th", "td"):
            assert attributes.get("style", "text-align:left") in ("text-align:left", "text-align:right", "text-align:center")
    assert not re.search("[\u202d\u202e\ud800-\udfff\0]", html)
    return reader


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "</div></div><script src=//evil.example/x.js></script>",
        '<img src=x onerror="alert(1)">',
        "<svg/onload=alert(1)>",
        "<style>*{display:none}</style>",
        "<!-- <b>comment</b> -->",
        "before\n\n<iframe src=https://evil.example></iframe>\n\nafter",
        "{{ constructor.constructor('alert(1)')() }}",
    ],
)
def test_tags_and_event_handlers_are_shown_as_the_characters_they_are(text: str) -> None:
    reader = assert_harmless(html_of(text))
    assert "".join(text.split()) == "".join(reader.text.split())


@pytest.mark.parametrize(
    "text",
    [
        "[a](javascript:alert(1))",
        "[a](JaVaScRiPt:alert(1))",
        "[a](java&#115;cript:alert(1))",
        "[a](data:text/html,<script>alert(1)</script>)",
        "[a](vbscript:x)",
        "[a](file:///etc/passwd)",
        "[a](/login)",
        "[a](//evil.example)",
        "[a](#d-1)",
        "<javascript:alert(1)>",
        "[a]: javascript:alert(1)\n\n[a]",
    ],
)
def test_a_link_that_is_not_web_or_mail_is_no_link(text: str) -> None:
    assert "a" not in {tag for tag, _ in assert_harmless(html_of(text)).tags}


@pytest.mark.parametrize("address", ["https://example.org/?a=1&b=2", "http://example.org", "mailto:someone@example.org"])
def test_web_and_mail_links_open_elsewhere_and_tell_nothing(address: str) -> None:
    links = [attributes for tag, attributes in assert_harmless(html_of(f'[words]({address} "hover")')).tags if tag == "a"]
    assert [(link["href"], link["title"]) for link in links] == [(address, address)]


def test_an_address_cannot_break_out_of_its_attribute() -> None:
    assert_harmless(html_of('[a](https://x.example/"onmouseover=\'alert(1)\') [b](<https://x.example/" onclick="alert(1)>)'))


def test_an_image_is_its_description_and_loads_nothing() -> None:
    reader = assert_harmless(html_of("![a **cat** <b>](https://tracker.example/pixel.png) ![](https://tracker.example/2.png)"))
    assert reader.text.strip() == "a cat <b> image"


def test_markdown_is_rendered() -> None:
    html = html_of("# Title\n\nOne **two** *three* `four`\n\n- a\n- b\n\n1. c\n\n|x|y|\n|-|-:|\n|1|2|\n\n> quoted\n\n```python\n<b>\n```")
    tags = {tag for tag, _ in assert_harmless(html).tags}
    assert {"h4", "strong", "em", "code", "ul", "ol", "table", "blockquote", "pre"} <= tags


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (r"so \(x^2 + y_1\) is", "<msup><mi>x</mi><mn>2</mn></msup>"),
        (r"$$\frac{a}{b}$$", "<mfrac>"),
        ("\\[\n\\sqrt{2}\n\\]", "<msqrt>"),
        (r"the area $\pi r^2$.", "<mi>π</mi>"),
    ],
)
def test_formulas_are_drawn(text: str, part: str) -> None:
    html = html_of(text)
    assert_harmless(html)
    assert part in html and ('display="block"' in html) is (text[:2] in ("$$", "\\["))
    assert "<math" not in html_of(text, whole=False)


@pytest.mark.parametrize(
    "text", ["It costs $5 and that $7.", "$HOME/bin and $PATH", r"\(\newcommand{\a}{\b\b}\a\)", r"\(\left( x\)", "$x", r"`\(x\)`"]
)
def test_what_is_no_formula_stays_text(text: str) -> None:
    reader = assert_harmless(html_of(text))
    assert "math" not in {tag for tag, _ in reader.tags} and reader.text.strip() == text.replace("`", "")


@pytest.mark.parametrize(
    "text",
    [
        r"\(\text{<script>alert(1)</script>}\)",
        r'\(\color{red" onclick="x}x\)',
        r"\(\href{javascript:alert(1)}{x}\)",
        r"$$\text{&lt;b&gt;}^2$$",
        r"\(\style{background:url(//x)}{y}\)",
    ],
)
def test_a_formula_brings_no_tag_and_no_handler(text: str) -> None:
    assert_harmless(html_of(text))


def test_code_is_coloured_once_the_answer_is_whole_and_can_be_copied() -> None:
    text = "```python\nimport os  # <b>\n```\n\n```klingon\nqo' <i>\n```"
    reader = assert_harmless(html_of(text))
    assert {"kn", "c1"} <= {given.get("class") for tag, given in reader.tags if tag == "span"}
    assert "import os  # <b>" in reader.text and "qo' <i>" in reader.text
    assert "span" not in {tag for tag, _ in assert_harmless(html_of(text, whole=False)).tags}


def test_lines_stay_lines() -> None:
    assert html_of("Decision: x\nWhy: y").count("<br") == 1


def test_an_unclosed_fence_swallows_nothing_but_the_answer() -> None:
    reader = assert_harmless(html_of("```html\n<script>\nnever closed"))
    assert reader.text.strip() == "<script>\nnever closed"


@pytest.mark.parametrize("text", ["abc\u202edcba", "abc\u202ddcba", "abc&#x202e;dcba", "abc&#8238;dcba", "[abc](https://x.example/\u202e)"])
def test_direction_overrides_are_spelled_out(text: str) -> None:
    assert_harmless(html_of(text))
    assert "U+202" in html_of(text) or "%E2%80%AE" in html_of(text)


def test_right_to_left_text_keeps_its_marks_and_joiners() -> None:
    text = "\u200fשלום\u200e \u2067עולם\u2069 👩\u200d👧 می\u200cخواهم"
    assert Reader(html_of(text)).text.strip() == text
    assert shown(text) == text


def test_lone_surrogates_and_nul_do_not_reach_the_page() -> None:
    assert shown("a\ud83db\0") == "a\ufffdb\ufffd"
    assert_harmless(html_of("a\ud83db\0 &#0;"))


@pytest.mark.parametrize("piece", ["a ", "[", "![", "*a_ ", "> ", "|a", "||\n|-|\n", "`", "<b>", "\u200b", "\n"])
def test_a_hundred_thousand_characters_take_no_long_time(piece: str) -> None:
    for length in (MARKDOWN_CHARACTERS, 100_000):
        text = (piece * 100_000)[:length]
        started = time.process_time()
        assert_harmless(html_of(text))
        assert time.process_time() - started < patient(5)


@pytest.mark.parametrize("text", ["[words]()", "[words](<>)", "\u202e()", "**[a]()** [b](https://x.y/z)"])
def test_a_link_without_an_address_is_its_words(text: str) -> None:
    reader = assert_harmless(html_of(text))
    assert [given["href"] for tag, given in reader.tags if tag == "a"] == ["https://x.y/z"] * text.count("https")


@given(st.text(alphabet=st.sampled_from("<>&\"'`*_[]()!|#-\n =:/ajscriptonhe\u202e\u200f$\\{}^"), max_size=60))
def test_whatever_is_written_stays_harmless(text: str) -> None:
    assert_harmless(html_of(text))
