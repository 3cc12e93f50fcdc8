"""A reverse proxy with HTTPS on loopback, as nginx and Caddy stand before the page: it ends TLS, and passes on requests and websockets."""

import asyncio
import re
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

NAME = "duels.example"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a proxy hands requests on."""

    strips: bool  # takes the path of the public address off
    host: str  # what it says as Host: "name" (nginx's $host), "name:port" ($http_host, Caddy), "upstream" (nginx by default)


def certificate(folder: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate that it has signed itself."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    asked = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-keyout", str(key)]
    subprocess.run([*asked, "-out", str(cert)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


@asynccontextmanager
async def proxied(upstream: int, listening: int, path: str, manner: Manner, tls: ssl.SSLContext) -> AsyncIterator[None]:
    """Hand on what comes to a port under a path, one request a connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = rewritten(await reader.readuntil(b"\r\n\r\n"))
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", upstream)
            inner_writer.write(head)
            await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def rewritten(head: bytes) -> bytes:
        line, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        if manner.strips:
            line = re.sub(rf" {path}(/[^ ]*|) ", lambda found: f" {found[1] or '/'} ", line, count=1)
        upgrade = any(each.lower().startswith("upgrade:") for each in lines)
        kept = [each for each in lines if not each.lower().startswith(("host:", *(() if upgrade else ("connection:",))))]
        host = {"name": NAME, "name:port": f"{NAME}:{listening}", "upstream": f"127.0.0.1:{upstream}"}[manner.host]
        more = [f"Host: {host}", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https", *([] if upgrade else ["Connection: close"])]
        return "\r\n".join([line, *kept, *more, "", ""]).encode("latin-1")

    server = await asyncio.start_server(serve, "127.0.0.1", listening, ssl=tls)
    try:
        yield
    finally:
        server.close()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """All bytes of one direction, until it ends."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
