"""The store: one file, one connection, one transaction at a time."""

import asyncio
import logging
import os
import sqlite3
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from pathlib import Path
from time import perf_counter
from typing import Literal, Protocol

import aiosqlite

from bot.errors import StoreError
from bot.store.backup import back_up, copy_of
from bot.store.opening import BUSY_S, connect, make, occupy, prepare, words_for
from bot.store.place import OpenFiles, Trouble, beside
from bot.store.seals import begin, begun_from, empty_log, leave_log, mark_of, refuse_foreign_log, turn_over
from bot.store.transaction import Transaction

LOG_BYTES = 4_000_000  # a log that has grown by so much is emptied into the store's file
logger = logging.getLogger(__name__)


class StoreTiming(Protocol):
    """Is told of each transaction: its kind, its seconds with the wait for its turn, and whether it was refused."""

    def __call__(self, kind: Literal["read", "write"], took_s: float, *, failed: bool) -> None: ...


def untimed(kind: Literal["read", "write"], took_s: float, *, failed: bool) -> None:
    """Tell nobody."""


class Store:
    """Open it with `Store.open`; everything else happens in a transaction that is whole or not at all."""

    def __init__(self, path: Path, connection: aiosqlite.Connection, place: OpenFiles | None, timing: StoreTiming = untimed) -> None:
        """place: None for one who only reads."""
        self.path = path
        self._connection = connection
        self._place = place
        self._timing = timing
        self._kept_at = float("-inf")  # of the last change, on perf_counter's clock
        self._turn = asyncio.Lock()
        self._empty = False  # nothing has been written to the log since it was emptied
        self._empty_at_bytes = LOG_BYTES
        self._seal = ""  # that the log began from
        self._rescued: Path | None = None  # where a deleted store's content is

    @classmethod
    async def open(cls, path: Path, timing: StoreTiming = untimed) -> "Store":
        """Make or open the file. Raises StoreError with the reason and what to do."""
        named = await asyncio.to_thread(path.absolute)
        path = Path(await asyncio.to_thread(os.path.realpath, path))  # two names of one file share one lock
        lock = await asyncio.to_thread(prepare, path)
        try:
            return await cls._open(named, path, lock, timing)
        except sqlite3.Error as error:
            os.close(lock)
            if words := words_for(error, path):
                raise StoreError(words) from error
            raise
        except BaseException:
            os.close(lock)
            raise

    @classmethod
    async def _open(cls, named: Path, path: Path, lock: int, timing: StoreTiming) -> "Store":
        await make(path)
        await asyncio.to_thread(refuse_foreign_log, path)
        place = occupy(named, path, lock)
        try:
            store = cls(path, await connect(path), place, timing)
        except BaseException:
            os.close(place.file)
            raise
        try:
            await store._empty_log()
            place.remember(await mark_of(store._connection))
            store._seal = await begun_from(store._connection)
        except BaseException:
            await store._connection.close()
            os.close(place.file)
            raise
        return store

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[Transaction, None]:
        """One consistent view of the store."""
        with self._timed("read"):
            async with self._turn, self._transaction("BEGIN") as transaction:
                yield transaction

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[Transaction, None]:
        """Changes that are on the disk, synced, when the block has ended; if it raises, none of them is there.

        Raises StoreError in words when the disk or the file refuses, or when the store's name no longer leads to the open file;
        the same can then be tried again.
        """
        with self._timed("write"):
            async with self._changing() as transaction:
                yield transaction
        self._kept_at = perf_counter()

    @asynccontextmanager
    async def _changing(self) -> AsyncGenerator[Transaction, None]:
        async with self._turn:
            try:
                async with self._transaction("BEGIN IMMEDIATE") as transaction:
                    seal = await begin(self._connection) if self._empty else self._seal
                    yield transaction
                    if self._place and (trouble := self._place.trouble(seal)):
                        raise _Gone(trouble)
            except _Gone as gone:
                raise StoreError(await self._bring_home(gone.trouble)) from None
            self._empty, self._seal = False, seal
            await self._keep_log_short()

    @contextmanager
    def _timed(self, kind: Literal["read", "write"]) -> Iterator[None]:
        began, failed = perf_counter(), False
        try:
            yield
        except StoreError:
            failed = True
            raise
        finally:
            self._timing(kind, perf_counter() - began, failed=failed)

    def kept_within(self, duration_s: float) -> bool:
        """Whether a change was kept in the last so many seconds."""
        return perf_counter() - self._kept_at < duration_s

    @asynccontextmanager
    async def _transaction(self, begin_with: str) -> AsyncGenerator[Transaction, None]:
        try:
            await self._connection.execute(begin_with)
            yield Transaction(self._connection)
            await self._connection.execute("COMMIT")
        except BaseException as error:
            await _undo(self._connection, self.path)
            if isinstance(error, sqlite3.Error) and (words := words_for(error, self.path)):
                raise StoreError(words) from error
            raise

    # --- the log

    async def _keep_log_short(self) -> None:
        """Empty the log when it has grown long. What was committed stays so, whatever comes of it."""
        log = beside(self.path)[0]
        try:
            size = os.stat(log).st_size  # noqa: PTH116  # after every change
            if size >= self._empty_at_bytes:
                await self._empty_log(size)
        except (OSError, sqlite3.Error) as error:
            logger.warning("The log of the store %s could not be emptied: %s", self.path, error)

    async def _empty_log(self, size: int = 0) -> bool:
        """False: somebody reads from it, so the next try comes when it has grown once more."""
        self._empty = await turn_over(self._connection)
        self._empty_at_bytes = LOG_BYTES if self._empty else size + LOG_BYTES
        return self._empty

    async def leave_no_trace(self) -> bool:
        """Take out of the log what has been deleted from the store. False: another program reads; the next changes try again."""
        until = asyncio.get_running_loop().time() + BUSY_S
        while True:
            async with self._turn:
                if await self._empty_log():
                    return True
                self._empty_at_bytes = 0
            if asyncio.get_running_loop().time() > until:
                return False
            await asyncio.sleep(0.05)

    async def _bring_home(self, trouble: Trouble) -> str:
        """What was kept goes from the log into the file, wherever that is; a deleted file is written anew. The sentence about it."""
        assert self._place
        if not trouble.written_over:
            with suppress(sqlite3.Error):
                await empty_log(self._connection)
        if trouble.deleted and not self._rescued:
            with suppress(sqlite3.Error, OSError, StoreError):
                await copy_of(self._connection, rescued := self.path.with_name(f"{self.path.name}.rescued"))
                self._rescued = rescued
        return trouble.words(self.path, self._rescued)

    # --- files

    async def back_up(self, to: Path, over: bool) -> None:
        """Copy all that is kept to a file of its own, whole or not at all. Raises StoreError."""
        async with self._turn:
            await back_up(self._connection, self.path, to, over)

    async def aclose(self) -> None:
        """Wait for the transaction in progress, close the file, let others have it."""
        async with self._turn:
            if not self._place:
                return await self._connection.close()
            try:
                if trouble := self._place.trouble(self._seal):
                    logger.warning("%s", await self._bring_home(trouble))
                with leave_log(self.path) if trouble and trouble.written_over else nullcontext():
                    await self._connection.close()
            finally:
                self._place.let_go()


async def _undo(connection: aiosqlite.Connection, path: Path) -> None:
    """Take back an open transaction. Raises StoreError when that fails, too."""
    try:
        await connection.rollback()  # does nothing where SQLite has already rolled back
    except (sqlite3.Error, ValueError) as error:
        raise StoreError(f"The store {path} has failed: {error}. Start Duelbot again.") from error


class _Gone(Exception):
    """A name of the store leads elsewhere, or its file was written over."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble
