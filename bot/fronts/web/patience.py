"""How long a connection to the page may take to say what it wants, and the page's words for what is no HTTP."""

from bot.fronts.web.plain import failure_page
from bot.serving import Timely

REQUEST_S = 10.0  # from the connection, or from a request's first byte, to its last


class Patient(Timely):
    """The protocol of the page's server."""

    def request_s(self) -> float:
        return REQUEST_S

    def send_400_response(self, msg: str) -> None:
        page = failure_page(400, "/").encode()
        head = ("HTTP/1.1 400 Bad Request", "content-type: text/html; charset=utf-8", f"content-length: {len(page)}", "connection: close")
        self.transport.write("\r\n".join((*head, "", "")).encode() + page)
        self.transport.close()
