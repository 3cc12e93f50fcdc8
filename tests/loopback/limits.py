"""Rate limits per bucket, and faults that a test wishes for.

The numbers are what the community has observed; Discord asks clients to read the headers. Sending and editing in a
channel give the same bucket name while counting apart (discord-api-docs 1442).
"""

import asyncio
import hashlib
import re
import time
from dataclasses import dataclass, field
from typing import Any, Literal

OLD_S = 3600.0  # messages older than this have a tighter limit on edits


@dataclass(frozen=True, slots=True)
class Limit:
    """`count` requests within `per_s` seconds from the first one; `name` is what clients see hashed."""

    name: str
    count: int
    per_s: float


SEND, EDIT, DELETE = Limit("messages", 5, 5.0), Limit("messages", 5, 5.0), Limit("delete", 5, 1.0)
OLD_EDIT = Limit("messages", 3, 6.0)
WEBHOOK = Limit("webhook", 5, 5.0)  # edits and followups of one interaction token
TYPING = Limit("typing", 5, 5.0)
OTHER = Limit("other", 50, 5.0)
GLOBAL = Limit("global", 50, 1.0)  # over all routes but those of interactions


@dataclass(slots=True)
class Window:
    limit: Limit
    ends: float
    used: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a bucket says to a request."""

    headers: dict[str, str]
    retry_after_s: float | None  # None: go on


class Buckets:
    """Fixed windows by what is counted: the kind of request and its channel or token."""

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale  # of the windows' lengths, for tests of the limits themselves
        self._windows: dict[tuple[str, Limit, str], Window] = {}

    def take(self, kind: str, limit: Limit, major: str) -> Verdict:
        now = time.monotonic()
        key = (kind, limit, major)
        window = self._windows.get(key)
        if window is None or window.ends <= now:
            window = self._windows[key] = Window(limit, now + limit.per_s * self._scale)
        over = window.used >= limit.count
        window.used += not over
        left_s = window.ends - now
        headers = {
            "X-RateLimit-Limit": str(limit.count),
            "X-RateLimit-Remaining": str(limit.count - window.used),
            "X-RateLimit-Reset": f"{time.time() + left_s:.3f}",
            "X-RateLimit-Reset-After": f"{left_s:.3f}",
            "X-RateLimit-Bucket": hashlib.md5(limit.name.encode(), usedforsecurity=False).hexdigest(),
        }
        return Verdict(headers, left_s if over else None)


@dataclass(slots=True)
class Fault:
    """`times` answers to matching requests are replaced. After: the work is done, only its answer is lost.

    how: the status is answered; or the connection is dropped without a word; or nothing comes until it is dropped.
    """

    method: str
    path: re.Pattern[str]
    status: int
    times: int = 1
    retry_after_s: float = 0.5
    when: Literal["before", "after"] = "before"
    skip: int = 0  # so many matching requests are let through first
    scope: Literal["user", "shared", "global"] = "shared"
    how: Literal["answer", "drop", "hang"] = "answer"
    met: int = 0

    def body(self) -> Any:
        if self.status == 429:
            return {"message": "You are being rate limited.", "retry_after": self.retry_after_s, "global": self.scope == "global"}
        return f"<html><body>{self.status}</body></html>"

    def headers(self) -> dict[str, str]:
        if self.status != 429:
            return {"Content-Type": "text/html"}
        scope = {"X-RateLimit-Scope": self.scope} | ({"X-RateLimit-Global": "true"} if self.scope == "global" else {})
        return {"Content-Type": "application/json", "Retry-After": f"{self.retry_after_s:.3f}", "Via": "1.1 google", **scope}


@dataclass(slots=True)
class Faults:
    """What a test wants to go wrong."""

    latency_s: float = 0.0
    wanted: list[Fault] = field(default_factory=list)

    def want(self, method: str, path: str, status: int = 0, **how: Any) -> Fault:
        """`path` is a regular expression, searched in the request's path."""
        fault = Fault(method, re.compile(path), status, **how)
        self.wanted.append(fault)
        return fault

    def meet(self, method: str, path: str, when: str) -> Fault | None:
        for fault in self.wanted:
            if fault.method != method or fault.when != when or fault.met >= fault.times or not fault.path.search(path):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.met += 1
            return fault
        return None

    async def delay(self) -> None:
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
