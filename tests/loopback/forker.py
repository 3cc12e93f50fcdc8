"""`python -m tests.loopback.forker DESCRIPTOR`: the process that forks bots.

It reads lines of JSON from a socket, each either {"environ", "folder"}, with the descriptor that the bot writes to, or {"ended": pid},
and answers each with a number: the pid, or the exit status.
"""

import importlib
import json
import os
import socket
import sys
from collections.abc import Mapping

from tests.loopback.forking import heard

IMPORTED = (
    *("bot.__main__", "bot.app", "bot.fronts.web", "bot.fronts.discord", "tests.loopback.redirected", "tests.loopback.scripts"),
    *("uvicorn.protocols.http.h11_impl", "uvicorn.protocols.websockets.websockets_sansio_impl"),
)


def main() -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    control = socket.socket(fileno=int(sys.argv[1]))
    while True:
        first, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not first:
            return
        order = json.loads(first + heard(control))
        if "ended" in order:
            _, status = os.waitpid(order["ended"], 0)
            control.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
            continue
        if pid := os.fork():
            os.close(descriptors[0])
            control.sendall(f"{pid}\n".encode())
            continue
        control.close()
        become(order["environ"], order["folder"], descriptors[0])


def become(environ: Mapping[str, str], folder: str, written_to: int) -> None:
    """Be the bot: its environment, its folder, its output, and an end as an interpreter's."""
    from tests.loopback import redirected

    os.dup2(written_to, 1)
    os.dup2(written_to, 2)
    os.close(written_to)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    redirected.main()
    sys.exit()


if __name__ == "__main__":
    main()
