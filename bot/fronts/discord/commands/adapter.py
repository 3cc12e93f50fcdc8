"""/adapter: the adapters there are, which one a server's fine-tuned side takes, and a training of another one."""

import discord
from discord import app_commands

from bot.app.shelf import OnShelf
from bot.app.training import MOST_BYTES, PLANS, TrainingWish
from bot.fronts.discord import fit
from bot.fronts.discord.commands.recipe import here
from bot.fronts.discord.files import fetched
from bot.fronts.discord.interactions import Where, answer, channels_of, guarded, person, place_in, team_of, think
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.offers import adapter_names
from bot.fronts.discord.parts import parts_of
from engine.errors import BadRequest

ADMINS = "An adapter is {what} by a server's admins (permission Manage Server)."
MOST_LISTED = 20  # adapters that the list shows

adapter = app_commands.Group(
    name="adapter",
    description="LoRA adapters of the fine-tuned side: which there are, which one meets here, and how to train one.",
    allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
    allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
)


@adapter.command(name="list", description="The adapters there are.")
async def adapter_list(interaction: discord.Interaction) -> None:
    """List the adapters."""
    await guarded(interaction, _adapter_list(interaction))


async def _adapter_list(interaction: discord.Interaction) -> None:
    await think(interaction, private=True)
    app = parts_of(interaction).app
    chosen = (await app.teams.settings_at(team_of(interaction), channels_of(interaction))).adapter
    await answer(interaction, words_sheet(list_words(await app.shelf.listed(), chosen)))


def list_words(listed: tuple[OnShelf, ...], chosen: str) -> str:
    """List adapters; chosen: the server's own, or "". Pure."""
    lines = ["### Adapters"]
    for each in listed[:MOST_LISTED]:
        here = each.name == chosen if chosen else each.used
        state = "**used here**" if here else fit.inline(each.trouble, 200) or ("loaded" if each.loaded else "")
        lines.append(f"- {fit.inline(each.name, 80)}{state and f' · {state}'}")
    if len(listed) > MOST_LISTED:
        lines.append(f"… and {len(listed) - MOST_LISTED} more.")
    return "\n".join((*lines, "-# /adapter info NAME; admins: /adapter use NAME, /adapter train. Two meet by /compare with `against`."))


@adapter.command(name="info", description="What an adapter is, and what it was made for.")
@app_commands.autocomplete(name=adapter_names)
async def adapter_info(interaction: discord.Interaction, name: str) -> None:
    """Describe an adapter by its name."""
    await guarded(interaction, _adapter_info(interaction, name))


async def _adapter_info(interaction: discord.Interaction, name: str) -> None:
    await think(interaction, private=True)
    await answer(interaction, words_sheet(adapter_words(await parts_of(interaction).app.shelf.found(name))))


def adapter_words(shown: OnShelf) -> str:
    """Describe an adapter from its card. Pure."""
    assert shown.adapter
    card, known = shown.adapter.card, len(shown.adapter.trained_on)
    state = "In use." if shown.used else "Loaded." if shown.loaded else "Not loaded; that happens when it is asked for."
    lines = [f"### Adapter {fit.inline(shown.name, 100)}", fit.inline(shown.trouble, 300) or state]
    if card:
        base, recipe = (fit.inline(name or "?", 80) for name in (card.base.name, card.recipe.name))
        lines.append(f"Made for {base} and the plain recipe {recipe}.")
        lines += [f"- {fit.inline(what, 80)}: {share:.1%}" for what, share in list(card.figures.items())[:12]]
        lines += [f"- {fit.inline(limit, 200)}" for limit in card.limits[:6]]
    else:
        lines.append("It has no card, so nobody knows what it was trained on.")
    listed = f"{known:,} requests of its training are listed" if known else "requests of its training are not listed"
    return "\n".join((*lines, f"-# Weights {shown.adapter.digest}; {listed}."))


@adapter.command(name="use", description="Have the fine-tuned side use an adapter here (admins); without a name, the usual one.")
@app_commands.describe(name="The adapter; left out: the usual one.", where="The whole server (default), or this channel with its threads.")
@app_commands.autocomplete(name=adapter_names)
async def adapter_use(interaction: discord.Interaction, name: str | None = None, where: Where = "the whole server") -> None:
    """Set the adapter of a server or a channel, at an admin's wish."""
    await guarded(interaction, _adapter_use(interaction, name, where))


async def _adapter_use(interaction: discord.Interaction, name: str | None, where: Where) -> None:
    await think(interaction, private=True)
    _check_admin(interaction, "chosen")
    app, place = parts_of(interaction).app, place_in(interaction, where)
    if name is None:
        await app.teams.settle(place, adapter=None)
        await answer(interaction, words_sheet(f"From now on the fine-tuned side takes the usual adapter in {here(where)}."))
        return
    found = await app.shelf.found(name)
    await app.shelf.load(found.name)
    await app.teams.settle(place, adapter=found.name)
    said = f"From now on the fine-tuned side takes the adapter {fit.inline(found.name, 100)} in {here(where)}."
    await answer(interaction, words_sheet(f"{said} It is another contestant, so its evidence starts at zero."))


@adapter.command(name="train", description="Train an adapter on a file of requests and answers (admins).")
@app_commands.describe(
    rows="Requests with their answers: JSON lines, a JSON array or CSV.",
    name="Name of the adapter.",
    plan="How long it trains: quick, standard (default), or gpu.",
    prompt_right="Per cent of such requests that your prompt answers right, for the line in the picture.",
)
@app_commands.choices(plan=[app_commands.Choice(name=plan, value=plan) for plan in PLANS])
async def adapter_train(
    interaction: discord.Interaction,
    *,
    rows: discord.Attachment,
    name: app_commands.Range[str, 1, 60],
    plan: str = "standard",
    prompt_right: app_commands.Range[float, 0, 100] | None = None,
) -> None:
    """Train, and show how far it is in this command's answer."""
    share = None if prompt_right is None else prompt_right / 100
    await guarded(interaction, _adapter_train(interaction, rows, TrainingWish("", name, plan, share)))


async def _adapter_train(interaction: discord.Interaction, rows: discord.Attachment, wish: TrainingWish) -> None:
    await think(interaction, private=False)
    _check_admin(interaction, "trained")
    parts = parts_of(interaction)
    brought = await parts.app.training.bring(rows.filename, await fetched(rows, MOST_BYTES))
    if brought.wrong:
        faults = "; ".join(f"{each.kind}: {each.rows} rows ({each.where})" for each in brought.faults if each.wrong)
        raise BadRequest(f"A decision on these rows would be wrong, so nothing is trained. {faults}. Mend them and send the file again.")
    wish = TrainingWish(brought.token, wish.name, wish.plan, wish.prompt_right)
    job = await parts.app.training.train(wish, person(interaction.user), team=team_of(interaction), channel=str(interaction.channel_id))
    await parts.trainings.start(job, interaction)


def _check_admin(interaction: discord.Interaction, what: str) -> None:
    """Raise BadRequest for whoever is no admin of the server that they are in."""
    if interaction.guild_id is None or not interaction.permissions.manage_guild:
        raise BadRequest(ADMINS.format(what=what))
