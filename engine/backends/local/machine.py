"""What the machine has: memory that keys and values may take, processors and who wants them. No torch."""

import os
import sys
from pathlib import Path

from engine.backends.base import Load

SHARE = 4  # a quarter of the machine's memory is for keys and values, where nobody says how much
UNKNOWN_BYTES = 4 << 30  # of memory, where the system does not tell
KEPT_SHARE, LEAST_KEPT_BYTES = 16, 128 << 20  # of the budget, what is kept of prompts has beside it; and at least
KEPT_TOKENS = 3072  # and at most, where these are more: two long recipes, or one and the latest conversations
CUDA = (Path("/dev/nvidia0"), Path("/dev/nvidiactl"), Path("/proc/driver/nvidia"), Path("/dev/dxg"))  # the last in Windows' Linux
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))  # of a container, in bytes or "max"


def machine_bytes() -> int:
    """Tell the memory of this machine, or of the container that this process is in."""
    try:
        there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on Windows
        there = UNKNOWN_BYTES
    return min([there, *filter(None, map(_limit, LIMITS))])


def kept_bytes(budget_bytes: int, token_bytes: int = 0) -> int:
    """Tell how much of prompts and answers is kept, beside a budget for those that are being written.

    token_bytes: of one token's keys and values; 0 where that is not known yet.
    """
    share = max(budget_bytes // KEPT_SHARE, LEAST_KEPT_BYTES)
    most = max(KEPT_TOKENS * token_bytes, LEAST_KEPT_BYTES) if token_bytes else share
    return min(share, most, budget_bytes)


def processors() -> int:
    """Count the processors that this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Linux alone tells
        return os.cpu_count() or 1


def may_have_cuda() -> bool:
    """Whether a CUDA device may be here, told without torch: there is NVIDIA's driver, or a system that shows none in files."""
    return sys.platform != "linux" or any(path.exists() for path in CUDA)


def usual_threads() -> int:
    """Count the threads that arithmetic takes where nobody says how many: as many as there are processors, or as OMP_NUM_THREADS says."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(told)) if told.isdecimal() else processors()


def machine_load() -> Load | None:
    """Tell how busy this machine is; None where the system does not say, as Windows does not."""
    try:
        return Load(os.getloadavg()[0], processors())
    except (AttributeError, OSError):
        return None


def _limit(file: Path) -> int | None:
    try:
        text = file.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None
