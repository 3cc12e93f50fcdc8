"""/results, /history, /recipe, /adapter: what there is, to read."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import discord
from discord import app_commands

from bot.charts import Chart
from bot.fronts.discord import fit
from bot.fronts.discord.interactions import answer, bot_of, desk_of, guarded, is_direct, person, think
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.names import names_for, without_ids
from bot.fronts.discord.pictures import with_pictures
from bot.fronts.discord.sending import put_original
from bot.fronts.discord.words import moment
from bot.store.teams import Post, Results
from bot.verdict import Verdict
from bot.verdict.words import told_apart
from bot.views import DuelSummary
from bot.words import counted
from engine.errors import BadRequest
from engine.kit import Kit
from engine.printable import one_line
from engine.recipes import Recipe

PERIODS = {"day": 1, "week": 7, "month": 30, "year": 365}
LISTED = 10
LOOKED_AT = 200
"""Of these, what the person may see is listed."""
STATES = {"waiting": "waiting", "answering": "being answered", "open": "open for votes", "closed": "closed", "void": "void"}
Choices = list[app_commands.Choice[str]]


def team_of(interaction: discord.Interaction) -> str | None:
    return str(interaction.guild_id) if interaction.guild_id else None


def since_of(period: str | None) -> datetime | None:
    return discord.utils.utcnow() - timedelta(days=PERIODS[period]) if period in PERIODS else None


def day_of(period: str | None) -> datetime | None:
    """The period's first day, from its beginning: one scope for all who ask today."""
    since = since_of(period)
    return since and since.replace(hour=0, minute=0, second=0, microsecond=0)


# --- results


@app_commands.command(description="How the votes went here.")
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
@app_commands.describe(period="Of the last day, week, month or year; all by default.", tag="Only requests with this tag.")
@app_commands.choices(period=[app_commands.Choice(name=f"last {period}", value=period) for period in PERIODS])
async def results(interaction: discord.Interaction, period: str | None = None, tag: str | None = None) -> None:
    await guarded(interaction, _results(interaction, period, tag_in(interaction, tag or "")))


async def _results(interaction: discord.Interaction, period: str | None, tag: str) -> None:
    await think(interaction, private=True)
    teams, asker = desk_of(interaction).teams, person(interaction.user)
    found = await teams.results(team=team_of(interaction), asker=asker, since=since_of(period), tag=tag)
    narrowed = ", ".join(filter(None, (f"the last {period}" if period else "", f"tag {fit.inline(tag, 40)}" if tag else "")))
    said = results_words(found, narrowed)
    team, app = team_of(interaction), desk_of(interaction).app
    proved = await app.verdict(team=team, tag=tag or None, since=day_of(period)) if team and found.duels else None
    if isinstance(proved, Verdict) and proved.duels:
        await put_original(interaction, *await with_pictures(app, said, proved, (Chart.LATENCY, Chart.COST, Chart.BOARD)))
    else:
        await answer(interaction, words_sheet(said))


def results_words(found: Results, narrowed: str) -> str:
    """Counts of closed duels by who was better, and the rest of what was asked. Pure."""
    where = f" ({narrowed})" if narrowed else ""
    duels = sum(found.duels.values())
    if not duels:
        return f"### Results{where}\nNo request was asked here yet. Mention me with one, or use /compare."
    told = told_apart(who for _, who in found.duels if who)
    counts = [(count, _kind(kind, told[who.id] if who else "")) for (kind, who), count in found.duels.items()]
    lines = [f"- {what}: {count:,}" for count, what in sorted(counts, key=lambda each: (-each[0], each[1]))]
    asked = f"{counted(duels, 'duel')}; {counted(found.ballots, 'ballot')} of {counted(found.voters, 'person', 'people')}"
    return "\n".join((f"### Results{where}", asked, *lines, "-# Counts only; /verdict says what they prove."))


def _kind(kind: str, winner: str) -> str:
    if winner:
        return f"{fit.inline(winner, 120)} better"
    others = {"identical": "the same answer twice, not voted on", "unvoted": "closed without a vote", "both_bad": "both bad", "tie": "tie"}
    return others.get(kind) or STATES[kind]


# --- history


@app_commands.command(description="Earlier requests here: find one, and go on with it.")
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
@app_commands.describe(
    search="Words of the request.", tag="Only requests with this tag.", reopen="In a direct message: go on with this one."
)
async def history(interaction: discord.Interaction, search: str = "", tag: str = "", reopen: str | None = None) -> None:
    await guarded(interaction, _history(interaction, looked_for(interaction, search), tag_in(interaction, tag), reopen))


