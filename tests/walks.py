"""What a request, a ballot and a close walk through, over the real Discord front on a Discord within the process.

Counted are transactions of the store, and within the project's own files: calls, distinct functions, files, and how often a call
leads from one file into another. python -m tests.walks prints the table; tests/bot/fronts/test_walks.py holds the transactions.
"""

import asyncio
import dis
import sys
import tempfile
from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import Any
from unittest.mock import patch

from bot.store import Store
from bot.store.contestants import ContestantRows
from bot.store.transaction import Transaction
from tests.bot.fronts.discord_stage import Stage, staged

ROOT = Path(__file__).parents[1]
OWN = tuple(f"{ROOT / package}/" for package in ("engine", "adapters", "bot"))
VOTE = "A is better"


@dataclass
class Walk:
    """What one walk took."""

    name: str
    reading: int = 0  # transactions
    writing: int = 0
    calls: list[CodeType] = field(default_factory=list)  # of the project's own functions, in order; a coroutine that goes on is none

    @property
    def transactions(self) -> tuple[int, int]:
        """Reading and writing ones."""
        return self.reading, self.writing

    @property
    def figures(self) -> dict[str, int]:
        """All that is counted, by name."""
        files = [call.co_filename for call in self.calls]
        changes = sum(one != other for one, other in pairwise(files))
        return {
            "changes of file": changes,
            "calls": len(files),
            "functions": len({(call.co_filename, call.co_qualname) for call in self.calls}),
            "files": len(set(files)),
            "reading": self.reading,
            "writing": self.writing,
        }


@cache
def _starts_at(code: CodeType) -> int:
    """The offset up to which a frame of this code has not begun: a coroutine that goes on is past it."""
    return next((step.offset for step in dis.get_instructions(code) if step.opname == "RESUME"), 0)


@contextmanager
def counting(walk: Walk) -> Iterator[None]:
    """Count what this thread calls and which transactions begin, while the block lasts."""
    reading, writing = Store.reading, Store.writing

    def profile(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(OWN) and frame.f_lasti <= _starts_at(code):
            walk.calls.append(code)

    def looked(self: Store) -> AbstractAsyncContextManager[Transaction]:
        walk.reading += 1
        return reading(self)

    def wrote(self: Store) -> AbstractAsyncContextManager[Transaction]:
        walk.writing += 1
        return writing(self)

    with patch.object(Store, "reading", looked), patch.object(Store, "writing", wrote):
        sys.setprofile(profile)
        try:
            yield
        finally:
            sys.setprofile(None)


@asynccontextmanager
async def still(folder: Path) -> AsyncGenerator[Stage, None]:
    """A stage on which nothing happens but what is walked."""
    async with staged(folder) as stage:
        stage.bot._ticking.cancel()
        await lives_noted(stage.app.core.store)
        yield stage


async def lives_noted(store: Store) -> None:
    """Wait until who is live has been noted, which a start does beside everything else."""
    while True:
        async with store.reading() as look:
            if await ContestantRows(look).lives():
                return
        await asyncio.sleep(0.01)


async def walks(folder: Path) -> list[Walk]:
    """A request by a mention up to its open vote, one ballot of three, and the close at the asker's wish."""
    async with still(folder) as stage:
        ann, bob = stage.member("ann"), stage.member("bob")
        request, ballot, close = Walk("request"), Walk("ballot"), Walk("close")
        with counting(request):
            await ann.send(stage.channel, f"{stage.mention} Prompt or fine-tune?")
        duel = stage.last()
        assert f"[{VOTE}]" in stage.shown(duel)
        with counting(ballot):
            await bob.click(duel, label=VOTE)
        assert "1 has voted" in stage.shown(duel)
        with counting(close):
            await ann.click(duel, label="Close the vote")
        assert "A was" in stage.shown(duel)
        return [request, ballot, close]


def main() -> None:
    """Print the figures of every walk."""
    with tempfile.TemporaryDirectory() as folder:
        for walk in asyncio.run(walks(Path(folder))):
            print(f"{walk.name:8}", ", ".join(f"{count} {name}" for name, count in walk.figures.items()))


if __name__ == "__main__":
    main()
