"""Adapters while the bot runs: which there are, which are loaded, which one the tuned side takes; they come and go without a restart."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.registry import Listed, list_adapters, refuse_pinned, shelves
from bot.app.model import Model
from engine.backends.openai.refusals import LIES_HERE
from engine.chosen import choices_of, choose, roll_back
from engine.contestants import Adapter, Arm, Contestant, check_fair
from engine.errors import BadAdapter, BadRequest
from engine.kit import named_in
from engine.lineup import Lineup, adapter_of, choice_in, loaded, tuned_with, using_adapter, without_adapter
from engine.named import Named

PARAMETER_BYTES = 4  # of an adapter as it is loaded, in float32
LOADING = "The model is still loading. An adapter can be chosen once it is ready."
Pair = tuple[Contestant, Contestant]


class AdapterNotLoaded(BadAdapter):
    """Adapters that are wanted for a duel are not loaded; `names` is what `Shelf.load` takes."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(f"The adapter {' and '.join(names)} is not loaded.")
        self.names = names


@dataclass(frozen=True, slots=True)
class OnShelf:
    """An adapter that there is, as it stands now."""

    name: str  # name@version, by which it is chosen; of a broken one, its folder
    adapter: Adapter | None
    loaded: bool
    used: bool  # whether the tuned side takes it
    trouble: str  # why it cannot be used on this base; "": it can, as far as is known without loading it


