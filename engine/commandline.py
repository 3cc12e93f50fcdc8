"""What python -m engine, adapters and bot have in common: how they end, how their flags are checked, how errors become sentences."""

import argparse
import errno
import os
import sys
import textwrap
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from engine.errors import BackendError, DuelbotError
from engine.printable import one_line

DONE, FAILED, BAD_INPUT, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141
ENDS = """\
exit status: 0 done, 1 something failed although the input was good, 2 bad input: arguments, files, settings, store or port;
130 interrupted, 141 nobody read on.
"""
WIDTH = 100  # characters of a line of help
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # what stdout says when it leads to a file


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Help as wide as a line of this code's texts, whatever the terminal: narrower, argparse breaks names of verbs from their words."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=20, width=WIDTH)


def program(name: str, about: str, after: str = "") -> argparse.ArgumentParser:
    """Make the parser of a command; it knows --version. name: what people type."""
    root = argparse.ArgumentParser(name, description=about, epilog=f"{after}\n{ENDS}".lstrip(), formatter_class=_Formatter)
    root.add_argument("-V", "--version", action="version", version=f"Duelbot {version_here()}")
    return root


def verb(verbs: Any, name: str, about: str, examples: str, more: str = "") -> argparse.ArgumentParser:
    """Add a verb with its description, and with calls of it that work. Returns its parser.

    about: its first sentence stands in the list of verbs. examples: %(prog)s stands for the verb as it was typed, python -m engine ask
    or duelbot ask; other percent signs are doubled.
    """
    shown = "\n".join(f"  {line}" for line in examples.strip().splitlines())
    made: argparse.ArgumentParser = verbs.add_parser(
        name,
        help=about.split(". ", maxsplit=1)[0].rstrip("."),
        description=textwrap.fill(about, WIDTH),
        epilog=f"examples:\n{shown}\n{more and f'{chr(10)}{more}'}",
        formatter_class=_Formatter,
    )
    return made


def whole(least: int, most: int) -> Callable[[str], int]:
    """Make the type of a flag that takes a whole number from `least` to `most`."""

    def checked(text: str) -> int:
        number = int(text) if len(text) <= 20 and text.removeprefix("-").isdecimal() else None
        if number is None or not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number from {least:,} to {most:,}")
        return number

    return checked


def wholes(least: int, most: int) -> Callable[[str], tuple[int, ...]]:
    """Make the type of a flag that takes such numbers with commas between them."""
    one = whole(least, most)
    return lambda text: tuple(one(part.strip()) for part in text.split(","))


def ended(run: Callable[[], int], writes: str = "The output") -> int:
    """Run a command and return its exit status: the only place where errors become sentences. A traceback is a bug.

    writes: what goes to stdout, as the sentence about a full disk names it.
    """
    try:
        status = run()
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except BackendError as error:
        return complain(error.words, FAILED)
    except DuelbotError as error:
        return complain(error.words, BAD_INPUT)
    except KeyboardInterrupt:
        return complain("Stopped.", INTERRUPTED)
    except BrokenPipeError:
        leave_stdout()
        return PIPE_CLOSED
    except OSError as error:
        if error.errno not in DISK:
            raise
        leave_stdout()
        return complain(f"{writes} cannot be written: {error.strerror}.", FAILED)


def complain(words: str, status: int) -> int:
    """Write the words to stderr as one line. Returns the status."""
    sys.stderr.write(one_line(words) + "\n")
    return status


def leave_stdout() -> None:
    """Lead stdout nowhere, so that Python does not try once more at its end to write what nobody takes."""
    if sys.stdout is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def version_here() -> str:
    try:
        return version("duelbot")
    except PackageNotFoundError:
        return "(not installed)"
