"""Duels on Discord from the request to the reveal: starts them, follows them, keeps their messages true.

A duel's message is drawn anew from the store each time, so a lost edit heals with the next one; `tick` looks for those,
for deadlines, and for what another front or an earlier process has changed.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import discord

from bot.app import App
from bot.app.orders import Order
from bot.errors import UnknownDuel
from bot.fronts.discord import words
from bot.fronts.discord.layout import Scene, Sheet, duel_sheet, words_sheet
from bot.fronts.discord.memory import NOTHING, Memory
from bot.fronts.discord.news import News
from bot.fronts.discord.pacing import Kind, Pacer, Rank, TryLater
from bot.fronts.discord.sending import Archived, Gone, NotAllowed, TokenOver, Wire, edit_by_token, is_old
from bot.views import GONE, DuelView, Post, Shown, face_of
from engine.cost import Estimate
from engine.errors import DuelbotError

TOKEN_S = 14 * 60.0  # seconds that edits go by the interaction's token, which ends after 15 minutes
LAST_WORDS_S = 30.0  # seconds before that at which the duel is stopped, so that its message can still say why
RUNNING = ("waiting", "answering")
LEAVE_S = 8.0
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Token:
    """The way to edit an interaction's answer."""

    interaction: discord.Interaction
    ends_at: float  # on the loop's clock


