"""Telling people that a vote has closed: in the channel, or its asker directly where the channel takes nothing any more.

The asker is named, unless they closed it; whoever has asked for it with /notify is pinged, voters, too.

They are marked as told afterwards: should the process end in between, the next one tells them, and the nonce keeps a second message
away. Who need not be told is decided where the vote is closed.
"""

import logging
from functools import partial

from bot.app import App
from bot.fronts.discord import fit, words
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.pacing import Pacer
from bot.fronts.discord.sending import Archived, Gone, NotAllowed, Wire
from bot.fronts.discord.timing import Rank
from bot.routes import Route
from bot.views import DuelView, Post

MOST_NAMED = 40  # people whom the news of a close names
log = logging.getLogger(__name__)


class News:
    """Words to askers about votes that have closed."""

    def __init__(self, app: App, wire: Wire, pacer: Pacer) -> None:
        self._app, self._wire, self._pacer = app, wire, pacer

    def closed(self, post: Post, view: DuelView) -> None:
        """Tell the asker, in the channel's lane, which tries again, that the message shows the reveal; unless no telling is due."""
        if post.told or view.reveal is None or view.reveal.auto_tie:
            return
        self._pacer.put(post.channel, f"told:{post.duel}", partial(self._say, post, view), rank=Rank.AWAITED, bucket="send")

    async def _say(self, post: Post, view: DuelView) -> bool:
        if (await self._app.posting.of(post.duel)).told:
            return False
        told = await self._app.posting.to_tell(post.duel) or {view.asker: False}
        said = words_sheet(words.told_words(view, fit.inline(view.request, 80), list(told)[:MOST_NAMED]))
        pinged = [number_of(person) for person, ping in list(told.items())[:MOST_NAMED] if ping]
        try:
            await self._wire.send(post.channel, post.team, said, reply_to=post.message, nonce=_nonce(post), ping=pinged)
        except (Gone, NotAllowed, Archived) as error:
            log.info("The asker of duel %s is told directly: %s", post.duel, error)
            await self.closed_elsewhere(post, view)
        else:
            await self._app.posting.told(post.duel)
        return True

    def drifted(self, channel: str, route: Route) -> None:
        """Tell a team, where it asked last, what drift has done to its duel share."""
        self._pacer.put(channel, f"route:{route.id}", partial(self._say_drift, channel, route), rank=Rank.AWAITED, bucket="send")

    async def _say_drift(self, channel: str, route: Route) -> bool:
        said = words_sheet(f"### This has changed\n{fit.inline(route.reason, 400)}\n-# `/settings share_back:True` changes it back.")
        try:
            await self._wire.send(channel, route.team, said, nonce=f"route{route.id}")
        except (Gone, NotAllowed, Archived) as error:
            log.warning("A server cannot be told that its duel share has changed: %s", error)
        await self._app.routing.told(route)
        return True

    async def closed_elsewhere(self, post: Post, view: DuelView) -> None:
        """Tell the asker directly, once, of a reveal that the channel cannot show. Raises TryLater."""
        if view.state == "closed" and view.request and not (await self._app.posting.of(post.duel)).told:
            await self.directly(post, view, words.told_elsewhere(view, fit.inline(view.request, 80), post.channel))
            await self._app.posting.told(post.duel)

    async def directly(self, post: Post, view: DuelView, said: str) -> None:
        """Tell the asker alone, if they let themselves be told. Raises TryLater."""
        if not (number := number_of(view.asker)):
            return
        try:
            await self._wire.send_directly(number, words_sheet(said), _nonce(post))
        except (Gone, NotAllowed) as error:
            log.warning("The asker of duel %s cannot be told: %s", post.duel, error)


def number_of(person: str) -> int:
    """Read a person's id at Discord; 0 for whoever has none."""
    platform, _, number = person.partition(":")
    return int(number) if platform == "discord" and number.isdigit() else 0


def _nonce(post: Post) -> str:
    return f"told{post.duel[:20]}"