class Shelf:
    """The adapters of a running bot. What is in use stands in the folder of adapters, so that a terminal can change it, too."""

    def __init__(self, model: Model, most_bytes: int) -> None:
        """most_bytes: of adapters that are loaded at the same time."""
        self._model, self._most_bytes = model, most_bytes
        self._asked: dict[Named, int] = {}  # when each was asked for the last time, counted
        self._seen: tuple[object, tuple[Listed, ...]] = (None, ())

    # --- which there are

    async def listed(self) -> tuple[OnShelf, ...]:
        """List all adapters, those of one's own first. An adapter that came a moment ago is among them. Raises BadAdapter."""
        await self.refresh()
        return await asyncio.to_thread(self._listed)

    def _listed(self) -> tuple[OnShelf, ...]:
        lineup = self._model.lineup
        if lineup is None:
            raise BadRequest(LOADING)
        lying = self._read(lineup)
        digests = {each.adapter.digest for each in lying if each.adapter}
        elsewhere = (Listed(Path(each.folder or each.name), each) for each in lineup.kit.adapters.values() if each.digest not in digests)
        return tuple(on_shelf(each, lineup) for each in (*elsewhere, *reversed(lying)))

    async def found(self, name: str) -> OnShelf:
        """Find an adapter by its name, or name@version. Raises BadRequest for one that is not there."""
        there = {each.adapter.named: each for each in await self.listed() if each.adapter}
        return there[named_in(name, there, "adapter", BadRequest)]

    async def names(self) -> tuple[str, ...]:
        """List the names by which adapters that fit the base can be chosen; none while the model loads."""
        if self._model.lineup is None:
            return ()
        return tuple(each.name for each in await asyncio.to_thread(self._listed) if not each.trouble)

    async def used_before(self) -> str:
        """Name the adapter to which a roll back goes; "": nothing was chosen, so there is no way back."""
        lineup = self._lineup()
        settings = lineup.settings
        if settings.adapter or not (past := choices_of(Path(settings.adapters), settings.base_model)):
            return ""
        return str(past[-2].named) if len(past) > 1 else "what ships with the base"

    def _read(self, lineup: Lineup) -> tuple[Listed, ...]:
        """Read the folders again where a file of theirs has changed; hashing all weights at each look would take long."""
        folders = shelves(lineup.settings)
        files = (file for folder in folders for file in folder.glob("*/*") if file.suffix in (".json", ".safetensors"))
        state = tuple(sorted((str(file), (stat := file.stat()).st_mtime_ns, stat.st_size) for file in files))
        if self._seen[0] != state:
            self._seen = (state, list_adapters(folders))
        return self._seen[1]

    # --- which one is in use

    async def use(self, name: str) -> OnShelf:
        """Have the tuned side take an adapter: loaded, proven alive, then written down. Raises DuelbotError; then nothing changes."""
        async with self._model.changing:
            lineup = self._lineup()
            refuse_pinned(lineup.settings)
            adapter = await self._adapter(name, lineup)
            lineup = await self._roomy(lineup, adapter, frozenset())
            changed = await using_adapter(lineup, adapter, None)
            choice = await asyncio.to_thread(choose, Path(lineup.settings.adapters), lineup.settings.base_model, adapter)
            self._take(replace(changed, choice=choice), adapter)
        return await self.found(f"{adapter.name}@{adapter.version}")

    async def roll_back(self) -> str:
        """Have the tuned side take the adapter that it took before; return its name. Raises DuelbotError; then nothing changes."""
        async with self._model.changing:
            lineup = self._lineup()
            refuse_pinned(lineup.settings)
            settings = lineup.settings
            past = choices_of(Path(settings.adapters), settings.base_model)
            before = past[-2] if len(past) > 1 else None
            adapter = await asyncio.to_thread(adapter_of, settings, before)
            if past and adapter:
                lineup = await self._roomy(lineup, adapter, frozenset())
            changed = await using_adapter(lineup, adapter, before) if past else lineup
            roll_back(Path(settings.adapters), settings.base_model)
            self._take(changed, adapter)
            return str(adapter.named) if adapter else "no adapter"

    async def refresh(self) -> None:
        """Take up what was chosen elsewhere, by `adapters use` in a terminal. Raises DuelbotError where that cannot be used here."""
        lineup = self._model.lineup
        if lineup is None or choice_in(lineup.settings) == lineup.choice:
            return
        async with self._model.changing:
            lineup = self._lineup()
            if (choice := choice_in(lineup.settings)) == lineup.choice:
                return
            adapter = await asyncio.to_thread(adapter_of, lineup.settings, choice)
            if adapter:
                lineup = await self._roomy(lineup, adapter, frozenset())
            self._take(await using_adapter(lineup, adapter, choice), adapter)

    def _take(self, lineup: Lineup, adapter: Adapter | None) -> None:
        self._model.change(lineup)
        if adapter:
            self._touch(adapter.named)

    # --- which are loaded

    async def load(self, *names: str) -> None:
        """Have these adapters loaded, all at the same time, once the model is. Raises BadRequest, BadAdapter."""
        wanted = [name for name in names if name]
        if not wanted:
            return
        await self._model.settled()
        async with self._model.changing:
            adapters = [await self._adapter(name, self._lineup()) for name in wanted]
            keep = frozenset(each.named for each in adapters)
            for adapter in adapters:
                if adapter.named not in (lineup := self._lineup()).kit.adapters:
                    lineup = await self._roomy(lineup, adapter, keep)
                    self._model.change(await loaded(lineup, adapter))
                self._touch(adapter.named)

    async def _adapter(self, name: str, lineup: Lineup) -> Adapter:
        """Find an adapter that is loaded, or one that lies in the folders. Raises BadRequest."""
        listed = await asyncio.to_thread(self._read, lineup)
        there = {**lineup.kit.adapters, **{each.adapter.named: each.adapter for each in listed if each.adapter}}
        return there[named_in(name, there, "adapter", BadRequest)]

    async def _roomy(self, lineup: Lineup, adapter: Adapter, keep: frozenset[Named]) -> Lineup:
        """Let adapters go until this one has room; those in use and in `keep` stay. Raises BadAdapter where that is not enough."""
        loaded = {name: bytes_of(each) for name, each in lineup.kit.adapters.items()}
        stay = keep | {name for name in (lineup.kit.usual.adapter, adapter.named) if name}
        order = sorted((name for name in loaded if name not in stay), key=lambda name: self._asked.get(name, 0))
        for name in leaving(loaded, order, 0 if adapter.named in loaded else bytes_of(adapter), self._most_bytes, adapter):
            lineup = await without_adapter(lineup, name)
            self._model.change(lineup)
        return lineup

    def _touch(self, name: Named) -> None:
        self._asked[name] = max(self._asked.values(), default=0) + 1

    def _lineup(self) -> Lineup:
        if self._model.lineup is None:
            raise BadRequest(self._model.state.words if self._model.state.state == "failed" else LOADING)
        return self._model.lineup

    # --- who meets

    def meeting(self, pair: Pair | None, adapter: str, against: str) -> Pair | None:
        """Pick the two that meet with these adapters, which are loaded. pair: who meets without them; None: those of the line-up.

        adapter: of the fine-tuned side; "": the one in use. against: of the other side, which is tuned, too; "": it stays what it is.
        Raises AdapterNotLoaded, BadRequest, UnfairDuel.
        """
        if not adapter and not against:
            return pair
        lineup = self._lineup()
        wanted = tuple(name for name in (adapter, against) if name)
        if not all(any(name in (each.name, f"{each.name}@{each.version}", str(each)) for each in lineup.kit.adapters) for name in wanted):
            raise AdapterNotLoaded(wanted)
        first = self._tuned(lineup, adapter)
        if against:
            return checked((first, self._tuned(lineup, against)))
        one, other = pair or lineup.entrants
        if pair:  # a recipe was chosen, by whose [sampling] both draw: that is no part of a training
            first = replace(first, recipe=replace(first.recipe, sampling=one.recipe.sampling))
        if one.arm is Arm.COMBINED or other.arm is Arm.COMBINED:
            return checked((_with(one, first), _with(other, first)))
        if one.arm is Arm.TUNED:
            return checked((first, _with(other, first)))
        return checked((one, first))

    def _tuned(self, lineup: Lineup, name: str) -> Contestant:
        if not name:
            return lineup.kit.contestant(Arm.TUNED)
        found = named_in(name, lineup.kit.adapters, "adapter", BadRequest)
        self._touch(found)
        return tuned_with(lineup, found)


