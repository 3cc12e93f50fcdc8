"""A file taken by one process, on every system. The lock is advisory and falls with the process, however that ends."""

import sys

if sys.platform == "win32":
    import msvcrt

    def take(descriptor: int) -> None:
        """Take an open file for this process alone. Raises OSError, as EAGAIN or EACCES where another one has it."""
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def take(descriptor: int) -> None:
        """Take an open file for this process alone. Raises OSError, as EAGAIN or EACCES where another one has it."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
