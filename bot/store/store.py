"""The store: one file, one connection, one transaction at a time."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite

from bot.errors import StoreError
from bot.store.opening import connect, prepare, words_for
from bot.store.transaction import Transaction


class Store:
    """Open it with `Store.open`; everything else happens in a transaction that is whole or not at all."""

    def __init__(self, path: Path, connection: aiosqlite.Connection, lock: int) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path) -> "Store":
        """Make or open the file. Raises StoreError with the reason and what to do."""
        path = Path(await asyncio.to_thread(os.path.realpath, path))  # two names of one file share one lock
        lock = await asyncio.to_thread(prepare, path)
        try:
            return cls(path, await connect(path), lock)
        except sqlite3.Error as error:
            os.close(lock)
            if words := words_for(error, path):
                raise StoreError(words) from error
            raise
        except BaseException:
            os.close(lock)
            raise

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[Transaction, None]:
        """One consistent view of the store."""
        async with self._transaction("BEGIN") as transaction:
            yield transaction

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[Transaction, None]:
        """Changes that are on the disk, synced, when the block has ended; if it raises, none of them is there.

        Raises StoreError in words when the disk or the file refuses; the same can then be tried again.
        """
        async with self._transaction("BEGIN IMMEDIATE") as transaction:
            yield transaction

    @asynccontextmanager
    async def _transaction(self, begin: str) -> AsyncGenerator[Transaction, None]:
        async with self._turn:
            try:
                await self._connection.execute(begin)
                yield Transaction(self._connection)
                await self._connection.execute("COMMIT")
            except BaseException as error:
                await self._undo()
                if isinstance(error, sqlite3.Error) and (words := words_for(error, self.path)):
                    raise StoreError(words) from error
                raise

    async def _undo(self) -> None:
        try:
            await self._connection.rollback()  # does nothing where SQLite has already rolled back
        except (sqlite3.Error, ValueError) as error:
            raise StoreError(f"The store {self.path} has failed: {error}. Start Duelbot again.") from error

    async def aclose(self) -> None:
        """Wait for the transaction in progress, close the file, let others have it."""
        async with self._turn:
            try:
                await self._connection.close()
            finally:
                os.close(self._lock)
