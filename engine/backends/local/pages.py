"""Pages of memory that are given back: those of a checkpoint's file, once what lies in them has been packed, and those that were freed.

The first would count as this process's memory until the last weight of the file goes, which an embedding never does. Whatever is read
in them again comes from the file again.
"""

import ctypes
import gc
import mmap
import sys
from pathlib import Path

DONT_NEED = 4  # MADV_DONTNEED in Linux's <sys/mman.h>


class MappedFiles:
    """The files that are mapped into this process, as they are now. Elsewhere than on Linux it knows none."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []  # addresses: first, and one behind the last
        maps = Path("/proc/self/maps")  # address perms offset dev inode path, see proc_pid_maps(5)
        for line in maps.read_text().splitlines() if maps.exists() else ():
            address, permissions, _, _, inode, *_ = line.split()
            if inode != "0" and permissions.endswith("p"):
                first, end = (int(part, 16) for part in address.split("-"))
                self._spans.append((first, end))

    def give_back(self, address: int, size: int) -> None:
        """Let the whole pages go that `size` bytes which nobody has written to fill; nothing happens to what is in no file."""
        first, end = address, address + size
        first, end = -(-first // mmap.PAGESIZE) * mmap.PAGESIZE, end // mmap.PAGESIZE * mmap.PAGESIZE
        if first < end and any(start <= first and end <= behind for start, behind in self._spans):
            ctypes.CDLL(None).madvise(ctypes.c_void_p(first), ctypes.c_size_t(end - first), DONT_NEED)


def give_back_freed() -> None:
    """Let the pages go that hold nothing any more. glibc keeps them for later, also gigabytes that a training is done with.

    Elsewhere than on Linux with glibc nothing happens.
    """
    gc.collect()
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(ctypes.c_size_t(0))
