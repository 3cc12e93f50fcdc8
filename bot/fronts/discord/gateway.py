"""Events that discord.py cannot read: logged and left out.

A field that is missing in one event makes discord.py's parser raise; that ends its reading of the gateway for good, and with it the
process. An event is not told again, so nothing would be gained by connecting anew.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

NEEDED_EVENTS = ("READY",)  # without these there is no session: what they raise ends the connection, and another one is made
Parse = Callable[[Any], Any]
log = logging.getLogger(__name__)


def forgiving(parsers: Mapping[str, Parse]) -> dict[str, Parse]:
    """Wrap discord.py's parsers, by event, so that what they raise is logged; but for NEEDED_EVENTS."""
    return {event: parse if event in NEEDED_EVENTS else _forgiving(event, parse) for event, parse in parsers.items()}


def _forgiving(event: str, parse: Parse) -> Parse:
    def parse_or_log(data: Any) -> None:
        try:
            parse(data)
        except Exception:
            log.exception("An event %s from Discord cannot be read and is left out", event)

    return parse_or_log
