"""How a duel's message reaches Discord: by the token of its interaction while that lives, else in its channel."""

from bot.fronts.discord.allowance import Bucket
from bot.fronts.discord.layout import Sheet
from bot.fronts.discord.sending import TokenOver, Wire, edit_by_token, is_old
from bot.fronts.discord.tokens import Tokens
from bot.views import Post


class Delivery:
    """The way of duels' messages to Discord, whose refusals are raised."""

    def __init__(self, wire: Wire, tokens: Tokens) -> None:
        self._wire, self._tokens = wire, tokens
        self._untried: set[str] = set()  # duels whose first message was never sent; of all others without one Discord may have it

    def begin(self, duel: str) -> None:
        """Note a duel that was asked just now: no message of it has been sent."""
        self._untried.add(duel)

    def end(self, duel: str) -> None:
        """Drop a closed duel's token: what is said of it from now on belongs into the channel's lane."""
        self._tokens.drop(duel)

    def lane(self, post: Post) -> tuple[str, Bucket]:
        """Return where the message's next edit waits for its turn, and as what Discord will count it."""
        if self._tokens.of(post.duel):
            return f"token:{post.duel}", "token"
        return post.channel, "send" if post.message is None else "old edit" if is_old(post.message) else "edit"

    async def put(self, post: Post, sheet: Sheet) -> str | None:
        """Show the sheet as the duel's message. Returns the message, None where there is no way to it any more.

        Raises Gone, NotAllowed, Archived, TryLater.
        """
        if interaction := self._tokens.of(post.duel):
            try:
                message = await edit_by_token(interaction, sheet)
            except TokenOver:
                self._tokens.drop(post.duel)
            else:
                self._untried.discard(post.duel)
                return message
        if not post.lasting:
            return post.message
        if post.message is None:
            return await self._send(post, sheet)
        await self._wire.edit(post.channel, post.message, sheet)
        return post.message

    async def _send(self, post: Post, sheet: Sheet) -> str:
        """Send the first message. After a send whose answer was lost, perhaps by an earlier process, Discord may have it: look for it.

        Should it not be found and be there all the same, its nonce gives it back, in the state of then; so it is edited at once.
        """
        sure, event = post.duel in self._untried, (post.event or "").rpartition(":")[2]
        self._untried.discard(post.duel)
        if not sure and event and (found := await self._wire.find(post.channel, post.duel, event)):
            await self._wire.edit(post.channel, found, sheet)
            return found
        starts = post.event_message == post.channel  # the thread's first message is what asked: it stands above, and no reply is needed
        reply_to = None if starts else post.event_message
        message = await self._wire.send(post.channel, post.team, sheet, reply_to=reply_to, nonce=f"d{post.duel[:24]}")
        if not sure:
            await self._wire.edit(post.channel, message, sheet)
        return message