async def _history(interaction: discord.Interaction, search: str, tag: str, reopen: str | None) -> None:
    await think(interaction, private=True)
    teams, asker = desk_of(interaction).teams, person(interaction.user)
    if reopen is not None:
        if not is_direct(interaction):
            raise BadRequest("In a channel, reply to the bot's message to go on with it; reopening is for direct messages.")
        view = await teams.reopen(str(interaction.channel_id), one_line(reopen), asker)
        await answer(interaction, words_sheet(f"Your next message goes on with “{fit.inline(view.request, 80)}”."))
        return
    found = await teams.history(team=team_of(interaction), asker=asker, search=search, tag=tag, limit=LOOKED_AT)
    await answer(interaction, words_sheet(history_words([each for each in found if may_see(interaction, each[1])][:LISTED])))


def may_see(interaction: discord.Interaction, post: Post) -> bool:
    """Whether this person could read the duel's message: here, in their direct messages, or in another channel that is open to them."""
    if interaction.guild_id is None or post.private or post.channel == str(interaction.channel_id):
        return True  # private ones were looked up as one's own
    channel = interaction.guild.get_channel_or_thread(int(post.channel)) if interaction.guild else None
    if channel is None or not isinstance(interaction.user, discord.Member):
        return False
    if isinstance(channel, discord.Thread) and (channel.parent is None or channel.is_private()):
        return False
    allowed = channel.permissions_for(interaction.user)
    return allowed.view_channel and allowed.read_message_history


def history_words(found: Sequence[tuple[DuelSummary, Post]]) -> str:
    """A line per duel, with a link to its message. Pure."""
    if not found:
        return "### History\nNothing was found here."
    return "\n".join(("### History", *(_line(summary, post) for summary, post in found), "-# Reply to a message to go on with it."))


def _line(summary: DuelSummary, post: Post) -> str:
    request = fit.inline(summary.request, 80) or "(deleted)"
    linked = f"[{request}]({link(post)})" if post.message and not post.private and post.shown != "gone" else request
    tagged = f" · {fit.inline(post.tag, 40)}" if post.tag else ""
    votes = f" · {counted(summary.ballots, 'vote')}" if summary.ballots else ""
    return f"- {linked}\n  -# {moment(summary.asked_at)} · {STATES[summary.state]}{votes}{tagged}"


def link(post: Post) -> str:
    return f"https://discord.com/channels/{post.team or '@me'}/{post.channel}/{post.message}"


@history.autocomplete("reopen")
async def _earlier(interaction: discord.Interaction, typed: str) -> Choices:
    """From memory: what this person asked lately in this direct message."""
    asked = desk_of(interaction).memory.lately(person(interaction.user))
    return [
        app_commands.Choice(name=fit.inline(request, 90) or "…", value=duel)
        for duel, request in asked
        if typed.casefold() in request.casefold()
    ][:25]


# --- recipes and adapters


recipe = app_commands.Group(
    name="recipe",
    description="Prompt engineering as data: what the prompted side is told.",
    allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
    allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
)
adapter = app_commands.Group(
    name="adapter",
    description="The LoRA adapter of the fine-tuned side.",
    allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
    allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
)


async def recipe_names(interaction: discord.Interaction, typed: str) -> Choices:
    names = bot_of(interaction).teams.kits.names
    return [app_commands.Choice(name=name, value=name) for name in names if typed.casefold() in name.casefold()][:25]


async def adapter_names(interaction: discord.Interaction, typed: str) -> Choices:
    kit = bot_of(interaction).teams.kits.kit
    loaded = [kit.adapter.name] if kit and kit.adapter else []
    return [app_commands.Choice(name=name, value=name) for name in loaded if typed.casefold() in name.casefold()]


async def tag_names(interaction: discord.Interaction, typed: str) -> Choices:
    tags = desk_of(interaction).memory.tags(team_of(interaction))
    return [app_commands.Choice(name=name, value=name) for name in tags if typed.casefold() in name.casefold()][:25]


def looked_for(interaction: discord.Interaction, search: str) -> str:
    """What is searched for, as it stands in stored requests: with names for ids."""
    return without_ids(search, names_for(interaction)).encode("utf-8", "replace").decode()


def tag_in(interaction: discord.Interaction, tag: str) -> str:
    """A tag as it is stored: on one line, printable, with names for ids."""
    return one_line(without_ids(tag, names_for(interaction)))


results.autocomplete("tag")(tag_names)
history.autocomplete("tag")(tag_names)


@recipe.command(name="list", description="The recipes there are.")
async def recipe_list(interaction: discord.Interaction) -> None:
    await guarded(interaction, _recipe_list(interaction))


