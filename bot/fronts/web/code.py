"""Code in what a model wrote, coloured by Pygments (BSD licence): its own class names alone, and text as text. Pure."""

from functools import lru_cache
from html import escape

from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name

MOST = 8000  # characters of a block; longer ones are shown plain, so that no text takes the loop's time
LANGUAGES = {  # what people write after ``` -> Pygments' name
    **{name: name for name in ("python", "json", "bash", "sql", "javascript", "typescript", "html", "xml", "css", "yaml", "toml")},
    **{name: name for name in ("java", "c", "cpp", "csharp", "go", "rust", "ruby", "php", "kotlin", "swift", "diff", "ini", "r")},
    **{"py": "python", "js": "javascript", "ts": "typescript", "sh": "bash", "shell": "bash", "yml": "yaml", "c++": "cpp", "cs": "csharp"},
}


def coloured(text: str, language: str) -> str:
    """Write code as HTML, coloured where its language is known."""
    name = LANGUAGES.get(language.lower())
    if name is None or len(text) > MOST:
        return escape(text)
    return str(highlight(text, _lexer(name), HtmlFormatter(nowrap=True)))


@lru_cache(maxsize=len(LANGUAGES))
def _lexer(name: str) -> Lexer:
    return get_lexer_by_name(name, stripnl=False)
