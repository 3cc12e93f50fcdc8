"""Whether people can be served now: the model answers, and the store takes what it is given."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Literal

from bot.app.core import Core
from bot.errors import StoreError
from bot.store.teams import TeamRows

FRESH_S = 20.0  # seconds for which a change that was kept proves that the store takes more
LIMIT_S = 4.0  # seconds that the store may take
MARK = "readiness"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """How the parts stand, in a word each; why a part is not ready is in the log."""

    model: Literal["loading", "ready", "failed"]
    store: Literal["writable", "refuses", "busy"]
    leaving: bool  # the process is about to end

    @property
    def whole(self) -> bool:
        """Whether people can be served."""
        return self.model == "ready" and self.store == "writable" and not self.leaving


Found = tuple[Literal["writable", "refuses", "busy"], str]  # how the store stands, and why
LEAVING: Found = ("refuses", "it is being closed")


class Readiness:
    """Looks at model and store, and says in the log what has changed since the last look."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._last: Ready | None = None

    async def look(self) -> Ready:
        """Look now. The store is written to, unless something was kept a moment ago."""
        leaving = self._core.running.leaving.is_set()
        store, why = LEAVING if leaving else await self._store()
        found = Ready(self._core.model.state.state, store, leaving)
        if found != self._last:
            words = "; ".join(filter(None, (self._core.model.state.words, why)))
            log.log(logging.INFO if found.whole else logging.WARNING, "%s: %s", "Ready" if found.whole else "Not ready", words)
        self._last = found
        return found

    async def _store(self) -> Found:
        if self._core.store.kept_within(FRESH_S):
            return "writable", ""
        try:
            async with asyncio.timeout(LIMIT_S), self._core.store.writing() as change:
                await TeamRows(change).put_mark(MARK, self._core.now().isoformat(timespec="seconds"))
        except StoreError as error:
            return "refuses", error.words
        except TimeoutError:
            return "busy", f"the store took no change within {LIMIT_S:g} s"
        return "writable", ""
