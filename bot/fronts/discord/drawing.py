"""Drawing duels: each message is drawn anew from the store, so that a lost edit heals with the next one."""

import logging
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import discord

from bot.app import App
from bot.ballots import Choice
from bot.fronts.discord.delivery import Delivery
from bot.fronts.discord.lane import TryLater
from bot.fronts.discord.news import News
from bot.fronts.discord.pacing import Pacer
from bot.fronts.discord.scenes import RUNNING, Scenes
from bot.fronts.discord.sending import Archived, Gone, NotAllowed, TokenOver, edit_by_token
from bot.fronts.discord.timing import Rank
from bot.fronts.discord.unshown import Unshown
from bot.views import DuelView, Post, Shown, face_of

PAGE_CHARACTERS = 1500  # of the longer answer: the gap after an edit grows by one for so many, for longer texts change less at a time
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Live:
    """A running duel's post and what its message shows, so that its many edits ask the store for nothing."""

    post: Post
    drawn: list[Any] | None = None  # components


@dataclass(frozen=True, slots=True)
class Drawing:
    """The messages of duels, each in its channel's lane."""

    app: App
    pacer: Pacer
    delivery: Delivery
    scenes: Scenes
    unshown: Unshown
    news: News
    _live: dict[str, Live] = field(default_factory=dict, init=False)

    # --- a duel that is being answered

    def begin(self, post: Post) -> None:
        """Keep the post of a duel that is being answered."""
        self._live.setdefault(post.duel, Live(post))

    def end(self, duel: str) -> None:
        """Keep nothing of a duel whose answers have ended."""
        self._live.pop(duel, None)
        self.pacer.ended(duel)

    def live(self, duel: str) -> Post | None:
        """Return the post of a duel that is being answered."""
        live = self._live.get(duel)
        return live.post if live else None

    def renew(self, post: Post) -> None:
        """Take up what has changed in the post of a duel; one that is being answered shows it at its end, others now."""
        if live := self._live.get(post.duel):
            live.post = replace(live.post, edited=post.edited)
        else:
            self.queue(post, None, Rank.AWAITED)

    # --- when

    async def first(self, post: Post, view: DuelView) -> None:
        """Show a duel at once, past its lane, while Discord takes more: this is the asker's acknowledgement.

        Raises Gone, NotAllowed, Archived.
        """
        lane, bucket = self.delivery.lane(post)
        if self.pacer.take(lane, bucket):
            with suppress(TryLater):  # the lane will
                await self._draw(post, view)
        else:
            self.queue(post, view, Rank.AWAITED)

    def redraw(self, shown: Shown, rank: Rank = Rank.AWAITED) -> None:
        """Bring the message up to this state of the duel, when its lane is free. Raises UnknownDuel for one without a message."""
        self.queue(shown.post, shown.view, rank)

    def queue(self, post: Post, view: DuelView | None, rank: Rank) -> None:
        """Draw it when its lane is free. view: None for what is stored when the edit's turn comes."""
        lane, bucket = self.delivery.lane(post)
        if self.unshown.is_shut(post.channel) and bucket != "token":  # the message waits until the thread is opened; its asker need not
            told = partial(self.unshown.tell_elsewhere, post)
            self.pacer.put(lane, f"told:{post.duel}", told, rank=rank, bucket="send")
        elif bucket == "token" or post.lasting:
            running = view is not None and view.state in RUNNING
            longest = max(len(side.text) for side in view.sides.values()) if view and running else 0
            edit = partial(self._draw_quietly, post, view)
            live = rank is Rank.STREAM and longest > 0
            self.pacer.put(lane, post.duel, edit, rank=rank, bucket=bucket, ease=1 + longest / PAGE_CHARACTERS, live=live)

    async def by_click(self, interaction: discord.Interaction, shown: Shown, asked: tuple[Choice, str] | None = None) -> None:
        """Edit the message by the click on one of its own buttons, at once; where that fails, its lane does it.

        asked: what a person would vote, and what they are asked first.
        """
        try:
            await edit_by_token(interaction, self.scenes.sheet(shown.view, shown.post, asked))
            await self._shown(shown.post, shown.view)
        except (Gone, NotAllowed, Archived, TokenOver, TryLater):
            self.redraw(shown)

    # --- how

    async def _draw_quietly(self, post: Post, view: DuelView | None) -> bool | None:
        post = self.live(post.duel) or post
        if view is None or post.message is None:  # its first message may have been sent since, and a second one would be sent now
            shown = await self.app.looking.shown(post.duel)
            post, view = shown.post, view or shown.view
        try:
            return await self._draw_even_archived(post, view)
        except Gone:
            await self.unshown.lost(post)
        except (NotAllowed, discord.HTTPException) as error:  # would fail the next time, too
            log.warning("The message of duel %s cannot be edited: %s", post.duel, error)
            await self.unshown.barred(post)
        return None

    async def _draw_even_archived(self, post: Post, view: DuelView) -> bool | None:
        """A thread is opened for what is final; where that is not allowed, the message waits until somebody else does."""
        try:
            return await self._draw(post, view)
        except Archived:
            if view.state in RUNNING:
                return None
        try:
            await self.unshown.unarchive(post)
            return await self._draw(post, view)
        except (Archived, NotAllowed) as error:
            await self.unshown.shut(post, view, error)
        return None

    async def _draw(self, post: Post, view: DuelView) -> bool:
        """Send or edit the message; while a duel runs, only the first message's id is stored. Returns False if it shows this already.

        Raises Gone, NotAllowed, Archived, TryLater.
        """
        sheet, live = self.scenes.sheet(view, post), self._live.get(post.duel)
        drawn: list[Any] = sheet.to_components()  # type: ignore[no-untyped-call]
        running = view.state in RUNNING
        if running and live and live.drawn == drawn:
            return False
        message = await self.delivery.put(post, sheet)
        new = message if message != post.message else None
        post = replace(post, message=message or post.message)
        if running and new:
            await self.app.posting.drawn(post.duel, message=new)
        if live:
            live.post, live.drawn = post, drawn
        if not running:
            await self._shown(post, view, new)
        return True

    async def _shown(self, post: Post, view: DuelView, message: str | None = None) -> None:
        """Keep what the message shows now. message: the one that shows it from now on, where it is another one than before."""
        await self.app.posting.drawn(post.duel, message=message, face=face_of(view))
        if view.state == "closed":
            self.delivery.end(post.duel)
            self.news.closed(post, view)
