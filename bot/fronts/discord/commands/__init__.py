"""The slash commands and the menus of messages, a file for each.

compare    /compare: a request, or a file of requests
menus      the menu of every message: compare answers, with a form for a request about it; remove a duel
new        /new: a new conversation in a direct message
help       /help
results    /results: how the votes went
history    /history: earlier requests, to find and to go on with
open       /open: what a person can still vote on
recipe_form  the form of /recipe edit
recipe     /recipe list, show, edit, use
recipe_versions  /recipe versions, diff, back
recipe_trying  /recipe try, examples, replay
adapter    /adapter list, info, use, train
decide     /decide: from a file of examples to a decision, for admins
verdict    /verdict: what the votes prove
settings   /settings, for admins
limits     /limits, for admins
notify     /notify: a ping when a vote closes
consent    /consent: may a person's closed duels train adapters
export     /export, for admins
forget     /forget, with its confirmation
"""

from typing import Any

from discord import app_commands

from bot.fronts.discord.commands import (
    adapter,
    compare,
    consent,
    decide,
    export,
    forget,
    history,
    limits,
    menus,
    new,
    notify,
    recipe,
    recipe_trying,
    recipe_versions,
    results,
    settings,
    verdict,
)
from bot.fronts.discord.commands import help as help_
from bot.fronts.discord.commands import open as open_

WITH_MORE = (recipe_versions, recipe_trying)  # files that add to the group of another one
Addable = app_commands.Command[Any, ..., Any] | app_commands.ContextMenu | app_commands.Group


def every() -> list[Addable]:
    """Return what Discord is told of."""
    return [
        compare.compare,
        new.new,
        help_.help_,
        *menus.menus(),
        results.results,
        history.history,
        open_.open_,
        recipe.recipe,
        adapter.adapter,
        decide.decide,
        settings.settings,
        limits.limits,
        notify.notify,
        consent.consent,
        export.export,
        forget.forget,
        verdict.verdict,
    ]
