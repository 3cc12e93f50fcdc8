"""What all servers of HTTP here share: a socket that is bound, patience with those who connect, and uvicorn beside others in one loop.

uvicorn limits how long a kept connection may be silent, not how slowly a request may come: a few hundred clients
that send a letter now and then would hold every descriptor. Here a request, head and body, has to be there in time.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from engine.errors import DuelbotError

REQUEST_S = 10.0  # from the connection, or from a request's first byte, to its last

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol as Protocol
else:
    Protocol = AutoHTTPProtocol  # httptools where it is installed, h11 elsewhere; the same seam on both


def listen(host: str, port: int, part: str = "DUEL_WEB") -> socket.socket:
    """Bind a socket. part: of the settings, which have _HOST and _PORT. Raises DuelbotError that names the port and what to change."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise DuelbotError(f"The address {host!r} is unknown here ({error.strerror}). Set {part}_HOST to one of this machine's.") from error
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(where)
        bound.listen(128)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            words = f"Port {port} is taken by another program, perhaps another Duelbot. Stop it, or set {part}_PORT to a free port."
        else:
            words = f"Duelbot cannot listen on {host} port {port} ({error.strerror}). Change {part}_HOST or {part}_PORT."
        raise DuelbotError(words) from error
    return bound


class Timely(Protocol):
    """uvicorn's protocol with a limit on the time that a request takes to arrive."""

    _limit: asyncio.TimerHandle | None = None

    def request_s(self) -> float:
        """Return the limit, in seconds."""
        return REQUEST_S

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Let the clock run while something is missing, from the first moment of that; an upgraded connection is another's."""
        if self._complete():
            self._rest()
        elif self._limit is None:
            self._limit = self.loop.call_later(self.request_s(), self._end)

    def _complete(self) -> bool:
        answering = self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body
        return answering or self.transport.is_closing() or self.transport.get_protocol() is not self

    def _rest(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _end(self) -> None:
        self._limit = None
        if not self._complete():
            self.transport.close()


class QuietServer(uvicorn.Server):
    """Says once it answers, and leaves the process's signals alone: others run in this loop, too."""

    def __init__(self, config: uvicorn.Config, answers: Callable[[], None]) -> None:
        super().__init__(config)
        self._answers = answers

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._answers()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def until_cancelled(self, listening: socket.socket) -> None:
        """Serve on this socket until the task is cancelled; then the sockets are closed within seconds."""
        serving = asyncio.create_task(self.serve(sockets=[listening]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            self.should_exit = True
            await serving
            raise
