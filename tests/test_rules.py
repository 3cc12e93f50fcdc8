"""The rules of the house that a machine can check. What a rule excuses for now is listed; an excuse that nobody needs any more fails."""

import ast
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("engine", "adapters", "bot")  # a file imports only what comes before it: here, and in the map of each folder
FENCES = {
    "torch": (
        *(
            f"engine/backends/local/{name}"
            for name in ("attend", "cache", "general", "gguf", "hooks", "loading", "packed", "peft_lora", "slotted")
        ),
        "engine/bench/models",
        "engine/bench/naive",
        "adapters/export",
        "adapters/train/",
        "adapters/examples/",
    ),
    "transformers": ("engine/backends/local/", "engine/bench/models", "adapters/export", "adapters/train/", "adapters/examples/"),
    "peft": (
        "engine/backends/local/peft_lora",
        "engine/bench/models",
        "engine/bench/naive",
        "adapters/export",
        "adapters/train/",
        "adapters/examples/",
    ),
    "numba": tuple(f"engine/backends/local/{name}" for name in ("compiling", "kernels", "products", "compiled")),
    "llvmlite": ("engine/backends/local/compiling", "engine/backends/local/kernels"),
    "httpx": ("engine/optimise/reflecting",),
    "gguf": ("engine/backends/local/gguf", "engine/bench/gguf_files"),
    "trl": ("adapters/train/",),
    "datasets": ("adapters/train/",),
    "aiosqlite": ("bot/store",),
    "sqlite3": ("bot/store",),
    "nicegui": ("bot/fronts/web",),
    "prometheus_client": ("bot/meters",),
    "discord": ("bot/fronts/discord",),
    "prompt_toolkit": ("bot/fronts/terminal",),
    "matplotlib": ("bot/charts", "bot/deciding/pictures", "engine/bench/picture"),
}
LARGE = {
    "engine/models/demo/model.safetensors",
    "adapters/shipped/demo/adapter_model.safetensors",
    "adapters/shipped/desk/adapter_model.safetensors",
}  # above 1 MB

# Excuses. Each list only ever gets shorter.
UNMAPPED: set[str] = set()  # folders whose __init__.py does not name its files yet
CIRCLES: set[str] = set()  # folders with files that import one another in a circle
SQL_ELSEWHERE: set[str] = set()
FRONTS_WITH_STORE: set[str] = set()
TWICE: dict[str, int] = {}  # names of classes, each in at most so many places
# at most so many constants of a folder have their text on the next line
STRINGS: dict[str, int] = {}
ARTICLES: dict[str, int] = {}  # at most so many docstrings of a folder begin like a thing's


