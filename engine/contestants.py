"""Arms and contestants: one way to answer, and that way pinned down so that evidence has an owner."""

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from engine.errors import BadAdapter, BadRecipe, UnfairDuel
from engine.folders import named_base, way_out
from engine.parsing import read_json, reason
from engine.recipes import Recipe


class Arm(StrEnum):
    """One way to answer a request."""

    PROMPTED = "prompted"  # base + engineered recipe
    TUNED = "tuned"  # adapter + the plain recipe that it was trained with
    PLAIN = "plain"  # base + plain recipe, the control
    COMBINED = "combined"  # adapter + engineered recipe

    @property
    def engineered(self) -> bool:
        return self in (Arm.PROMPTED, Arm.COMBINED)

    @property
    def adapted(self) -> bool:
        return self in (Arm.TUNED, Arm.COMBINED)


@dataclass(frozen=True, slots=True)
class Base:
    """The base model as loaded. `revision` is the hub's commit, or the SHA-256 of a folder's files."""

    name: str
    revision: str
    context_tokens: int  # prompt and answer together
    parameters: int
    dtype: str = "float32"  # of the weights in memory
    quantisation: str = ""  # the method by which the weights are stored; "": none
    more_ends: tuple[int, ...] = ()  # tokens that end an answer beyond those of config and tokenizer, which `revision` covers

    @property
    def parts(self) -> dict[str, Any]:
        """Everything here that changes an answer. What is as usual is left out, so that ids from before it was looked at stay true."""
        usual = {"dtype": "float32", "quantisation": "", "more_ends": ()}
        return {"base": self.revision} | {name: getattr(self, name) for name in usual if getattr(self, name) != usual[name]}


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter folder, and what its card demands of the base and the recipe.

    base_revision and recipe_digest are None for an adapter without a card (one from elsewhere): then only
    the shapes and the alive check speak for it.
    """

    name: str
    version: str
    folder: str
    digest: str  # SHA-256 of config and weights, 16 hex digits
    base_revision: str | None = None
    recipe_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Contestant:
    """An arm pinned down. A change in any part gives another id, and evidence starts again."""

    arm: Arm
    recipe: Recipe
    adapter: Adapter | None
    base: Base

    @property
    def id(self) -> str:
        """12 hex digits of the SHA-256 of recipe, adapter, base as it runs, and sampling; no paths, no names."""
        parts = {
            "arm": self.arm,
            "recipe": self.recipe.digest,
            "adapter": self.adapter.digest if self.adapter else None,
            **self.base.parts,
            "sampling": asdict(self.recipe.sampling),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Kit:
    """What a team has: one base, the plain recipe, and perhaps an engineered recipe and an adapter."""

    base: Base
    engineered: Recipe | None
    plain: Recipe
    adapter: Adapter | None = None

    def contestant(self, arm: Arm) -> Contestant:
        """The arm made of this kit. Raises BadAdapter or BadRecipe when it needs what is not there."""
        if arm.adapted and self.adapter is None:
            raise BadAdapter(f"The arm {arm} needs an adapter, and none is set. Set DUEL_ADAPTER to an adapter made for {self.base.name}.")
        recipe = self.engineered if arm.engineered else self.plain
        if recipe is None:
            raise BadRecipe(f"The arm {arm} needs an engineered recipe, and none is set. Set DUEL_RECIPE to one for {self.base.name}.")
        return Contestant(
            arm=arm,
            recipe=recipe,
            adapter=self.adapter if arm.adapted else None,
            base=self.base,
        )


def check_fair(contestants: tuple[Contestant, ...]) -> None:
    """Raises UnfairDuel unless all stand on one base and draw tokens alike."""
    first = contestants[0]
    for other in contestants[1:]:
        if other.base.parts != first.base.parts:
            raise UnfairDuel(f"{other.arm} and {first.arm} stand on different base models; their duel would compare the models.")
        if other.recipe.sampling != first.recipe.sampling:
            raise UnfairDuel(
                f"The recipes {first.recipe.name} and {other.recipe.name} differ in [sampling]; "
                "a fair duel needs the same token limit and the same decoding on both sides. "
                "Give both the same [sampling]: DUEL_RECIPE names the engineered one, DUEL_PLAIN_RECIPE the plain one."
            )


def open_adapter(folder: Path) -> Adapter:
    """Read an adapter folder: peft's adapter_config.json, safetensors weights and, if there, our card.json.

    Raises BadAdapter with the file that is missing or unreadable, and the way out where one is known. Nothing but JSON and
    safetensors is read.
    """
    config, weights, card_file = folder / "adapter_config.json", folder / "adapter_model.safetensors", folder / "card.json"
    if not folder.is_dir():
        raise BadAdapter(f"There is no adapter folder {folder}.")
    for needed in (config, weights):
        if not needed.is_file():
            known = way_out(folder, "adapter") or "A LoRA adapter saved by peft as safetensors is needed."
            raise BadAdapter(f"The adapter folder {folder} holds no {needed.name}. {known}")
    try:
        digest = hashlib.sha256(config.read_bytes() + weights.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise BadAdapter(f"The adapter in {folder} cannot be read: {error.strerror}.") from error
    if not card_file.is_file():
        return Adapter(name=folder.name, version=digest[:8], folder=str(folder), digest=digest)
    try:
        card = read_json(card_file)
        parts = (card["name"], card["version"], card["base"]["revision"], card["recipe"]["digest"])
        if not all(isinstance(part, str) and part for part in parts):
            raise TypeError("each must be text")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadAdapter(
            f"The card {card_file} is damaged ({reason(error)}); it must name name, version, base.revision and recipe.digest."
        ) from error
    name, version, base_revision, recipe_digest = parts
    return Adapter(name, version, str(folder), digest, base_revision, recipe_digest)


def check_made_for(adapter: Adapter, base: str, revision: str, plain: Recipe) -> tuple[str, ...]:
    """Compare what an adapter's card or config says of its base and recipe with those in use: base is a name.

    Raises BadAdapter when the card names another base or another plain recipe. Returns what people should be told: without a
    card only a name is known of the base, and a name proves nothing.
    """
    if adapter.recipe_digest is not None and adapter.recipe_digest != plain.digest:
        raise BadAdapter(
            f"The adapter {adapter.name} {adapter.version} was trained with another plain recipe (digest {adapter.recipe_digest[:80]}) "
            f"than {plain.name} {plain.version} ({plain.digest}). Set DUEL_PLAIN_RECIPE to the one it was trained with."
        )
    if adapter.base_revision is not None:
        if adapter.base_revision != revision:
            raise BadAdapter(
                f"The adapter {adapter.name} {adapter.version} was trained on base revision {adapter.base_revision[:12]}, "
                f"but {base} is {revision[:12]}. Set DUEL_ADAPTER to an adapter made for this base."
            )
        return ()
    trained_on = named_base(Path(adapter.folder))
    if not trained_on or _last(trained_on) == _last(base):
        return ()
    return (
        f"The adapter {adapter.name} says that it was trained on {trained_on}, and runs on {base} here: "
        "unless these are the same weights, its answers say nothing about fine-tuning.",
    )


def _last(name: str) -> str:
    """The last part of a hub id or path, which is what a copy of the model is mostly called too."""
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2].casefold()


def folder_revision(folder: Path) -> str:
    """The hub's commit of a folder in its cache; of another, 16 hex digits of the SHA-256 over all in it that changes answers.

    generation_config.json is not in it: of that, only the end tokens count, and a contestant's id has them apart.
    """
    if folder.parent.name == "snapshots":
        return folder.name
    named = {"config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}
    named |= {"tokenizer.model", "vocab.json", "merges.txt", "added_tokens.json"}  # of models that have no tokenizer.json
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.name in named or path.suffix == ".safetensors":
            digest.update(path.name.encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
