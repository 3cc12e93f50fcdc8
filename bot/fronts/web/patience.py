"""How long a connection may take to say what it wants.

uvicorn limits how long a kept connection may be silent, not how slowly a request may come: a few hundred clients
that send a letter now and then would hold every descriptor. Here a request, head and body, has to be there in time.
"""

import asyncio
from typing import TYPE_CHECKING

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from bot.fronts.web.plain import failure_page

REQUEST_S = 10.0  # from the connection, or from a request's first byte, to its last

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol as Protocol
else:
    Protocol = AutoHTTPProtocol  # httptools where it is installed, h11 elsewhere; the same seam on both


class Patient(Protocol):
    """uvicorn's protocol with a limit on the time that a request takes to arrive, and our words for what is no HTTP."""

    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        page = failure_page(400, "/").encode()
        head = ("HTTP/1.1 400 Bad Request", "content-type: text/html; charset=utf-8", f"content-length: {len(page)}", "connection: close")
        self.transport.write("\r\n".join((*head, "", "")).encode() + page)
        self.transport.close()

    def _watch(self) -> None:
        """Let the clock run while something is missing, from the first moment of that; an upgraded connection is another's."""
        if self._complete():
            self._rest()
        elif self._limit is None:
            self._limit = self.loop.call_later(REQUEST_S, self._end)

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
