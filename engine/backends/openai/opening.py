"""Settings become a backend over a server. Needs no aiohttp until it is asked to open one."""

from typing import TYPE_CHECKING

from engine.errors import BackendError, BadModel, ServerAway, SettingsError
from engine.settings import EngineSettings

if TYPE_CHECKING:
    from engine.backends.openai.backend import ServerBackend
    from engine.backends.openai.two import TwoServers


async def open_servers(settings: EngineSettings) -> "ServerBackend | TwoServers":
    """Open the base's server, and the one on which the prompted side answers where that is another. Raises as `open_server` does."""
    own = await open_server(settings)
    if not settings.prompted_model:
        return own
    from engine.backends.openai.two import TwoServers

    key = settings.prompted_server_key if settings.prompted_server_url else settings.server_key
    elsewhere = {"server_url": settings.prompted_server_url or settings.server_url, "server_key": key.get_secret_value()}
    try:
        return TwoServers(own, await open_server(settings.but({**elsewhere, "base_model": settings.prompted_model})))
    except BaseException:
        await own.aclose()
        raise


async def open_server(settings: EngineSettings) -> "ServerBackend":
    """Ask the server what it is and make a backend over it. Raises SettingsError, BadModel; then nothing stays open."""
    from engine.backends.openai.backend import ServerBackend
    from engine.backends.openai.probe import digest_of, found_server
    from engine.backends.openai.proof import bare_prompts, probe_answers
    from engine.backends.openai.shelf import ServerShelf
    from engine.backends.openai.wire import ServerWire
    from engine.contestants import SERVED, Base

    model = settings.base_model
    if not settings.server_url:
        raise SettingsError("DUEL_BACKEND is openai, and no server is named. Set DUEL_SERVER_URL, as http://127.0.0.1:8000/v1.")
    wire = ServerWire(settings.server_url, settings.server_key.get_secret_value(), settings.answer_limit_s)
    try:
        found = await found_server(wire, model)
        answers = await probe_answers(wire, found.dialect, bare_prompts())
        revision = digest_of([model, found.fingerprint, [answer.text for answer in answers]])
        base = Base(model, revision, found.context_tokens, found.parameters, dtype=SERVED)
        shelf = ServerShelf(wire, found.dialect, settings.server_adapters)
        return ServerBackend(wire, found, base, shelf, max_rows=settings.max_rows, least=settings.alive_difference)
    except BackendError as error:
        await wire.aclose()
        kind = ServerAway if error.passing else BadModel
        raise kind(f"The model {model} on the server does not answer: {error.words}") from error
    except BaseException:
        await wire.aclose()
        raise
