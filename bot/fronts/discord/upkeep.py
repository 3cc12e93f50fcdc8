"""Keeping messages true: what people do to them, what another front or an earlier process has changed, what was lost on the way."""

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import discord

from bot.app import App
from bot.fronts.discord import words
from bot.fronts.discord.drawing import Drawing
from bot.fronts.discord.following import Following
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.news import News
from bot.fronts.discord.pacing import Pacer
from bot.fronts.discord.sending import Archived, Gone, NotAllowed, Wire
from bot.fronts.discord.timing import Rank
from bot.fronts.discord.tokens import Tokens
from bot.fronts.discord.unshown import Unshown
from bot.views import Post, Shown, face_of

LAST_WORDS_S = 30.0  # seconds before a token ends at which the duel is stopped, so that its message can still say why


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Care for duels' messages, whatever happens to them from outside of their duels."""

    app: App
    wire: Wire
    pacer: Pacer
    drawing: Drawing
    unshown: Unshown
    following: Following
    tokens: Tokens
    news: News

    async def deleted(self, messages: set[str]) -> None:
        """Stop the duels whose messages somebody deleted."""
        for message in messages:
            post = await self.app.posting.of_message(message)
            if post and post.message == message:
                await self.unshown.lost(post)

    async def clicked(self, shown: Shown, message: discord.Message | None) -> Shown:
        """Learn from a click where the duel's message is: a first one becomes the duel's own, a second one is taken out of use.

        Returns the duel with its message.
        """
        post, here = shown.post, str(message.id) if message else None
        if here and post.message is None:
            await self.app.posting.drawn(post.duel, message=here)
            return replace(shown, place=replace(post, message=here))
        if here and here != post.message and post.lasting:
            self.pacer.put(post.channel, f"second:{here}", partial(self._retire, post, here))
        return shown

    def mend(self, shown: Shown) -> None:
        """Draw the message anew, should it show less than is known now."""
        if shown.view.id not in self.following and shown.post.shown != face_of(shown.view):
            self.drawing.redraw(shown)

    async def _retire(self, post: Post, second: str) -> None:
        with suppress(Gone, NotAllowed, Archived):
            await self.wire.edit(post.channel, second, words_sheet(words.moved_words(words.link(post))))

    async def opened(self, thread: str) -> None:
        """Show what could not be shown in an archived thread that somebody opened."""
        if self.unshown.opened(thread):
            await self.heal()

    async def heal(self) -> None:
        """Redraw what shows less than is stored, and tell the askers that nobody told."""
        self.tokens.drop_ended()
        for post in await self.app.posting.stale():
            if post.duel not in self.following:
                self.drawing.queue(post, None, Rank.AWAITED)
        for post in await self.app.posting.untold():
            self.news.closed(post, await self.app.looking.view(post.duel, ""))
        for route in await self.app.routing.untold():
            if channel := await self.app.posting.channel_of(route.team) if route.team else None:
                self.news.drifted(channel, route)

    async def break_off(self) -> None:
        """Stop answers that take longer than the only token that could show their end."""
        for duel in self.tokens.ending(LAST_WORDS_S):
            if (post := self.drawing.live(duel)) and not post.lasting:
                await self.app.asking.stop(duel, because=words.TOKEN_ENDS)
