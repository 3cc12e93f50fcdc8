"""Where the store's files lie, and whether their names still lead to them: SQLite goes on writing to a file that was moved or deleted."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

BINARY: int = getattr(os, "O_BINARY", 0)  # Windows alone tells text from bytes when it opens a file
Id = tuple[int, int]  # device and inode: what a file is, whatever its name


@dataclass(frozen=True, slots=True)
class Mark:
    """Where in the file its seals are (seals.py): bytes."""

    offset: int
    size: int


def beside(path: Path) -> tuple[Path, Path]:
    """SQLite's log, and the index of it that processes share."""
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")


def lock_of(path: Path) -> Path:
    """The file whose lock says that a Duelbot uses the store."""
    return path.with_name(f"{path.name}.lock")


def size_of(path: Path) -> int:
    """In bytes; 0 where there is no file."""
    return path.stat().st_size if path.exists() else 0


def sync_folder(folder: Path) -> None:
    """A new name survives a power cut only when its folder is on the disk, too. Windows opens no folders, and needs none of it."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What became of the open files."""

    name: Path  # that no longer leads to its file, or the store that was written over
    where: Path | None  # the store's file lies now, as far as the system tells
    written_over: bool = False
    deleted: bool = False
    taken: bool = False  # the name leads to another file
    part: bool = False  # of SQLite's own files, or the lock

    def words(self, path: Path, rescued: Path | None) -> str:
        """What happened, what was kept, what to do. path: the store's. rescued: where a deleted store's content is now."""
        if self.written_over:
            return (
                f"The store {path} was written over by another program while Duelbot uses it. Nothing was changed. "
                "Stop Duelbot, put a backup in its place with python -m bot restore, and start again."
            )
        if self.part:
            return (
                f"{self.name}, a part of the open store, was moved or deleted. Nothing was changed, and what was kept is in {path}. "
                "Start Duelbot again."
            )
        if self.deleted:
            back = f"What was kept is in {rescued} now: stop Duelbot, give that file the old name" if rescued else "Put a backup back"
            how = "replaced by another file" if self.taken else "deleted"
            return f"The store {path} was {how} while Duelbot uses it. Nothing was changed. {back}, and start again."
        if self.taken:
            return (
                f"{self.name} leads to another file now than to the store that Duelbot has open, {self.where or path}. "
                "Nothing was changed; put the open one back, or start Duelbot again to use the other."
            )
        where = f" to {self.where}" if self.where else ""
        return f"The store {self.name} was moved{where} while Duelbot uses it. Nothing was changed; put it back, and do this again."


@dataclass(slots=True)
class OpenFiles:
    """The open files of one store. `file` may be closed only after SQLite has closed its own: POSIX drops a process's locks with it."""

    named: Path  # as it was asked for: maybe a link
    path: Path  # the file that it led to
    lock: int  # a descriptor, held
    file: int  # a descriptor of the store
    _known: list[tuple[Path, Id]] = field(default_factory=list)
    _mark: Mark = field(default=Mark(0, 0))  # frozen

    def remember(self, mark: Mark) -> None:
        """Take what the names lead to now for what they have to lead to. Call it once SQLite has made its own files."""
        own = _id(os.fstat(self.file))
        parts = [(part, _id(part.stat())) for part in (*beside(self.path), lock_of(self.path))]
        self._known, self._mark = [(self.named, own), (self.path, own), *parts], mark

    def trouble(self, seal: str) -> Trouble | None:
        """Whether a name leads elsewhere, or the file no longer holds the seal that the log began from. Five looks into folders."""
        for name, known in self._known:
            if (found := _id_at(name)) != known:
                gone, part = os.fstat(self.file).st_nlink == 0, name not in (self.named, self.path)
                return Trouble(name, _path_of(self.file), deleted=gone, taken=found is not None, part=part)
        held = seal.encode() in _read_at(self.file, self._mark)
        return None if held else Trouble(self.path, self.path, written_over=True)

    def let_go(self) -> None:
        """After SQLite has closed the store."""
        for descriptor in (self.file, self.lock):
            os.close(descriptor)


def _id(found: os.stat_result) -> Id:
    return found.st_dev, found.st_ino


def _id_at(name: Path) -> Id | None:
    try:
        return _id(os.stat(name))  # noqa: PTH116  # before every change: half the time of Path.stat
    except OSError:
        return None


def _path_of(descriptor: int) -> Path | None:
    """Where an open file lies now, where the system can tell: Linux and macOS."""
    ways: tuple[Callable[[], str], ...] = (
        lambda: os.readlink(f"/proc/self/fd/{descriptor}"),  # noqa: PTH115
        lambda: _told_by_mac(descriptor),
    )
    for way in ways:
        with suppress(OSError, ValueError, ImportError):
            return Path(way())
    return None


def _told_by_mac(descriptor: int) -> str:
    import fcntl

    return fcntl.fcntl(descriptor, getattr(fcntl, "F_GETPATH", -1), bytes(1024)).rstrip(b"\0").decode()


def _read_at(descriptor: int, mark: Mark) -> bytes:
    """Read a part of a file that nobody else reads by this descriptor; Windows reads from where one has gone to."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, mark.size, mark.offset)
    os.lseek(descriptor, mark.offset, os.SEEK_SET)
    return os.read(descriptor, mark.size)
