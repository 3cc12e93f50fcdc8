"""Whether an installation is whole: files that are no modules are what a package forgets."""

from pathlib import Path

from engine.errors import DuelbotError

ROOT = Path(__file__).parents[1]
NEEDED = (
    "engine/recipes/*.toml",
    "engine/models/*.txt",
    "engine/models/demo/*.json",
    "engine/models/demo/*.jinja",
    "engine/models/demo/*.safetensors",
    "adapters/plans/*.toml",
    "adapters/train/*.txt",
    "adapters/shipped/desk/*.json",
    "adapters/shipped/desk/*.safetensors",
    "adapters/shipped/desk/*.txt",
    "adapters/shipped/demo/*.json",
    "adapters/shipped/demo/*.safetensors",
    "bot/migrations/*.sql",
    "bot/examples.toml",
    "bot/deciding/*.css",
    "bot/fronts/web/*.css",
    "bot/fronts/web/*.js",
)  # kinds of files beside the modules that are read when Duelbot is used


def check_installed(root: Path = ROOT) -> None:
    """Refuse an installation from which a kind of file was left out. Raises DuelbotError that names it.

    root: the folder that holds the three packages.
    """
    missing = [pattern for pattern in NEEDED if not any(root.glob(pattern))]
    if missing:
        raise DuelbotError(f"This installation of Duelbot is not whole: {root} has no {', no '.join(missing)}. Install it again.")
