"""Ports for what tests start, drawn without races."""

import itertools
import os
import socket

FIRST, LAST = 10_000, 32_000  # below those that systems give to outgoing connections and to whoever asks for any
_tried = itertools.count(os.getpid() * 499)  # processes that were started together begin far from each other


def free_port() -> int:
    """Draw a port of this machine that nobody listens on; no other test of this process or one beside it draws the same."""
    while True:
        port = FIRST + next(_tried) % (LAST - FIRST)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