def _with(contestant: Contestant, tuned: Contestant) -> Contestant:
    """Give a contestant the adapter of a tuned one, where its arm has an adapter."""
    if contestant.arm is Arm.TUNED:
        return tuned
    return replace(contestant, adapter=tuned.adapter) if contestant.arm is Arm.COMBINED else contestant


def checked(pair: Pair) -> Pair:
    """Refuse two that are the same, and two that would not meet fairly. Raises BadRequest, UnfairDuel."""
    check_fair(pair)
    if pair[0].id == pair[1].id:
        who = pair[0].adapter.named if pair[0].adapter else pair[0].arm
        raise BadRequest(f"{who} would meet itself. Name another adapter.")
    return pair


def bytes_of(adapter: Adapter) -> int:
    """Count the bytes that an adapter takes while it is loaded."""
    return adapter.trainable * PARAMETER_BYTES


def leaving(loaded: Mapping[Named, int], order: Sequence[Named], more: int, most: int, wanted: Adapter) -> tuple[Named, ...]:
    """Choose which adapters leave so that `more` bytes fit into `most`, in this order. Pure. Raises BadAdapter where that is not enough."""
    over, gone = sum(loaded.values()) + more - most, list[Named]()
    for name in order:
        if over <= 0:
            break
        gone.append(name)
        over -= loaded[name]
    if over > 0:
        raise BadAdapter(
            f"There is no room for the adapter {wanted.named}: it takes {bytes_of(wanted) / 2**20:,.0f} MiB, and beside those that must "
            f"stay {over / 2**20:,.0f} MiB are missing. Raise DUEL_ADAPTERS_MIB ({most >> 20:,} now)."
        )
    return tuple(gone)


def on_shelf(listed: Listed, lineup: Lineup) -> OnShelf:
    """Say how an adapter stands in a line-up. Pure."""
    adapter = listed.adapter
    if adapter is None:
        return OnShelf(listed.folder.name, None, False, False, listed.trouble)
    own, base = adapter.named, lineup.kit.base
    there = lineup.kit.adapters.get(own)
    trouble = ""
    if base.unpinned:
        trouble = "" if adapter.served or _seen_there(listed.folder, lineup) else LIES_HERE.format(adapter.name)
    elif adapter.card and adapter.card.base.revision != base.revision:
        trouble = f"It was made for base revision {adapter.card.base.revision[:12]}; {base.name} is {base.revision[:12]}."
    is_loaded = there is not None and there.digest == adapter.digest
    return OnShelf(f"{own.name}@{own.version}", adapter, is_loaded, is_loaded and own == lineup.kit.usual.adapter, trouble)


def _seen_there(folder: Path, lineup: Lineup) -> bool:
    """Whether the server sees this folder, and can be asked to load it."""
    settings = lineup.settings
    return bool(settings.server_adapters) and folder.absolute().parent == Path(settings.adapters).absolute()
