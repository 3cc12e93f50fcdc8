"""What is logged: a line for people, or a JSON object for programs, each with the ids of what was worked on.

Never a request's text nor a secret: who works on a text says so with `hide`, and no line that is written from there on holds it, be it in
an error of a library or in a stack. Libraries log from warning on, as some of them write at lower levels what people say.
"""

import json
import logging
import re
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime

from bot.settings import LogSettings
from engine.printable import printable

OURS = ("engine", "adapters", "bot")  # loggers whose level the setting says
MOST_HIDDEN = 16  # texts of a task that are known at the same time
RUN = 16  # characters of a text in a row that no line holds; of a shorter text, the whole of it as words
LEAST_SECRET = 4  # characters; a shorter one is no secret, and its letters are in every line
INSTEAD = "[not logged]"
# What lets somebody in, or speak in the bot's name, as libraries write it.
_KEYS = (
    re.compile(r"(/webhooks/\d+/|/interactions/\d+/)[\w.-]+"),
    re.compile(r"\b(Bearer |Bot |Basic )[\w.~+/=-]{8,}"),
)
_about: ContextVar[Mapping[str, str]] = ContextVar("about", default={})  # noqa: B039  # never changed, only replaced
_hidden: ContextVar[tuple[str, ...]] = ContextVar("hidden", default=())


def about(**ids: str) -> None:
    """Have every line that this task and its children log from now on carry these ids, beside those that it has."""
    _about.set({**_about.get(), **ids})


def hide(*texts: str) -> None:
    """Keep these texts out of every line that this task and its children log from now on."""
    known = _hidden.get()
    more = tuple(each for each in texts if each.strip() and each not in known)
    if more:
        _hidden.set((*known, *more)[-MOST_HIDDEN:])


class _Clean(logging.Formatter):
    """Takes secrets and texts out of what is written."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = tuple(sorted((each for each in secrets if len(each) >= LEAST_SECRET), key=len, reverse=True))

    def stack(self, record: logging.LogRecord) -> str:
        """Write the stack of a record that has one."""
        return self.cleaned(self.formatException(record.exc_info)) if record.exc_info else ""

    def cleaned(self, text: str) -> str:
        """Take out of a text what no log may hold."""
        for each in self._secrets:
            text = text.replace(each, INSTEAD)
        text = without(text, forms(_hidden.get()))
        for pattern in _KEYS:
            text = pattern.sub(rf"\1{INSTEAD}", text)
        return text


class LineFormatter(_Clean):
    """A line for people. A log is read in a terminal, and libraries write into it what strangers have sent."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the line, its ids at its end, and a stack below it."""
        ids = " ".join(f"{name}={value}" for name, value in _about.get().items())
        line = f"{self.formatTime(record)} {record.levelname} {record.name}: {self.cleaned(record.getMessage())}"
        return printable("\n".join(filter(None, (f"{line} [{ids}]" if ids else line, self.stack(record)))))


class JsonFormatter(_Clean):
    """An object on a line: at (UTC), level, logger, message, the ids, and error with a stack where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the object."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told = {"at": at, "level": record.levelname.lower(), "logger": record.name, "message": self.cleaned(record.getMessage())}
        stack = self.stack(record)
        return json.dumps({**told, **_about.get(), **({"error": stack} if stack else {})}, ensure_ascii=False)


def forms(texts: Iterable[str]) -> frozenset[str]:
    """List the ways in which a log may hold these texts: as they are, and quoted as Python and JSON quote. Pure."""
    ways = ((text, repr(text)[1:-1], json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]) for text in texts)
    return frozenset(each.strip() for way in ways for each in way if each.strip())


def without(line: str, hidden: Iterable[str]) -> str:
    """Take out of a line whatever it shares with these texts: RUN characters in a row, or the whole of a shorter one. Pure."""
    long, short = set[str](), list[str]()
    for text in hidden:
        if len(text) < RUN:
            short.append(text)
        long.update(text[at : at + RUN] for at in range(len(text) - RUN + 1))
    kept, at, skipping = list[str](), 0, -1
    while long and at < len(line):
        if line[at : at + RUN] in long:
            if skipping < at:
                kept.append(INSTEAD)
            skipping = at + RUN
        if at >= skipping:
            kept.append(line[at])
        at += 1
    line = "".join(kept) if long else line
    for text in short:
        line = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", INSTEAD, line)
    return line


def log_to(handler: logging.Handler, settings: LogSettings, secrets: Iterable[str]) -> None:
    """Have everything that is logged go to this handler, from the level of the settings on."""
    handler.setFormatter(JsonFormatter(secrets) if settings.format == "json" else LineFormatter(secrets))
    least = settings.level.upper()
    logging.basicConfig(level=max(logging.WARNING, logging.getLevelNamesMapping()[least]), handlers=[handler])
    for name in OURS:
        logging.getLogger(name).setLevel(least)
