"""The engine for programs. The names in __all__ are public: docs/api.md says what is promised about them; all others may change.

async with open_engine() as engine:
    outcomes = await ask(engine, "The blue teapot arrived without its lid, order 52871. What now?")
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from engine import lineup as lineups
from engine.ask import entrants_of
from engine.backends.local.gguf import unsaid
from engine.contestants import Arm
from engine.duel import Answer, Failure, answer_each, prompt_of, seed_of
from engine.errors import DuelbotError
from engine.lineup import Lineup
from engine.placeholders import given_on
from engine.request import Request, Turn
from engine.settings import ANSWER_LIMIT_S, EngineSettings

__all__ = ["Answer", "Arm", "DuelbotError", "EngineSettings", "Failure", "Lineup", "Turn", "ask", "open_engine"]


@asynccontextmanager
async def open_engine(settings: EngineSettings | None = None, say: Callable[[str], None] = unsaid) -> AsyncGenerator[Lineup, None]:
    """Load the model with its arms; leaving the block closes it. Without settings, the environment and a file .env are read.

    say: is told what takes long, from any thread: a base that is fetched, or turned into another form, the first time.
    Raises SettingsError, BadRecipe, BadModel, BadAdapter, UnfairDuel.
    """
    lineup = await lineups.open_lineup(EngineSettings.read() if settings is None else settings)
    try:
        yield lineup
    finally:
        await lineup.backend.aclose()


async def ask(
    engine: Lineup,
    text: str,
    *,
    arms: Sequence[Arm] = (),
    history: Sequence[Turn] = (),
    limit_s: float = ANSWER_LIMIT_S,
    hear: Callable[[Arm, str], None] = lambda arm, piece: None,
) -> dict[Arm, Answer | Failure]:
    """Answer a request by every arm at once, in one batch.

    arms: who answers; without them the two of a duel. history: the turns before the request. limit_s: seconds after which an answer is
    given up. hear: is told each piece of an answer as it comes.
    Raises BadRequest, BadRecipe, BadAdapter, UnfairDuel; an answer that could not be given is a Failure, and the others go on.
    """
    request = Request.of(text, tuple(history), given_on(datetime.now(UTC)))
    prompts = {arm: prompt_of(one, request, seed_of("ask", arm)) for arm, one in entrants_of(engine, arms).items()}
    return await answer_each(prompts, engine.backend, engine.price, limit_s=limit_s, hear=hear)
