"""Arms and contestants: one way to answer, and that way pinned down so that evidence has an owner."""

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from engine.errors import BadAdapter, UnfairDuel
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
        """12 hex digits of the SHA-256 of recipe, adapter, base revision and sampling; no paths, no names."""
        parts = {
            "arm": self.arm,
            "recipe": self.recipe.digest,
            "adapter": self.adapter.digest if self.adapter else None,
            "base": self.base.revision,
            "sampling": asdict(self.recipe.sampling),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Kit:
    """What a team has: one base, its engineered recipe, the plain recipe, and perhaps an adapter."""

    base: Base
    engineered: Recipe
    plain: Recipe
    adapter: Adapter | None = None

    def contestant(self, arm: Arm) -> Contestant:
        """The arm made of this kit. Raises BadAdapter when it needs an adapter that is not there."""
        if arm.adapted and self.adapter is None:
            raise BadAdapter(f"The arm {arm} needs an adapter, and none is set. Set DUEL_ADAPTER to an adapter made for {self.base.name}.")
        return Contestant(
            arm=arm,
            recipe=self.engineered if arm.engineered else self.plain,
            adapter=self.adapter if arm.adapted else None,
            base=self.base,
        )


def check_fair(contestants: tuple[Contestant, ...]) -> None:
    """Raises UnfairDuel unless all stand on one base and draw tokens alike."""
    first = contestants[0]
    for other in contestants[1:]:
        if other.base.revision != first.base.revision:
            raise UnfairDuel(f"{other.arm} and {first.arm} stand on different base models; their duel would compare the models.")
        if other.recipe.sampling != first.recipe.sampling:
            raise UnfairDuel(
                f"The recipes {first.recipe.name} and {other.recipe.name} differ in [sampling]; "
                "a fair duel needs the same token limit and the same decoding on both sides."
            )


def open_adapter(folder: Path) -> Adapter:
    """Read an adapter folder: peft's adapter_config.json, safetensors weights and, if there, our card.json.

    Raises BadAdapter with the file that is missing or unreadable. Nothing but JSON and safetensors is read.
    """
    config, weights, card_file = folder / "adapter_config.json", folder / "adapter_model.safetensors", folder / "card.json"
    if not folder.is_dir():
        raise BadAdapter(f"There is no adapter folder {folder}.")
    for needed in (config, weights):
        if not needed.is_file():
            raise BadAdapter(f"The adapter folder {folder} holds no {needed.name}; a LoRA adapter saved by peft as safetensors is needed.")
    digest = hashlib.sha256(config.read_bytes() + weights.read_bytes()).hexdigest()[:16]
    if not card_file.is_file():
        return Adapter(name=folder.name, version=digest[:8], folder=str(folder), digest=digest)
    try:
        card = json.loads(card_file.read_text(encoding="utf-8"))
        return Adapter(
            name=card["name"],
            version=card["version"],
            folder=str(folder),
            digest=digest,
            base_revision=card["base"]["revision"],
            recipe_digest=card["recipe"]["digest"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BadAdapter(
            f"The card {card_file} is damaged ({error!r}); it must name name, version, base.revision and recipe.digest."
        ) from error


def folder_revision(folder: Path) -> str:
    """First 16 hex digits of the SHA-256 over name and bytes of everything in a model folder that changes its answers."""
    named = {"config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.name in named or path.suffix == ".safetensors":
            digest.update(path.name.encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