FILES = sorted(path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
FOLDERS = sorted({file.parent for file in FILES})


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


@cache
def imports(file: Path) -> tuple[tuple[int, str], ...]:
    """Line and full name of everything that a file imports, under TYPE_CHECKING and within functions too."""
    found = []
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: imports by their full names"
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return tuple(found)


@cache
def file_of(name: str) -> Path | None:
    """The file of this project that an imported name lives in."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        stem = Path(*parts[:count])
        for file in (stem.with_suffix(".py"), stem / "__init__.py"):
            if parts[0] in PACKAGES and (ROOT / file).is_file():
                return file
    return None


def ours(file: Path) -> Iterator[tuple[int, Path]]:
    """Line and file of everything of this project that a file imports."""
    for line, name in imports(file):
        if (found := file_of(name)) and found != file:
            yield line, found


def fail(rule: str, faults: Iterable[str], unneeded: Iterable[str] = ()) -> None:
    """Fail with the rule and what broke it, or with the excuses that are not needed any more."""
    told = [*faults, *(f"{excuse} is excused and need not be: take it off the list" for excuse in sorted(unneeded))]
    if told:
        pytest.fail("\n  ".join([f"{rule}:", *told]), pytrace=False)


def fail_above(rule: str, found: Mapping[str, list[str]], most: Mapping[str, int]) -> None:
    """The same for faults that are counted by folder."""
    above = [fault for folder, faults in found.items() if len(faults) > most.get(folder, 0) for fault in faults]
    fail(rule, above, (folder for folder in most if not found.get(folder)))


# --- the tree is the flow


def mapped(folder: Path) -> list[Path]:
    """Files and folders that the map in a folder's __init__.py names, a line each, in its order."""
    words = ast.get_docstring(tree(folder / "__init__.py")) or ""
    names = re.findall(r"^([\w/]+(?:\.py)?)\s\s+\S", words, re.MULTILINE)
    return [folder / (name if name.endswith((".py", "/")) else f"{name}.py") for name in names]


def in_order(folder: Path) -> Iterator[list[Path]]:
    """All files below a folder, first to last; those whose order nobody has said stand together."""
    inside = [file for file in FILES if folder in file.parents]
    if folder.as_posix() in UNMAPPED | CIRCLES:
        yield inside
        return
    named = mapped(folder)
    for entry in named:
        if entry.suffix or not (ROOT / entry).is_dir():
            yield [entry]
        else:
            yield from in_order(entry)
    yield [file for file in inside if file.parent == folder and file.stem in ("__init__", "__main__") and file not in named]


def test_a_file_imports_only_what_comes_before_it() -> None:
    groups = (group for package in PACKAGES for group in in_order(Path(package)))
    place = {file: number for number, group in enumerate(groups) for file in group}
    faults = [
        f"{file}:{line} imports {other}, which comes later"
        for file in FILES
        for line, other in ours(file)
        if place.get(other, -1) > place.get(file, len(place)) and file.stem != "__main__"
    ]
    fail("a file imports only what stands before it in the maps", faults)


def test_each_folder_s_map_names_its_files() -> None:
    faults, gaps = [], set()
    for folder in FOLDERS:
        there = {file for file in FILES if file.parent == folder and file.stem not in ("__init__", "__main__")}
        there |= {other for other in FOLDERS if other.parent == folder}
        named = mapped(folder)
        known = {entry for file in named for entry in (file, *file.parents)}
        missing, gone = there - known, [entry for entry in named if not (ROOT / entry).exists()]
        if folder.as_posix() not in UNMAPPED:
            faults += [f"{folder}/__init__.py does not name {entry.name}" for entry in sorted(missing)]
            faults += [f"{folder}/__init__.py names {entry}, which is not there" for entry in gone]
        elif missing or gone:
            gaps.add(folder.as_posix())
    fail("the docstring of a folder's __init__.py has a line for each of its files", faults, UNMAPPED - gaps)


def circles() -> list[set[Path]]:
    """Files that import one another in a circle, types included: the strongly connected components of the imports."""
    known = {file: [other for _, other in ours(file) if other.name != "__init__.py"] for file in FILES}
    reached: dict[Path, set[Path]] = {}
    for file in FILES:
        seen, left = set[Path](), [file]
        while left:
            for other in known[left.pop()]:
                if other not in seen:
                    seen.add(other)
                    left.append(other)
        reached[file] = seen
    return [{other for other in reached[file] if file in reached[other]} for file in FILES if file in reached[file]]


def test_no_files_import_one_another_in_a_circle() -> None:
    found = {", ".join(sorted(map(str, circle))): {str(file.parent) for file in circle} for circle in circles()}
    faults = [files for files, folders in found.items() if not folders <= CIRCLES]
    fail("files import one another in a circle", faults, CIRCLES - set().union(*found.values()))


def test_no_front_imports_another() -> None:
    faults = [
        f"{file}:{line} imports {other}"
        for file in FILES
        for line, other in ours(file)
        if file.parts[:2] == other.parts[:2] == ("bot", "fronts") and file.parts[2] != other.parts[2] != "__init__.py"
    ]
    fail("fronts know nothing of one another", faults)


def test_no_front_imports_the_store() -> None:
    faults = {f"{file}": f"{file}:{line} imports {other}" for file in FILES for line, other in ours(file) if is_store_in_front(file, other)}
    fail(
        "a front asks the app",
        [fault for file, fault in faults.items() if file not in FRONTS_WITH_STORE],
        FRONTS_WITH_STORE - set(faults),
    )


def is_store_in_front(file: Path, other: Path) -> bool:
    return file.parts[:2] == ("bot", "fronts") and other.parts[:2] == ("bot", "store")


def test_heavy_libraries_stay_behind_their_fences() -> None:
    faults = [
        f"{file}:{line} imports {name}, which belongs into {', '.join(fence)}"
        for file in FILES
        for line, name in imports(file)
        if (fence := FENCES.get(name.split(".")[0])) and not file.as_posix().startswith(fence)
    ]
    fail("a heavy library is imported in its own folders alone", faults)


def test_sql_stands_in_the_store_alone() -> None:
    begins = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|PRAGMA|CREATE)\s+[\w*(]")
    found = {
        file.as_posix(): f"{file}:{node.lineno}: {node.value[:40]!r}"
        for file in FILES
        if file.parts[:2] != ("bot", "store")
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and begins.match(node.value)
    }
    fail("SQL stands in bot/store", [said for file, said in found.items() if file not in SQL_ELSEWHERE], SQL_ELSEWHERE - set(found))


# --- names and words


def classes() -> Iterator[tuple[Path, ast.ClassDef]]:
    for file in FILES:
        yield from ((file, node) for node in ast.walk(tree(file)) if isinstance(node, ast.ClassDef))


def test_a_class_name_is_used_once() -> None:
    places = defaultdict(list)
    for file, node in classes():
        places[node.name].append(f"{file}:{node.lineno}")
    twice = {name: f"{name} is in {', '.join(where)}" for name, where in places.items() if len(where) > TWICE.get(name, 1)}
    fail("one name, one class", twice.values(), (name for name in TWICE if len(places[name]) < 2))


def test_every_error_stands_in_the_tree_of_errors() -> None:
    bases = {node.name: {ast.unparse(base).split(".")[-1] for base in node.bases} for _, node in classes()}
    errors = {"DuelbotError"}
    while more := {name for name, above in bases.items() if above & errors} - errors:
        errors |= more
    shown = ast.get_docstring(tree(Path("engine/errors.py"))) or ""
    missing = {name for name in errors if not re.search(rf"\b{name}\b", shown)}
    fail("the docstring of engine/errors.py shows every error", sorted(missing))


def test_a_constant_s_text_is_a_comment_behind_it() -> None:
    found = defaultdict(list)
    for file in FILES:
        for node in ast.walk(tree(file)):
            body = node.body if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) else []
            for one, following in pairwise(body):
                if isinstance(one, ast.Assign | ast.AnnAssign) and is_text(following):
                    found[file.parent.as_posix()].append(f"{file}:{following.lineno}")
    fail_above("no tool shows a string behind an assignment; write a trailing comment", found, STRINGS)


