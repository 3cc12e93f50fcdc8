"""The model, loading beside everything else: history can be read before it is there, and when it can't be."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.views import ModelState
from engine.errors import BackendError, DuelbotError, ServerAway
from engine.lineup import Lineup

FIRST_AGAIN_S = 2.0  # seconds before a server that is away is asked again; doubled each time
MOST_AGAIN_S = 30.0  # seconds between two tries at most
OpenLineup = Callable[[], Awaitable[Lineup]]
log = logging.getLogger(__name__)


class Model:
    """Starts loading when made; `lineup` is there when the state is ready."""

    def __init__(self, name: str, open_lineup: OpenLineup) -> None:
        self.state = ModelState("loading", f"Loading the model {name} …")
        self.lineup: Lineup | None = None
        self.changing = asyncio.Lock()  # held by whoever makes another line-up of the one that is there
        self._task = asyncio.create_task(self._load(open_lineup))

    async def _load(self, open_lineup: OpenLineup) -> None:
        """Load the model; while its server is away, ask again and again, ever more rarely: servers start, and are started again."""
        pause_s = FIRST_AGAIN_S
        while await self._is_away(open_lineup, pause_s):
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, MOST_AGAIN_S)

    async def _is_away(self, open_lineup: OpenLineup, pause_s: float) -> bool:
        """Try once. Returns whether the server is away; else the state says how it went."""
        try:
            self.lineup = await open_lineup()
            self.state = ModelState("ready", _words(self.lineup), self.lineup.arms)
        except ServerAway as error:
            self.state = ModelState("loading", f"{error.words} It is asked again in {pause_s:g} s.")
            log.warning("%s It is asked again in %g s.", error.words, pause_s)
            return True
        except BackendError as error:
            if error.passing:
                self.state = ModelState("loading", f"{error.words} It is asked again in {pause_s:g} s.")
                log.warning("%s It is asked again in %g s.", error.words, pause_s)
                return True
            self.state = ModelState("failed", error.words)
        except DuelbotError as error:
            self.state = ModelState("failed", error.words)
        except Exception as error:  # a bug in loading must not take the history away from people
            log.exception("The model could not be loaded")
            words = f"The model could not be loaded, by an error in Duelbot ({type(error).__name__}: {error}). The log has the details."
            self.state = ModelState("failed", words)
        return False

    def change(self, lineup: Lineup) -> None:
        """Have this line-up answer from now on; duels that are being answered end as they began. Hold `changing` meanwhile."""
        self.lineup = lineup
        self.state = ModelState("ready", _words(lineup), lineup.arms)

    def tell(self, words: str) -> None:
        """Say what takes long while the model loads. May be called from any thread."""
        if self.state.state == "loading":
            self.state = ModelState("loading", words)

    async def settled(self) -> ModelState:
        """Wait until loading has ended, well or not. Waiting may be cancelled; loading goes on."""
        await asyncio.shield(self._task)
        return self.state

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self.lineup:
            await self.lineup.backend.aclose()


def _words(lineup: Lineup) -> str:
    base, adapter = lineup.kit.base, lineup.kit.adapter
    size = f" ({base.parameters / 1e6:.1f} M parameters)" if base.parameters else ""
    tuned = f" with the adapter {adapter.name} {adapter.version}" if adapter else ""
    ready = f"The model {base.name}{size}{tuned} is ready: {lineup.arms[0]} meets {lineup.arms[1]}."
    return " ".join((ready, *lineup.notes))
