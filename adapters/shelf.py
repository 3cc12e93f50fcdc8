"""The verbs of the registry on the command line: list, info, use, rollback, remove, card, export."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adapters.export import CONVERTER, export_gguf, export_merged, export_peft, vllm_line
from adapters.registry import (
    CardWish,
    Listed,
    find_adapter,
    list_adapters,
    remove_adapter,
    roll_back_adapter,
    shelves,
    use_adapter,
    write_card,
)
from engine.commandline import verb
from engine.contestants import Adapter, folder_revision, open_adapter
from engine.errors import BadAdapter, DuelbotError
from engine.folders import named_base
from engine.lineup import base_folder, choice_in
from engine.settings import EngineSettings
from engine.shipped import PAIRS, SHIPPED_ADAPTERS

VERBS = ("list", "info", "use", "rollback", "remove", "card", "export")
WHICH = "name@version, a name that has one version, or a folder"


def add_verbs(verbs: Any) -> None:
    """Add the verbs of the registry to a command line."""
    listing = verb(
        verbs, "list", "The adapters that ship, those in DUEL_ADAPTERS, and those in folders of yours.", "%(prog)s\n%(prog)s ./more"
    )
    listing.add_argument("folder", nargs="*", type=Path, help="more folders that hold adapter folders")
    info = verb(verbs, "info", "All that is known of an adapter.", "%(prog)s support@2\n%(prog)s ./my-lora")
    info.add_argument("adapter", help=WHICH)
    use = verb(
        verbs,
        "use",
        "Have the tuned side take this adapter from now on. A running bot takes it with its next request; duels that are being "
        "answered end as they began.",
        "%(prog)s support@2",
    )
    use.add_argument("adapter", help=WHICH)
    verb(verbs, "rollback", "Have the tuned side take the adapter that it took before.", "%(prog)s")
    remove = verb(verbs, "remove", "Delete an adapter's folder. Its duels stay in the store.", "%(prog)s support@1")
    remove.add_argument("adapter", help=WHICH)
    _add_card(verbs)
    _add_export(verbs)


def _add_card(verbs: Any) -> None:
    card = verb(
        verbs,
        "card",
        "Write the card of an adapter from elsewhere: what it was made for, and what it learned.",
        "%(prog)s ./my-lora --base smollm2 --data rows.jsonl\n%(prog)s ./my-lora --base ./my-base --recipe trained.toml --name support",
    )
    card.add_argument("folder", type=Path)
    card.add_argument("--name", default="", help="default: the folder's")
    card.add_argument("--version", default="1", help="default: 1")
    card.add_argument("--base", default="", help="base that it was trained on: a name, a hub id or a folder (default: DUEL_BASE_MODEL)")
    card.add_argument("--recipe", default="", help="plain recipe that it was trained with (default: plain, which says nothing)")
    card.add_argument("--data", type=Path, metavar="ROWS", help="rows that it was trained on; they will be no evidence for it")
    card.add_argument("--limit", action="append", default=[], metavar="SENTENCE", help="what people should know of it; once or more")
    card.add_argument("--hours", type=float, help="of the training")
    card.add_argument("--usd", type=float, help="what the training cost, in US dollars")


def _add_export(verbs: Any) -> None:
    export = verb(
        verbs,
        "export",
        "An adapter for other programs: peft's folder, a merged model, or GGUF; with the line that vLLM takes.",
        "%(prog)s support@2 --out ./support-peft\n%(prog)s support@2 --form merged --out ./support-model\n"
        f"%(prog)s support@2 --form gguf --out support.gguf --converter ./llama.cpp/{CONVERTER}",
    )
    export.add_argument("adapter", help=WHICH)
    export.add_argument("--form", choices=("peft", "merged", "gguf"), default="peft", help="default: peft")
    export.add_argument("--out", type=Path, required=True, help="folder or file to write; nothing is written over")
    export.add_argument("--base", default="", help="base of the adapter (default: DUEL_BASE_MODEL)")
    export.add_argument("--converter", type=Path, help=f"llama.cpp's {CONVERTER} (default: the one on the PATH)")


def lines(chosen: argparse.Namespace, settings: EngineSettings) -> Iterator[str]:
    """Do what a parsed command line says, and say it. Raises DuelbotError."""
    match chosen.verb:
        case "list":
            folders = dict.fromkeys((*shelves(settings), *chosen.folder))
            yield from listed_lines(list_adapters(tuple(folders)), in_use(settings))
        case "info":
            found = find_adapter(chosen.adapter, settings)
            if found.adapter is None:
                raise BadAdapter(found.trouble)
            yield from info_lines(found.adapter, in_use(settings))
        case "use":
            choice, notes = use_adapter(chosen.adapter, settings)
            yield f"The tuned side on {settings.base_model} takes {choice.named} from now on; a running bot from its next request."
            yield from notes
        case "rollback":
            before = roll_back_adapter(settings)
            yield f"The tuned side on {settings.base_model} takes {before.named if before else shipped_words(settings)} again."
        case "remove":
            yield f"Deleted {remove_adapter(chosen.adapter, settings)}. Its duels stay in the store."
        case "card":
            wish = CardWish(
                name=chosen.name,
                version=chosen.version,
                base=chosen.base or settings.base_model,
                recipe=chosen.recipe,
                data=chosen.data,
                limits=tuple(chosen.limit),
                usd=chosen.usd,
                hours=chosen.hours,
            )
            write_card(chosen.folder, wish)
            yield from info_lines(open_adapter(chosen.folder), in_use(settings))
        case "export":
            yield from _exported(chosen, settings)


def _exported(chosen: argparse.Namespace, settings: EngineSettings) -> Iterator[str]:
    adapter, base = find_adapter(chosen.adapter, settings).adapter, chosen.base or settings.base_model
    assert adapter
    folder = base_folder(base)
    if adapter.card and adapter.card.base.revision != (revision := folder_revision(folder)):
        raise BadAdapter(
            f"The adapter {adapter.named} was trained on base revision {adapter.card.base.revision[:12]}, but {base} is {revision[:12]}. "
            "Name its base with --base."
        )
    match chosen.form:
        case "peft":
            made = open_adapter(export_peft(adapter, chosen.out))
            yield f"peft's folder: {made.folder}"
            yield f"vLLM serves it with: {vllm_line(made, _servable(base, folder))}"
        case "merged":
            merged = export_merged(adapter, folder, chosen.out)
            yield f"One model with {adapter.named} merged into it: {merged.folder} (float32)"
            yield f"Its logits differ from those of base and adapter by at most {merged.differs:.1e} of the largest one."
            yield f"vLLM serves it with: vllm serve {merged.folder}"
        case "gguf":
            yield f"A GGUF adapter for llama.cpp: {export_gguf(adapter, folder, chosen.out, chosen.converter)}"


def _servable(base: str, folder: Path) -> str:
    """Name a base so that another program finds it: a hub id as it is, what ships by its folder."""
    return base if "/" in base else str(folder)


def in_use(settings: EngineSettings) -> str:
    """Name the digest of the adapter that the tuned side takes; "": none, or one that cannot be read."""
    try:
        if choice := choice_in(settings):
            return choice.digest
        pair = PAIRS.get(settings.base_model)
        folder = Path(settings.adapter) if settings.adapter else pair.adapter if pair else None
        return open_adapter(folder).digest if folder else ""
    except DuelbotError:
        return ""  # list and info are how one finds out


def shipped_words(settings: EngineSettings) -> str:
    """Name what the tuned side takes where nobody has chosen."""
    pair = PAIRS.get(settings.base_model)
    return f"the adapter {pair.adapter.name} that ships" if pair else "no adapter"


def listed_lines(listed: tuple[Listed, ...], used: str) -> Iterator[str]:
    """Write a line for every adapter. used: the digest of the one in use."""
    for each in listed:
        yours = "" if each.folder.parent == SHIPPED_ADAPTERS else "  yours"
        if each.adapter is None:
            yield f"{each.folder.name}  cannot be used: {each.trouble}"
            continue
        card, mark = each.adapter.card, "  IN USE" if each.adapter.digest == used else ""
        if card is None:
            base_name = named_base(each.folder) or "a base that it does not name"
            yield f"{each.folder.name}  for {base_name}, without a card{yours}{mark}  {each.folder}"
        else:
            base = f"{card.base.name or 'a base'} at {card.base.revision}"
            yield f"{card.name}@{card.version}  for {base}{yours}{mark}  {each.folder}"


def info_lines(adapter: Adapter, used: str) -> Iterator[str]:
    """Write all that is known of an adapter."""
    card, known = adapter.card, len(adapter.trained_on)
    yield f"{adapter.named}{'  IN USE' if adapter.digest == used else ''}"
    yield f"  folder: {adapter.folder}"
    yield f"  weights: {adapter.digest}, {adapter.trainable:,} parameters"
    yield f"  requests of its training: {f'{known:,} are listed' if known else 'not listed'}"
    if card is None:
        yield f"  no card; its config names the base {named_base(Path(adapter.folder)) or 'not at all'}"
        return
    yield f"  base: {card.base.name or '?'} at {card.base.revision}"
    yield f"  plain recipe: {card.recipe.name or '?'} {card.recipe.version} ({card.recipe.digest})"
    for name, value in card.trained.table().items():
        yield f"  {name.replace('_', ' ')}: {value:,}" if isinstance(value, int) else f"  {name.replace('_', ' ')}: {value}"
    for measure, share in card.figures.items():
        yield f"  {measure:38} {share:7.1%}"
    for limit in card.limits:
        yield f"  limit: {limit}"
