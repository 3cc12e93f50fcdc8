"""A hub id or a folder becomes a folder here. Needs no torch."""

import errno
import re
from pathlib import Path

from engine.errors import BadAdapter, BadModel, first_line
from engine.folders import way_out

WANTED_FILES = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt", "LICENSE*"]  # no pickled weights, no Python code


def fetch(name: str, what: str) -> Path:
    """Find the folder of a model or adapter: `name` is a folder, or a hub id that is downloaded once. A base's GGUF file is given back.

    Raises BadModel or BadAdapter, as `what` is "base model" or "adapter".
    """
    folder, wrong = Path(name).expanduser(), BadAdapter if what == "adapter" else BadModel
    if folder.is_dir():
        return folder
    if folder.is_file() and folder.suffix.lower() == ".gguf" and what == "base model":
        return folder
    if folder.is_file():
        raise wrong(f"{name} is a file, and the {what} is a folder. {way_out(folder, what)}".rstrip())
    if folder.suffix.lower() == ".gguf":  # a name that ends so is a file's, on the hub as well
        raise wrong(f"There is no file {name} for the {what}.")
    if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", name):
        raise wrong(f"There is no folder {name} for the {what}.")
    from huggingface_hub import errors, snapshot_download  # takes a quarter of a second, and most bases are folders

    try:
        return Path(snapshot_download(name, allow_patterns=WANTED_FILES))
    except errors.GatedRepoError as error:
        raise wrong(f"The {what} {name} is gated on its hub: accept its terms there and set HF_TOKEN.") from error
    except errors.RepositoryNotFoundError as error:
        raise wrong(f"There is no folder {name} here and no public {what} of that name on the hub.") from error
    except (errors.LocalEntryNotFoundError, errors.HfHubHTTPError, errors.HFValidationError, OSError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise wrong(f"The {what} {name} cannot be kept on this machine's disk: {error.strerror}.") from error
        raise wrong(
            f"The {what} {name} is not a folder here, and the hub cannot be reached to fetch it. "
            "Check the name and the connection, or give the path of a downloaded folder."
        ) from error
    except Exception as error:  # the hub's client lets errors of its HTTP library through
        raise wrong(f"The {what} {name} is not a folder here and cannot be fetched from the hub: {first_line(error)}") from error
