"""The gateway: websocket sessions with HELLO, IDENTIFY, heartbeats, RESUME with replay, and every way to lose a connection."""

import asyncio
import itertools
import json
import secrets
import time
import zlib
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.loopback import payloads
from tests.loopback.world import Channel, World

Json = dict[str, Any]
GUILDS, GUILD_MESSAGES, DIRECT_MESSAGES, CONTENT = 1 << 0, 1 << 9, 1 << 12, 1 << 15
PRIVILEGED = (1 << 1) | (1 << 8) | CONTENT
KEPT = 2000  # events that a session can be given again
SENDS, SENDS_PER_S = 120, 60.0
RESUME_URL = "wss://gateway-loopback.discord.gg"


@dataclass(slots=True, eq=False)
class Session:
    """Outlives its connection, so that it can be resumed."""

    id: str
    shard: int
    shards: int
    intents: int
    socket: "Socket | None"
    sequence: int = 0
    kept: list[Json] = field(default_factory=list)
    beats: list[float] = field(default_factory=list)  # when heartbeats came, s monotonic
    resumed: int = 0  # how often

    def wants(self, intent: int) -> bool:
        return bool(self.intents & intent)

    @property
    def longest_gap_s(self) -> float:
        """The longest time between two heartbeats."""
        return max((later - earlier for earlier, later in itertools.pairwise(self.beats)), default=0.0)


class Socket:
    """One connection: frames out, compressed when the client asked for zlib."""

    def __init__(self, socket: web.WebSocketResponse, compress: bool) -> None:
        self.socket = socket
        self._zlib = zlib.compressobj() if compress else None
        self._order = asyncio.Lock()
        self.session: Session | None = None
        self.sends: list[float] = []  # when the client sent something, s monotonic

    async def send(self, frame: Json) -> None:
        async with self._order:
            if self.socket.closed:
                return
            text = json.dumps(frame)
            try:
                if self._zlib:
                    await self.socket.send_bytes(self._zlib.compress(text.encode()) + self._zlib.flush(zlib.Z_SYNC_FLUSH))
                else:
                    await self.socket.send_str(text)
            except ConnectionError:
                pass  # lost on the way; a resume replays it


