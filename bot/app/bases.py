"""Bases: the base models that duels can be asked of. That of the settings loads at the start, another one once somebody picks it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.app.model import Model
from bot.app.shelf import Shelf
from engine.errors import BadModel, BadRequest
from engine.lineup import Lineup
from engine.printable import one_line
from engine.settings import EngineSettings

OpenFor = Callable[[EngineSettings], Awaitable[Lineup]]
MIB = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Stand:
    """A base with what stands on it: its model, and the adapters that fit it."""

    base: str
    model: Model
    shelf: Shelf


class Bases:
    """The bases that are offered. One that was loaded stays, as its duels go on."""

    def __init__(self, model: Model, settings: EngineSettings, open_for: OpenFor) -> None:
        """open_for: opens the line-up of another base, given its settings."""
        self._settings, self._open_for = settings, open_for
        self.usual = Stand(settings.base_model, model, Shelf(model, settings.adapters_mib * MIB))
        self._others: dict[str, Stand] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The bases that can be picked, that of the settings first."""
        return tuple(dict.fromkeys((self.usual.base, *self._settings.more_bases)))

    def of(self, name: str, *, anew: bool = False) -> Stand:
        """Find a base by its name; "" that of the settings. Another one begins to load the first time.

        anew: and once more where that has failed. Raises BadRequest for one that is not offered.
        """
        if name in ("", self.usual.base):
            return self.usual
        if name not in self.names:
            raise BadRequest(f"The base {one_line(name)} is not offered here. There are {', '.join(self.names)}; DUEL_BASES names more.")
        there = self._others.get(name)
        if there is None or (anew and there.model.state.state == "failed"):
            model = Model(name, lambda: self._open(name))
            there = self._others[name] = Stand(name, model, Shelf(model, self._settings.adapters_mib * MIB))
        return there

    async def _open(self, name: str) -> Lineup:
        """Open another base with the recipes of the settings. Adapter, arms and A/A check there are about the settings' own base."""
        alone = {"adapter": "", "arms": "", "aa": "", "prompted_model": "", "prompted_server_url": ""}
        lineup = await self._open_for(self._settings.but({"base_model": name, **alone}))
        if lineup.settings.base_model != name:  # another one took its place, which is none that was picked
            await lineup.backend.aclose()
            raise BadModel(" ".join((f"The base {name} cannot be had, so nobody can be asked on it.", *lineup.notes[:1])))
        return lineup

    async def aclose(self) -> None:
        """Close the other bases; that of the settings belongs to whoever opened it."""
        await asyncio.gather(*(each.model.aclose() for each in self._others.values()))