class Desk:
    """One per process."""

    def __init__(self, app: App, wire: Wire, pacer: Pacer) -> None:
        self.app, self.wire, self.pacer = app, wire, pacer
        self.news = News(app, wire, pacer)
        self.leaving = False
        self.estimate: Estimate | None = None  # in memory: what the next duel will probably take
        self.memory = NOTHING
        self._tokens: dict[str, Token] = {}
        self._following: dict[str, asyncio.Task[None]] = {}
        self._at_work: set[asyncio.Task[Any]] = set()  # what is answering somebody now
        self._untried: set[str] = set()  # duels whose first message was never sent; of all others without one Discord may have it
        self._drawn: dict[str, list[Any]] = {}  # what the messages of running duels show
        self._shut: set[str] = set()  # archived threads that cannot be opened; their messages wait
        self._live: dict[str, Post] = {}  # of running duels, so that their many edits ask the store for nothing

    # --- a request comes

    async def open(self, order: Order, interaction: discord.Interaction | None = None) -> str:
        """Start a duel, show it, follow it. interaction: deferred already; the duel becomes its answer. Returns the duel.

        Raises DuelbotError with words for the asker, AlreadyAsked for an event that came before, NotAllowed.
        """
        if self.leaving:
            raise DuelbotError(words.LEAVING)
        shown = await self._asked(order)
        post, view = shown.post, shown.view
        if interaction is not None:
            self._tokens[post.duel] = Token(interaction, asyncio.get_running_loop().time() + TOKEN_S)
        try:
            await self._first(post, view)
        except (NotAllowed, Gone, Archived) as error:
            await self.app.asking.stop(post.duel, because=words.NO_SENDING)
            await self.app.posting.drawn(post.duel, face=GONE)
            raise DuelbotError(words.NO_SENDING) from error
        self._follow(post, view)
        return post.duel

    async def open_quietly(self, order: Order) -> None:
        """Have a request answered and show it when both answers are there. Raises DuelbotError."""
        if self.leaving:
            raise DuelbotError(words.LEAVING)
        shown = await self._asked(order)
        self._follow(shown.post, shown.view, quietly=True)
        await asyncio.wait({self._following[shown.view.id]})

    async def _asked(self, order: Order) -> Shown:
        shown = await self.app.asking.ask(order)
        self._untried.add(shown.view.id)
        self.memory = self.memory.plus(shown.post, shown.view)
        return shown

    async def _first(self, post: Post, view: DuelView) -> None:
        """Shown at once, past the lane, while Discord takes more: this is the asker's acknowledgement."""
        lane, kind = self._lane(post)
        if self.pacer.take(lane, kind):
            with suppress(TryLater):  # the lane will
                await self._draw(post, view)
        else:
            self._put_edit(post, view, Rank.AWAITED)

    def _follow(self, post: Post, view: DuelView, *, quietly: bool = False) -> None:
        self._live.setdefault(post.duel, post)
        task = asyncio.create_task(self._watch(post.duel, view.asker, quietly))
        self._following[post.duel] = task
        task.add_done_callback(lambda _: self._following.pop(post.duel, None))

    async def _watch(self, duel: str, viewer: str, quietly: bool) -> None:
        try:
            async with aclosing(self.app.looking.watch(duel, viewer)) as views:
                async for view in views:
                    shown = Shown(view, self._live[duel])
                    if view.state not in RUNNING:
                        if not (quietly and self.leaving):  # a file's request that is broken off is asked again at the next start
                            self.redraw(shown)
                        break
                    if not quietly:
                        self._put_edit(shown.post, view, Rank.STREAM)
            self.estimate = await self.app.judging.estimate()
        except DuelbotError as error:
            log.warning("Duel %s is not followed any more: %s", duel, error)
        except Exception:
            log.exception("Following the duel %s failed", duel)
        finally:
            self._live.pop(duel, None)
            self.pacer.ended(duel)

    # --- drawing

    def redraw(self, shown: Shown, rank: Rank = Rank.AWAITED) -> None:
        """Bring the message up to this state of the duel, when its lane is free."""
        self._put_edit(shown.post, shown.view, rank)

    def _put_edit(self, post: Post, view: DuelView | None, rank: Rank) -> None:
        """view: as it is now; None: what is stored when the edit's turn comes."""
        lane, kind = self._lane(post)
        if post.channel in self._shut and kind != "token":  # the message waits until the thread is opened; its asker need not
            told = partial(self._told_elsewhere, post)
            self.pacer.put(lane, f"told:{post.duel}", told, rank=rank, kind="send")
        elif kind == "token" or post.lasting:
            longest = max(len(side.text) for side in view.sides.values()) if view and view.state in RUNNING else 0
            edit = partial(self._draw_quietly, post, view)
            live = rank is Rank.STREAM and longest > 0
            self.pacer.put(lane, post.duel, edit, rank=rank, kind=kind, ease=1 + longest / 1500, live=live)

    async def _told_elsewhere(self, post: Post) -> bool:
        await self.news.closed_elsewhere(post, await self.app.looking.view(post.duel, ""))
        return True

    def _lane(self, post: Post) -> tuple[str, Kind]:
        """Where the message's next edit waits for its turn, and as what Discord will count it."""
        if self._token(post.duel):
            return f"token:{post.duel}", "token"
        return post.channel, "send" if post.message is None else "old edit" if is_old(post.message) else "edit"

    async def _draw_quietly(self, post: Post, view: DuelView | None) -> bool | None:
        post = self._live.get(post.duel, post)
        if view is None or post.message is None:  # it may have been sent since, and a second one would be sent
            shown = await self.app.looking.shown(post.duel)
            post, view = shown.post, view or shown.view
        try:
            return await self._draw_even_archived(post, view)
        except Gone:
            await self.lost(post)
        except (NotAllowed, discord.HTTPException) as error:  # would fail the next time, too
            log.warning("The message of duel %s cannot be edited: %s", post.duel, error)
            await self._barred(post)
        return None

    async def _draw_even_archived(self, post: Post, view: DuelView) -> bool | None:
        """A thread is opened for what is final; where that is not allowed, the message waits until somebody else does."""
        try:
            return await self._draw(post, view)
        except Archived:
            if view.state in RUNNING:
                return None
        try:
            await self.wire.unarchive(post.channel)
            return await self._draw(post, view)
        except (Archived, NotAllowed) as error:
            log.info("The thread %s is archived and stays so: %s", post.channel, error)
            self._shut.add(post.channel)
            await self.news.closed_elsewhere(post, view)
        return None

    async def _barred(self, post: Post) -> None:
        """Its message cannot be sent or changed any more."""
        await self.app.posting.drawn(post.duel, face=GONE)
        view = await self.app.looking.view(post.duel, "")
        if post.message is None:
            await self.app.asking.stop(post.duel, because=words.NO_SENDING)
            await self.news.directly(post, view, words.NO_SENDING)
        await self.news.closed_elsewhere(post, view)

    async def _draw(self, post: Post, view: DuelView) -> bool:
        """Send or edit the message; while a duel runs, only the first message's id is stored. False: it shows this already.

        Raises Gone, NotAllowed, Archived, TryLater.
        """
        sheet, running = self.sheet(view, post), view.state in RUNNING
        drawn: list[Any] = sheet.to_components()  # type: ignore[no-untyped-call]
        if running and self._drawn.get(post.duel) == drawn:
            return False
        message = await self._put(post, sheet)
        new = message if message != post.message else None
        post = replace(post, message=message)
        if running:
            if new:
                await self.app.posting.drawn(post.duel, message=new)
            self._drawn[post.duel], self._live[post.duel] = drawn, post
        else:
            self._drawn.pop(post.duel, None)
            await self._shown(Shown(view, post), new)
        return True

    async def _put(self, post: Post, sheet: Sheet) -> str | None:
        """By the token while it lives, else in the channel. Returns the message."""
        if token := self._token(post.duel):
            try:
                message = await edit_by_token(token.interaction, sheet)
            except TokenOver:
                del self._tokens[post.duel]
            else:
                self._untried.discard(post.duel)
                return message
        if not post.lasting:
            return post.message
        if post.message is None:
            return await self._send(post, sheet)
        await self.wire.edit(post.channel, post.message, sheet)
        return post.message

    async def _send(self, post: Post, sheet: Sheet) -> str:
        """The first message. After a send whose answer was lost, perhaps by an earlier process, Discord may have it: it is looked for.

        Should it not be found and be there all the same, its nonce gives it back, in the state of then.
        """
        sure, event = post.duel in self._untried, (post.event or "").rpartition(":")[2]
        self._untried.discard(post.duel)
        if not sure and event and (found := await self.wire.find(post.channel, post.duel, event)):
            await self.wire.edit(post.channel, found, sheet)
            return found
        message = await self.wire.send(post.channel, post.team, sheet, reply_to=post.event_message, nonce=f"d{post.duel[:24]}")
        if not sure:
            await self.wire.edit(post.channel, message, sheet)
        return message

    def sheet(self, view: DuelView, post: Post) -> Sheet:
        """The message as it should be now."""
        status = "\n-# ".join(filter(None, (self._status(view, post), post.left_out)))
        return duel_sheet(Scene(view, post, post.event_message is None, status, not self.leaving))

    def _status(self, view: DuelView, post: Post) -> str:
        if self.leaving and view.state in RUNNING:
            return words.INTERRUPTED
        match view.state:
            case "waiting" | "answering":
                ahead = self.app.looking.ahead(view.id)
                said = words.running_words(view, ahead, self.app.looking.wait_s(ahead, self.estimate))
            case "open":
                said = words.vote_words(view, post)
            case "closed":
                return words.reveal_words(view)
            case _:
                return view.note or "This takes no votes."
        return said if post.lasting or post.private else f"{said}\n{words.FIFTEEN}"

    async def draw_by(self, interaction: discord.Interaction, shown: Shown) -> None:
        """Edit the message by the click on one of its own buttons, at once; the lane does it when that fails."""
        try:
            await edit_by_token(interaction, self.sheet(shown.view, shown.post))
            await self._shown(shown)
        except (Gone, NotAllowed, Archived, TokenOver, TryLater):
            self.redraw(shown)

    async def _shown(self, shown: Shown, message: str | None = None) -> None:
        """Keep what the message shows now. message: that shows it from now on, if it is another one than before."""
        await self.app.posting.drawn(shown.view.id, message=message, face=face_of(shown.view))
        if shown.view.state == "closed":
            self._tokens.pop(shown.view.id, None)
            self.news.closed(shown.post, shown.view)

    def _token(self, duel: str) -> Token | None:
        token = self._tokens.get(duel)
        if token and token.ends_at <= asyncio.get_running_loop().time():
            del self._tokens[duel]
            return None
        return token

    # --- what happens to messages

    async def deleted(self, messages: set[str]) -> None:
        """Somebody deleted these: a duel that is being answered for one of them is stopped."""
        for message in messages:
            post = await self.app.posting.of_message(message)
            if post and post.message == message:
                await self.lost(post)

    async def clicked(self, shown: Shown, message: discord.Message | None, rank: Rank = Rank.AWAITED, *, drawn_here: bool = False) -> Shown:
        """Take the message that was clicked for the duel's own if none was known; a second one is taken out of use.

        Should the own one show less than is stored, it is drawn anew. drawn_here: the click does that itself. Returns the duel with its
        message.
        """
        post, here = shown.post, str(message.id) if message else None
        if here and post.message is None:
            await self.app.posting.drawn(post.duel, message=here)
            shown = replace(shown, place=replace(post, message=here))
        elif here and here != post.message and post.lasting:
            self.pacer.put(post.channel, f"second:{here}", partial(self._retire, post, here))
        if not drawn_here and post.duel not in self._following and post.shown != face_of(shown.view):
            self.redraw(shown)
        return shown

    async def _retire(self, post: Post, second: str) -> None:
        link = f"https://discord.com/channels/{post.team or '@me'}/{post.channel}/{post.message}"
        with suppress(Gone, NotAllowed, Archived):
            await self.wire.edit(post.channel, second, words_sheet(words.moved_words(link)))

    async def opened(self, thread: str) -> None:
        """Somebody opened an archived thread: what could not be shown there can be now."""
        if thread in self._shut:
            self._shut.discard(thread)
            await self.heal()

    async def lost(self, post: Post) -> None:
        """Its message is there no more."""
        await self.app.posting.drawn(post.duel, face=GONE)
        await self.app.asking.stop(post.duel, because=words.GONE)

    # --- healing

    async def tick(self) -> None:
        """Close what is due, redraw what is stale."""
        for shown in await self.app.voting.close_due():
            self.redraw(shown)
        await self._break_off()
        await self.heal()
        self.estimate = await self.app.judging.estimate()
        if self.memory is NOTHING:
            await self.remember()

    async def _break_off(self) -> None:
        """Where only the token works, nobody would see the end of answers that take longer."""
        soon = asyncio.get_running_loop().time() + LAST_WORDS_S
        for duel, token in list(self._tokens.items()):
            if token.ends_at <= soon and (post := self._live.get(duel)) and not post.lasting:
                await self.app.asking.stop(duel, because=words.TOKEN_ENDS)

    async def remember(self) -> None:
        """Read anew what autocomplete offers."""
        self.memory = Memory(tuple(await self.app.remembering.tags()), tuple(await self.app.remembering.lately()))

    async def heal(self) -> None:
        """Redraw what shows less than is stored."""
        for duel in list(self._tokens):
            self._token(duel)  # drops those that have ended
        for post in await self.app.posting.stale():
            if post.duel not in self._following:
                self._put_edit(post, None, Rank.AWAITED)
        for post in await self.app.posting.untold():
            self.news.closed(post, await self.app.looking.view(post.duel, ""))

    async def leave(self) -> None:
        """Refuse new requests, in words; stop the running ones, let their last edits land; within LEAVE_S."""
        self.leaving = True
        self.pacer.hurry()
        try:
            async with asyncio.timeout(LEAVE_S):
                await self._interrupt_all()
                await self.pacer.settle()
                while self._at_work:  # others are told that they come too late, and one may just have begun a duel
                    await asyncio.wait(set(self._at_work))
                    await self._interrupt_all()
                    await self.pacer.settle()
        except TimeoutError:
            log.warning("Some messages did not get their last edit; they get it at the next start")
        for task in self._following.values():
            task.cancel()
        await self.pacer.aclose()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While somebody is being answered, so that leaving does not cut them off."""
        task = asyncio.current_task()
        assert task is not None
        self._at_work.add(task)
        try:
            yield
        finally:
            self._at_work.discard(task)

    async def _interrupt_all(self) -> None:
        await asyncio.gather(*(self._interrupt(duel) for duel in list(self._following)))
        await asyncio.gather(*self._following.values(), return_exceptions=True)

    async def _interrupt(self, duel: str) -> None:
        with suppress(UnknownDuel):
            await self.app.asking.stop(duel, because=words.INTERRUPTED)
