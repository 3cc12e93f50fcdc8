"""Recipes, prices and the rules for tags read again from their files while people are served: all of them, or none."""

import asyncio
import logging

from bot.app.asking import Asking
from bot.app.choices import Choices
from bot.app.core import Core
from bot.settings import Settings
from bot.tags import read_rules
from engine.errors import DuelbotError
from engine.lineup import reread_lineup

log = logging.getLogger(__name__)
KEPT = "Nothing was changed: what was read before still holds."


class Rereading:
    """Takes up files that somebody has edited."""

    def __init__(self, core: Core, choices: Choices, asking: Asking, settings: Settings) -> None:
        self._core, self._choices, self._asking, self._settings = core, choices, asking, settings

    async def reread(self) -> str:
        """Read the files that the settings name once more; what is being answered ends as it began. Returns what came of it, in words."""
        try:
            words = await self._reread()
        except DuelbotError as error:
            log.warning("The files were read again, and one cannot be used: %s %s", error.words, KEPT)
            return f"{error.words} {KEPT}"
        log.info("%s", words)
        return words

    async def _reread(self) -> str:
        """Raises DuelbotError for a file that cannot be used; then nothing has changed."""
        model = self._core.model
        if (state := await model.settled()).state != "ready":
            raise DuelbotError(state.words)
        async with model.changing:
            assert model.lineup
            rules = await asyncio.to_thread(read_rules, self._settings.team.tag_rules)
            before, lineup = model.lineup, await reread_lineup(model.lineup)
            model.change(lineup)
        self._asking.take_rules(rules)
        self._choices.reread()
        old, new = [each.id for each in before.entrants], [each.id for each in lineup.entrants]
        sides = sum(one != other for one, other in zip(old, new, strict=True))
        met = (
            f"{sides} of the two sides {'is' if sides == 1 else 'are'} another contestant now" if sides else "both sides are who they were"
        )
        priced = "prices have changed" if before.price != lineup.price else "prices are the same"
        return f"Recipes, prices and tag rules were read again: {met}, {priced}, and there are {len(rules.rules)} tag rules."
