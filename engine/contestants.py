"""Arms and contestants: one way to answer, and that way pinned down so that evidence has an owner."""

import hashlib
import json
import math
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from engine.card import Card, read_card
from engine.errors import BadAdapter, UnfairDuel
from engine.folders import named_base, way_out
from engine.named import Named
from engine.plain_lora import CONFIG, WEIGHTS, tensor_shapes
from engine.recipes import Recipe
from engine.trained_on import TrainedOn, read_trained_on

SERVED = "as served"  # the dtype of a base on a server, whose weights nobody here sees
TWO_BASES = (
    "{0} answers by {1}, and {2} by {3}: two models are compared, each with its technique, and not a prompt and a fine-tune on one base. "
    "A verdict holds for these two as they are served."
)


class Arm(StrEnum):
    """One way to answer a request."""

    PROMPTED = "prompted"  # base + engineered recipe
    TUNED = "tuned"  # adapter + the plain recipe that it was trained with
    PLAIN = "plain"  # base + plain recipe, the control
    COMBINED = "combined"  # adapter + engineered recipe

    @property
    def engineered(self) -> bool:
        """Whether it answers with an engineered recipe."""
        return self in (Arm.PROMPTED, Arm.COMBINED)

    @property
    def adapted(self) -> bool:
        """Whether it answers with an adapter."""
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
    elsewhere: bool = False  # on another server than adapters are, for the prompted side alone

    @property
    def unpinned(self) -> bool:
        """Whether it is known by its answers alone, as it is on a server."""
        return self.dtype == SERVED

    @property
    def parts(self) -> dict[str, Any]:
        """The parts of the base that change an answer. Usual ones are left out, so that ids from before they were looked at stay true."""
        usual = {"dtype": "float32", "quantisation": "", "more_ends": ()}
        return {"base": self.revision} | {name: getattr(self, name) for name in usual if getattr(self, name) != usual[name]}


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter folder, read. One from elsewhere has no card: then only the shapes and the alive check speak for it.

    One on a server has no folder here; its digest is of its name there and of what it answers to probes.
    """

    name: str
    version: str
    folder: str
    digest: str  # SHA-256 of config and weights, 16 hex digits
    trainable: int = 0  # parameters
    card: Card | None = field(default=None, hash=False)
    trained_on: TrainedOn = field(default_factory=TrainedOn, repr=False, hash=False)  # the requests that it was made with
    served: str = ""  # a server's name or number for it; "": it lies in `folder`

    @property
    def named(self) -> Named:
        """Its name and version."""
        return Named(self.name, self.version)

    def saw(self, request: str) -> bool:
        """Whether it is known to have seen the request, or a near-duplicate of it, in training."""
        return "train" in self.trained_on.roles_of(request)


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
            "sampling": self.recipe.sampling.parts,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def check_fair(contestants: tuple[Contestant, ...]) -> tuple[str, ...]:
    """Compare contestants. Raises UnfairDuel unless all stand on one base and draw tokens alike.

    Two bases may meet where the settings put the prompted side on another server. Returns what should be said of that, a sentence each.
    """
    first, notes = contestants[0], list[str]()
    for other in contestants[1:]:
        if other.base.elsewhere or first.base.elsewhere:
            if other.base.elsewhere is not first.base.elsewhere:
                notes.append(TWO_BASES.format(first.arm, first.base.name, other.arm, other.base.name))
        elif other.base.parts != first.base.parts:
            raise UnfairDuel(f"{other.arm} and {first.arm} stand on different base models; their duel would compare the models.")
        if other.recipe.sampling != first.recipe.sampling:
            raise UnfairDuel(
                f"The recipes {first.recipe.name} and {other.recipe.name} differ in [sampling]; "
                "a fair duel needs the same token limit and the same decoding on both sides. "
                "Give both the same [sampling]: DUEL_RECIPE names the engineered one, DUEL_PLAIN_RECIPE the plain one."
            )
    return tuple(notes)


def open_adapter(folder: Path) -> Adapter:
    """Read an adapter folder: peft's adapter_config.json and safetensors weights and, if there, card.json and trained_on.txt.

    Raises BadAdapter with the file that is missing or unreadable, and the way out where one is known. No weight is loaded, and
    nothing but JSON, digests and the header of the weights is understood.
    """
    config, weights = folder / CONFIG, folder / WEIGHTS
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
    card = read_card(folder)
    name, version = (card.name, card.version) if card else (folder.name, digest[:8])
    trainable = sum(math.prod(shape) for shape in tensor_shapes(folder, name).values())
    return Adapter(name, version, str(folder), digest, trainable, card, read_trained_on(folder))


def check_made_for(adapter: Adapter, base: str, revision: str, plain: Recipe) -> tuple[str, ...]:
    """Compare what an adapter's card or config says of its base and recipe with those in use: base is a name.

    Raises BadAdapter when the card names another base or another plain recipe. Returns what people should be told: keys of the card
    that mean nothing, and without a card another name of the base, which is all that is known then and proves nothing.
    """
    if adapter.card:
        adapter.card.check_made_for(base, revision, plain)
        others = ", ".join(adapter.card.others)[:200]
        return (f"The card of {adapter.name} {adapter.version} has keys that mean nothing here: {others}.",) if others else ()
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
    """Tell the revision of a base model: the hub's commit of a folder in its cache, else 16 hex digits over all that changes answers.

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