async def _recipe_list(interaction: discord.Interaction) -> None:
    await think(interaction, private=True)
    teams = bot_of(interaction).teams
    kit = teams.kits.kit
    chosen = (await teams.settings(team_of(interaction))).recipe or (kit.engineered.name if kit and kit.engineered else "")
    lines = [f"- {fit.inline(name, 80)}{' · **used here**' if name == chosen else ''}" for name in teams.kits.names]
    if chosen and chosen not in teams.kits.names:
        lines.insert(0, f"- {fit.inline(chosen, 80)} · **used here**")
    await answer(
        interaction, words_sheet("\n".join(("### Recipes", *lines, "-# /recipe show NAME, /recipe use NAME, or /compare with a recipe.")))
    )


@recipe.command(name="show", description="What a recipe tells the model.")
@app_commands.autocomplete(name=recipe_names)
async def recipe_show(interaction: discord.Interaction, name: str) -> None:
    await guarded(interaction, _recipe_show(interaction, name))


async def _recipe_show(interaction: discord.Interaction, name: str) -> None:
    await think(interaction, private=True)
    await answer(interaction, words_sheet(recipe_words(await bot_of(interaction).teams.kits.recipe(name))))


def recipe_words(shown: Recipe) -> str:
    """A recipe for people. Pure."""
    lines = [f"### Recipe {fit.inline(shown.name, 80)} {fit.inline(shown.version, 20)}"]
    if shown.system:
        lines += ["**System text**", fit.quote(shown.system, 2000)]
    if shown.template != "{request}":
        lines += ["**Template**", fit.quote(shown.template, 600)]
    for number, example in enumerate(shown.examples[:3], 1):
        lines += [f"**Example {number}**", fit.quote(example.user, 150), fit.quote(example.assistant, 200)]
    if len(shown.examples) > 3:
        lines.append(f"… and {counted(len(shown.examples) - 3, 'more example')}.")
    sampling = shown.sampling
    drawn = "the likeliest token" if sampling.temperature == 0 else f"temperature {sampling.temperature:g}, top_p {sampling.top_p:g}"
    return "\n".join((*lines, f"-# Draws {drawn}; at most {counted(sampling.max_new_tokens, 'token')}."))


@recipe.command(name="use", description="Use a recipe in this server from now on (admins).")
@app_commands.autocomplete(name=recipe_names)
async def recipe_use(interaction: discord.Interaction, name: str) -> None:
    await guarded(interaction, _recipe_use(interaction, name))


async def _recipe_use(interaction: discord.Interaction, name: str) -> None:
    await think(interaction, private=True)
    if interaction.guild_id is None or not interaction.permissions.manage_guild:
        raise BadRequest(
            "A recipe is set for a whole server, by its admins (permission Manage Server). For one request: /compare with a recipe."
        )
    teams = bot_of(interaction).teams
    shown = await teams.use_recipe(str(interaction.guild_id), name)
    said = f"From now on the prompted side uses the recipe {fit.inline(shown.name, 80)} {fit.inline(shown.version, 20)} in this server."
    await answer(interaction, words_sheet(f"{said} It is another contestant, so its evidence starts at zero."))


@adapter.command(name="list", description="The adapters that are loaded.")
async def adapter_list(interaction: discord.Interaction) -> None:
    await guarded(interaction, _adapter_info(interaction, None))


@adapter.command(name="info", description="What an adapter is, and what it was made for.")
@app_commands.autocomplete(name=adapter_names)
async def adapter_info(interaction: discord.Interaction, name: str) -> None:
    await guarded(interaction, _adapter_info(interaction, name))


async def _adapter_info(interaction: discord.Interaction, name: str | None) -> None:
    await think(interaction, private=True)
    kit = bot_of(interaction).teams.kits.kit
    loaded = kit.adapter.name if kit and kit.adapter else None
    if name is not None and kit and name != loaded:
        there = f"the one that is loaded is {fit.inline(loaded, 80)}" if loaded else "none is loaded"
        raise BadRequest(f"The adapter {fit.inline(name, 80)} is not loaded; {there}. Another one is set with DUEL_ADAPTER at the start.")
    await answer(interaction, words_sheet(adapter_words(kit)))


def adapter_words(kit: Kit | None) -> str:
    """The adapter that is loaded. Pure."""
    if kit is None:
        return "The model is still loading, and its adapter with it."
    if kit.adapter is None:
        return "No adapter is loaded. One is set with DUEL_ADAPTER at the start."
    name = f"{fit.inline(kit.adapter.name, 80)} {fit.inline(kit.adapter.version, 20)}"
    made = f"Loaded, and used in every duel; made for the base model {fit.inline(kit.base.name, 80)}."
    digest = f"-# Weights {kit.adapter.digest}; base {kit.base.revision}. Another adapter is set with DUEL_ADAPTER at the start."
    return f"### Adapter {name}\n{made}\n{digest}"


def every() -> list[Any]:
    return [results, history, recipe, adapter]
