"""Everything that belongs to one loopback Discord, and the record of what was asked of it."""

import time
from dataclasses import dataclass, field
from typing import Any

from tests.loopback.gateway import Gateway
from tests.loopback.interactions import Interactions
from tests.loopback.limits import Buckets, Faults
from tests.loopback.world import World

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Upload:
    field: str
    name: str
    data: bytes


@dataclass(slots=True, eq=False)
class Call:
    """One request as it came, and what it was answered."""

    method: str
    path: str  # without /api/v10
    query: dict[str, str]
    body: Any
    uploads: list[Upload]
    authorization: str
    at: float = field(default_factory=time.monotonic)
    ids: dict[str, str] = field(default_factory=dict)  # what the route's names stand for
    route: str = ""
    status: int = 0
    code: int | None = None  # Discord's own, of a refusal

    def __str__(self) -> str:
        return f"{self.method} {self.path} -> {self.status}"


@dataclass(frozen=True, slots=True)
class Violation:
    """A request that Discord would not have taken, or not for long."""

    words: str
    call: Call | None = None

    def __str__(self) -> str:
        return self.words if self.call is None else f"{self.call}: {self.words}; body {str(self.call.body)[:600]}"


@dataclass(slots=True, eq=False)
class Hub:
    """State shared by the gateway and the REST routes."""

    world: World
    gateway: Gateway
    interactions: Interactions
    token: str
    buckets: Buckets = field(default_factory=Buckets)
    faults: Faults = field(default_factory=Faults)
    calls: list[Call] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    throttled: list[Call] = field(default_factory=list)  # refused by a bucket (429), not by a fault

    def calls_to(self, method: str, route: str) -> list[Call]:
        """By method and by the end of the route's template, such as "/messages/{message_id}"."""
        return [call for call in self.calls if call.method == method and call.route.endswith(route)]
