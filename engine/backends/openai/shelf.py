"""Adapters that a vLLM server loads and lets go while it runs, where whoever runs it allows that.

The server reads their folder itself, so it has to see the folder of adapters, under a path of its own. It allows that when it was
started with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True; else it knows no such address.
"""

import re
from pathlib import Path, PurePosixPath

from engine.backends.openai.dialect import Dialect
from engine.backends.openai.refusals import LIES_HERE, Reply, refusal
from engine.backends.openai.wire import ServerWire
from engine.contestants import Adapter
from engine.errors import BadAdapter

NOT_ALLOWED = "The server loads no adapters while it runs. Start vLLM with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, or load {} at its start."


class ServerShelf:
    """Has a server load adapters of one's own, and let them go."""

    def __init__(self, wire: ServerWire, dialect: Dialect, folder: str) -> None:
        """folder: of all adapters, as the server sees it; "": it does not."""
        self._wire, self._dialect, self._folder = wire, dialect, folder
        self._names: dict[str, str] = {}  # by digest of those that were loaded from here: the name that each has there

    def name_of(self, adapter: Adapter) -> str:
        """Name an adapter as the server does. Raises KeyError for one that lies here and is not loaded there."""
        return adapter.served or self._names[adapter.digest]

    async def load(self, adapter: Adapter) -> None:
        """Have the server load an adapter that lies in a folder here; one of an earlier start is the same.

        Raises BadAdapter, BackendError where the server is away.
        """
        if not self._folder or self._dialect.kind != "vllm":
            raise BadAdapter(LIES_HERE.format(adapter.name))
        name = name_there(adapter)
        path = str(PurePosixPath(self._folder) / Path(adapter.folder).name)
        reply = await self._wire.ask("/load_lora_adapter", {"lora_name": name, "lora_path": path})
        if reply.status == 400 and "already been loaded" in str(reply.said):
            reply = Reply(200, "")
        self._check(reply, adapter, f"adapter in {path}")
        self._names[adapter.digest] = name

    async def unload(self, adapter: Adapter) -> None:
        """Have the server let an adapter go that was loaded from here; one of its own stays. Raises BadAdapter."""
        name = self._names.pop(adapter.digest, None)
        if name is not None:
            reply = await self._wire.ask("/unload_lora_adapter", {"lora_name": name})
            if not (reply.status == 404 and not _no_such_address(reply)):  # it has let it go already
                self._check(reply, adapter, f"adapter {name}")

    def _check(self, reply: Reply, adapter: Adapter, what: str) -> None:
        if _no_such_address(reply):
            raise BadAdapter(NOT_ALLOWED.format(adapter.name))
        if not reply.good:
            raise BadAdapter(f"The adapter {adapter.name} cannot be loaded on the server: {refusal(reply, what, self._wire.where).words}")


def name_there(adapter: Adapter) -> str:
    """Write the name that an adapter gets on the server: with a part of its digest, so that other weights get another. Pure."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", f"{adapter.name}-{adapter.digest[:8]}")


def _no_such_address(reply: Reply) -> bool:
    """Whether the server knows no such address: FastAPI's own words, which vLLM uses for nothing else."""
    return reply.status in (404, 405) and isinstance(reply.said, dict) and reply.said.get("detail") in ("Not Found", "Method Not Allowed")
