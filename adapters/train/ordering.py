"""What a person asks for becomes an order, checked: a new run, or one that goes on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from adapters.train.plan import load_plan
from adapters.train.runs import BadRun, TrainingOrder, WorkFolder, check_name, file_digest
from adapters.train.training import free_threads
from engine.contestants import check_made_for, folder_revision, open_adapter
from engine.errors import BadAdapter
from engine.lineup import base_folder
from engine.recipes import load_recipe
from engine.settings import EngineSettings

PLAN_ON_CPU, PLAN_ON_GPU = "standard", "gpu"
NONE = "none"  # in the place of the engineered recipe: no other arm is measured


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for. "" and None: not said."""

    file: Path | None = None
    name: str = ""
    base: str = ""
    recipe: str = ""
    plan: str = ""
    parent: Path | None = None
    resume: bool = False
    work: Path = Path("build/train")
    out: Path = Path("loras")
    engineered: str = ""
    method: Literal["", "sft", "dpo", "kto"] = ""


def ordered(wish: Wish, settings: EngineSettings) -> tuple[TrainingOrder, WorkFolder]:
    """Begin a run's folder, or find it again. Raises BadRun, BadPlan, BadModel, BadRecipe, BadAdapter; then nothing is begun."""
    name = wish.name or (wish.file.stem if wish.file else "")
    check_name(name)
    work = WorkFolder(wish.work.absolute() / name)
    if wish.resume:
        _check_resume(wish)
        return work.order(), work
    if work.begun:
        raise BadRun(f"A run {name} has begun in {work.path}: --resume goes on with it, or take another --name.")
    order = _new(wish, name, settings)
    if Path(order.out).exists():
        raise BadRun(f"There is an adapter at {order.out} already. Take another --name, or move it away.")
    work.begin(order)
    return order, work


def _check_resume(wish: Wish) -> None:
    said = {
        "FILE": wish.file,
        "--base": wish.base,
        "--recipe": wish.recipe,
        "--plan": wish.plan,
        "--from": wish.parent,
        "--engineered": wish.engineered,
        "--method": wish.method,
    }
    if given := [flag for flag, value in said.items() if value]:
        raise BadRun(f"A run goes on with what it began with; leave out {', '.join(given)} beside --resume.")
    if not wish.name:
        raise BadRun("Name the run that shall go on: --resume --name NAME.")


def plain_name(wish: Wish, settings: EngineSettings) -> str:
    """Name the plain recipe to learn with: as asked, as set, else the one that says nothing."""
    return wish.recipe or settings.plain_recipe or "plain"


def engineered_name(wish: Wish, settings: EngineSettings) -> str:
    """Name the engineered recipe that is measured beside: as asked, as set, else none, which is ""."""
    return "" if wish.engineered == NONE else wish.engineered or settings.recipe


def _new(wish: Wish, name: str, settings: EngineSettings) -> TrainingOrder:
    if wish.file is None:
        raise BadRun("Name the file with the rows to learn.")
    import torch

    base = wish.base or settings.base_model
    recipe_name = plain_name(wish, settings)
    plan = load_plan(wish.plan or (PLAN_ON_GPU if torch.cuda.is_available() and settings.device != "cpu" else PLAN_ON_CPU))
    engineered = engineered_name(wish, settings)
    recipe, revision = load_recipe(recipe_name), folder_revision(base_folder(base))
    if plan.focus.line and wish.method in ("dpo", "kto"):
        raise BadRun(f"The plan's focus.line goes with --method sft alone; {wish.method} compares whole answers.")
    version, parent_digest = "1", ""
    if wish.parent is not None:
        parent = open_adapter(wish.parent)
        if parent.card is None:
            raise BadAdapter(f"The adapter {parent.name} has no card, so nobody knows whether it was made for this base and recipe.")
        check_made_for(parent, base, revision, recipe)
        parent_digest = parent.digest
        version = str(int(parent.version) + 1) if parent.version.isdecimal() else f"{parent.version}.1"
    return TrainingOrder(
        name=name,
        version=version,
        file=str(wish.file.absolute()),
        file_digest=file_digest(wish.file),
        base=str(Path(base).absolute()) if Path(base).is_dir() else base,
        base_revision=revision,
        recipe=_placed(recipe_name),
        recipe_digest=recipe.digest,
        plan=plan,
        parent=str(wish.parent.absolute()) if wish.parent else "",
        parent_digest=parent_digest,
        threads=free_threads(settings),
        out=str(wish.out.absolute() / f"{name}-{version}"),
        method=wish.method or "sft",
        engineered=_placed(engineered),
        engineered_digest=load_recipe(engineered).digest if engineered else "",
    )


def _placed(recipe: str) -> str:
    """Name a recipe so that it is found from any folder."""
    return str(Path(recipe).absolute()) if recipe.endswith(".toml") else recipe