class Gateway:
    """All sessions of the one bot."""

    def __init__(self, world: World, token: str, *, shards: int, heartbeat_s: float) -> None:
        self._world = world
        self._token = token
        self.shards = shards
        self.heartbeat_s = heartbeat_s
        self.sessions: dict[str, Session] = {}
        self.identified: list[Session] = []
        self.sockets: set[Socket] = set()
        self.refuses = False  # new connections, as when Discord is down
        self.replays_seen = 0  # events before the client's last one that a RESUME gives again
        self.violations: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    # --- what tests do to connections

    @property
    def connected(self) -> list[Session]:
        return [session for session in self.sessions.values() if session.socket is not None]

    async def drop(self) -> None:
        """Connections break without a word; their sessions can be resumed."""
        for socket in list(self.sockets):
            if transport := socket.socket._req.transport if socket.socket._req else None:
                transport.abort()

    async def ask_to_reconnect(self) -> None:
        for socket in list(self.sockets):
            await socket.send({"op": 7, "d": None, "s": None, "t": None})

    async def invalidate(self, *, resumable: bool = False) -> None:
        """All sessions end; the client has to identify again."""
        for socket in list(self.sockets):
            if not resumable and socket.session:
                self.sessions.pop(socket.session.id, None)
            await socket.send({"op": 9, "d": resumable, "s": None, "t": None})

    async def close(self, code: int = 1001) -> None:
        for socket in list(self.sockets):
            await socket.socket.close(code=code)
        for task in self._tasks:
            task.cancel()

    # --- events

    def tell(
        self, event: str, data: Json, channel: Channel | None, intents: tuple[int, int] | None = None, *, withheld: Json | None = None
    ) -> None:
        """Dispatch to the session of the channel's shard, connected or to be resumed. `intents`: of a server, of a DM.

        withheld: what a session without the content intent is told instead.
        """
        guild = channel.guild if channel else None
        for session in self.sessions.values():
            if session.shard != ((guild.id >> 22) % session.shards if guild else 0):
                continue
            if intents is None or session.wants(intents[0] if guild else intents[1]):
                self._dispatch(session, event, data if withheld is None or session.wants(CONTENT) else withheld)

    def _dispatch(self, session: Session, event: str, data: Json) -> None:
        session.sequence += 1
        frame = {"op": 0, "t": event, "s": session.sequence, "d": data}
        session.kept = [*session.kept[-KEPT:], frame]
        if session.socket:
            self._push(session.socket, frame)

    def _push(self, socket: Socket, frame: Json) -> None:
        task = asyncio.create_task(socket.send(frame))  # tasks start in order, and the socket's lock keeps it
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- a connection

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if self.refuses:
            return web.Response(status=503)
        response = web.WebSocketResponse(heartbeat=None, autoping=True, timeout=1.0)
        await response.prepare(request)
        socket = Socket(response, request.query.get("compress") == "zlib-stream")
        self.sockets.add(socket)
        try:
            await socket.send({"op": 10, "d": {"heartbeat_interval": int(self.heartbeat_s * 1000)}, "s": None, "t": None})
            async for frame in response:
                if frame.type is WSMsgType.TEXT:
                    await self._hear(socket, json.loads(frame.data))
        except ConnectionError:
            pass  # dropped
        finally:
            self.sockets.discard(socket)
            self._left(socket, response.close_code)
        return response

    def _left(self, socket: Socket, code: int | None) -> None:
        session = socket.session
        if session and session.socket is socket:
            session.socket = None
            if code in (1000, 1001):  # a client that says goodbye ends its session
                self.sessions.pop(session.id, None)
        self._world.changes.tell()

    async def _hear(self, socket: Socket, frame: Json) -> None:
        now = time.monotonic()
        socket.sends = [at for at in socket.sends if now - at < SENDS_PER_S] + [now]
        if len(socket.sends) > SENDS:
            self.violations.append(f"more than {SENDS} gateway commands within {SENDS_PER_S:g} s")
            await socket.socket.close(code=4008)
            return
        match frame["op"]:
            case 1:
                if socket.session:
                    socket.session.beats.append(now)
                await socket.send({"op": 11, "d": None, "s": None, "t": None})
                self._world.changes.tell()
            case 2:
                await self._identify(socket, frame["d"])
            case 6:
                await self._resume(socket, frame["d"])
            case 3 | 4 | 8:
                pass  # presence, voice, members: nothing to show
            case other:
                self.violations.append(f"gateway opcode {other}")
                await socket.socket.close(code=4001)

    async def _identify(self, socket: Socket, data: Json) -> None:
        if data["token"] != self._token:
            await socket.socket.close(code=4004)
            return
        if data["intents"] & PRIVILEGED and not self._world.content_intent_in_portal:
            await socket.socket.close(code=4014)
            return
        shard, shards = data.get("shard", [0, 1])
        for old in [s for s in self.sessions.values() if s.shard == shard and s.socket is None]:
            del self.sessions[old.id]  # of a process that is gone
        session = Session(secrets.token_hex(16), shard, shards, data["intents"], socket)
        socket.session = session
        self.sessions[session.id] = session
        self.identified.append(session)
        mine = [g for g in self._world.guilds.values() if (g.id >> 22) % shards == shard and self._world.bot.id in g.members]
        ready = {
            "v": 10,
            "user": payloads.bot_user(self._world),
            "guilds": [{"id": str(g.id), "unavailable": True} for g in mine],
            "session_id": session.id,
            "resume_gateway_url": RESUME_URL,
            "shard": [shard, shards],
            "application": {"id": str(self._world.bot.id), "flags": 0},
        }
        self._dispatch(session, "READY", ready)
        for guild in mine if session.wants(GUILDS) else []:
            self._dispatch(session, "GUILD_CREATE", payloads.guild(self._world, guild))
        self._world.changes.tell()

    async def _resume(self, socket: Socket, data: Json) -> None:
        session = self.sessions.get(data["session_id"])
        if data["token"] != self._token or session is None or data["seq"] > session.sequence:
            await socket.send({"op": 9, "d": False, "s": None, "t": None})
            return
        socket.session = session
        session.beats.clear()  # while it was lost nobody could
        missed = [
            frame for frame in session.kept if frame["s"] > data["seq"] - self.replays_seen and frame["t"] not in ("READY", "GUILD_CREATE")
        ]
        for frame in missed:
            self._push(socket, frame)
        session.socket = socket
        session.resumed += 1
        self._dispatch(session, "RESUMED", {"_trace": []})
        self._world.changes.tell()
