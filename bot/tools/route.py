"""Routes and keys from the command line, without a model: seen beside a running Duelbot, changed where the store is free."""

import argparse
import asyncio
import getpass
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.app.app import utc_now
from bot.app.programs import KeyLimits, Keys
from bot.app.route_words import change_words, standing_words
from bot.app.routing import RouteStanding, Routing, routing_over
from bot.errors import StoreError
from bot.settings import Settings
from bot.store import Store
from bot.store.exchange import reading_copy
from bot.views import ProgramKey
from engine.errors import BadRequest

BUSY = "While Duelbot runs, change routes and keys on its page (/route), in the chat (/route), or on Discord (/settings)."


@dataclass(frozen=True, slots=True)
class RouteFound:
    """What there is after a command."""

    standing: RouteStanding
    keys: tuple[ProgramKey, ...] = ()
    secret: str = ""  # of a key that was just made
    values: dict[str, Any] = field(default_factory=dict)  # the same for programs


def person() -> str:
    """Name who sits at this terminal."""
    try:
        return f"terminal:{getpass.getuser()}"
    except (OSError, KeyError):  # a user without a name
        return "terminal"


async def route(options: argparse.Namespace, settings: Settings) -> RouteFound:
    """Do what the command line says. Raises BadRequest, StoreError."""
    changes = options.share is not None or options.back or options.drop or options.new_key or options.end_key or options.winner
    async with _store(settings.store.file, changes=bool(changes)) as store:
        routing = routing_over(store, settings)
        keys = Keys(store, utc_now, settings.api)
        standing, secret = await _changed(routing, options), ""
        if options.new_key:
            limits = KeyLimits(options.in_flight, options.per_minute, options.per_day, options.usd_per_day)
            _, secret = await keys.make(person(), options.new_key, team=options.team, limits=limits)
        if options.end_key:
            await keys.end(person(), options.end_key)
        listed = tuple(await keys.all()) if options.keys or options.new_key or options.end_key else ()
    return RouteFound(standing, listed, secret, _values(standing, listed, secret))


@asynccontextmanager
async def _store(path: Path, *, changes: bool) -> AsyncGenerator[Store, None]:
    """Open the store: for reading alone beside a running Duelbot, or for oneself."""
    if not changes and await asyncio.to_thread(path.is_file):
        async with reading_copy(path) as store:
            yield store
        return
    try:
        store = await Store.open(path)
    except StoreError as error:
        raise StoreError(f"{error} {BUSY}") from error
    try:
        yield store
    finally:
        await store.aclose()


async def _changed(routing: Routing, options: argparse.Namespace) -> RouteStanding:
    where = {"team": options.team, "tag": options.tag}
    if sum((options.share is not None, options.back, options.drop)) > 1:
        raise BadRequest("Give one of --share, --back and --drop.")
    if options.back:
        return await routing.back(person(), **where)
    if options.drop:
        return await routing.drop(person(), options.tag, team=options.team, reason=options.reason)
    if options.share is not None:
        return await routing.change(person(), share=options.share, winner=options.winner, reason=options.reason, **where)
    if options.winner:
        raise BadRequest("--winner goes with --share: what share of requests become duels while it answers the others?")
    return await routing.standing(options.team)


def route_lines(found: RouteFound) -> list[str]:
    """Write what there is for people. Pure but for the clock."""
    now, standing = datetime.now().astimezone(), found.standing
    lines = [*standing_words(standing)]
    for each in standing.proposals:
        tag = f" --tag {each.tag!r}" if each.tag else ""
        lines += [f"Proposed: {each.words}", f"  duelbot route --share {each.share:g} --winner {each.winner.arm}{tag}"]
    lines += [change_words(standing, each, now, person()) for each in reversed(standing.changes)]
    lines += [_key_line(key) for key in found.keys]
    if found.secret:
        lines += ["The key, which is shown this once:", found.secret]
    return lines


def _key_line(key: ProgramKey) -> str:
    limits = f"{key.in_flight:,} at once, {key.per_minute:,} a minute, {key.per_day:,} a day"
    usd = "" if key.usd_per_day is None else f", ${key.usd_per_day:,.2f} a day"
    ended = "" if key.ended_at is None else f"; ended {key.ended_at:%Y-%m-%d}"
    return f"Key {key.name}: {limits}{usd}; made {key.made_at:%Y-%m-%d}{ended}"


def _values(standing: RouteStanding, keys: tuple[ProgramKey, ...], secret: str) -> dict[str, Any]:
    return {
        "team": standing.team,
        "routes": {tag: asdict(route) for tag, route in standing.routes.items()},
        "answers_alone": {tag: who and who.id for tag in ("", *standing.routes) for who in [standing.answers_alone(tag)]},
        "proposals": [
            {"tag": each.tag, "share": each.share, "winner": each.winner.id, "arm": each.winner.arm, "words": each.words}
            for each in standing.proposals
        ],
        "changes": [asdict(each) for each in standing.changes],
        "keys": [asdict(key) for key in keys],
        "secret": secret,
    }
