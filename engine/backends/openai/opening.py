"""Settings become a backend over a server. Needs no httpx until it is asked to open one."""

from typing import TYPE_CHECKING

from engine.errors import BackendError, BadModel, SettingsError
from engine.settings import EngineSettings

if TYPE_CHECKING:
    from engine.backends.openai.backend import ServerBackend


async def open_server(settings: EngineSettings) -> "ServerBackend":
    """Ask the server what it is and make a backend over it. Raises SettingsError, BadModel; then nothing stays open."""
    from engine.backends.openai.backend import ServerBackend
    from engine.backends.openai.probe import digest_of, found_server
    from engine.backends.openai.proof import bare_prompts, probe_answers
    from engine.backends.openai.wire import ServerWire
    from engine.contestants import Base

    if not settings.server_url:
        raise SettingsError("DUEL_BACKEND is openai, and no server is named. Set DUEL_SERVER_URL, as http://127.0.0.1:8000/v1.")
    wire = ServerWire(settings.server_url, settings.server_key.get_secret_value(), settings.answer_limit_s)
    try:
        found = await found_server(wire, settings.base_model)
        answers = await probe_answers(wire, found.dialect, bare_prompts())
        revision = digest_of([settings.base_model, found.fingerprint, [answer.text for answer in answers]])
        base = Base(settings.base_model, revision, found.context_tokens, found.parameters, dtype="as served")
        return ServerBackend(wire, found, base, max_rows=settings.max_rows, least=settings.alive_difference)
    except BackendError as error:
        await wire.aclose()
        raise BadModel(f"The model {settings.base_model} on the server does not answer: {error.words}") from error
    except BaseException:
        await wire.aclose()
        raise