def is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


THING = re.compile(r"(An?|The|Its?|Their|What|Which|Who|Whose|Whether|How|When|Where|As|Of|For|In|By|With|All|Each|Every|One)\b")


def test_what_acts_has_a_docstring_that_begins_with_a_verb() -> None:
    found = defaultdict(list)
    for file in FILES:
        folder = "/".join(file.parts[:3] if file.parts[1] == "fronts" else file.parts[:2])
        if folder.startswith(("bot/app", "bot/fronts")):
            found[folder] += [f"{file}:{node.lineno} {node.name}: {said}" for node, said in acting(file) if THING.match(said)]
    fail_above("the docstring of what acts begins with a verb", found, ARTICLES)


def acting(file: Path) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, str]]:
    """Public functions with the first line of their docstrings, but properties and what answers yes or no."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            is_property = any("property" in ast.unparse(each) for each in node.decorator_list)
            is_bool = node.returns is not None and ast.unparse(node.returns) == "bool"
            if (words := ast.get_docstring(node)) and not is_property and not is_bool:
                yield node, words.splitlines()[0]


# --- the map, and what git keeps


def test_every_folder_is_in_the_readmes_map() -> None:
    """By its full path, or within the remark of the folder that it lies in."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    remarks = {match.group(1): match.group(2) for line in lines if (match := re.match(r"^([\w/]+)/ +(\S.*)$", line))}
    missing = [
        f"{folder}/"
        for folder in map(str, FOLDERS)
        if folder not in remarks
        and not any(above.startswith(f"{folder}/") for above in remarks)
        and not any(folder.startswith(f"{above}/") and f"{folder.removeprefix(above)[1:]}/" in remark for above, remark in remarks.items())
    ]
    gone = [f"{folder}/, which is not there" for folder in remarks if not (ROOT / folder).is_dir()]
    fail("README's map names every folder", missing + gone)


def test_no_large_file_is_kept_but_the_weights_that_ship() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("needs the repository")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    large = {name for name in names if name and (ROOT / name).is_file() and (ROOT / name).stat().st_size > 1e6}
    fail("no file above 1 MB", sorted(large - LARGE), LARGE - large)
