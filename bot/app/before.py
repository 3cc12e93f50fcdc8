"""What comes before a request: the duels of the conversation that it goes on with, and what was said before those."""

from dataclasses import dataclass

from bot.app.ending import STILL_OPEN, go_on_early, turns_of
from bot.app.orders import Order
from bot.store import DuelRecord, Transaction
from bot.store.conversations import ConversationRows
from bot.store.duels import DuelRows
from bot.store.posts import PostRows
from engine.errors import BadRequest
from engine.request import Turn

MAX_TURNS = 40  # turns of an earlier conversation that a branch begins with; the latest are kept


@dataclass(frozen=True, slots=True)
class Before:
    """The past of a request."""

    earlier: tuple[DuelRecord, ...] = ()  # duels of its conversation, in order; none: it begins one
    said: tuple[Turn, ...] = ()  # before the conversation's first request

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All that both sides are told before the request."""
        return self.said + turns_of(self.earlier)


async def before(look: Transaction, order: Order) -> Before:
    """Find what an order goes on with. Raises UnknownDuel for a conversation or a duel that is none."""
    if order.conversation:
        return await _going_on(look, order.conversation)
    if order.rolling:
        going = await ConversationRows(look).rolling(order.channel)
        return await _going_on(look, going) if going else Before(said=order.before)
    if order.again:
        duel = await DuelRows(look).duel(order.again)
        return await _branched(look, duel.conversation, duel.turn - 1)
    for message in order.reply_to:
        if post := await PostRows(look).by_message(message):
            if post.channel != order.channel:  # a duel of another channel may be none of this one's business
                break
            return await _replied(look, post.duel)
    return Before(said=order.before)


async def _going_on(look: Transaction, conversation: str) -> Before:
    earlier = await DuelRows(look).conversation(conversation)
    return Before(tuple(earlier), await ConversationRows(look).prologue(conversation))


async def _replied(look: Transaction, answered: str) -> Before:
    """Go on with the conversation of a duel; from one that was not the last in it, branch off."""
    duel = await DuelRows(look).duel(answered)
    going = await _going_on(look, duel.conversation)
    return going if going.earlier[-1].id == duel.id else await _branched(look, duel.conversation, duel.turn)


async def _branched(look: Transaction, conversation: str, turns: int) -> Before:
    """Begin a conversation with the first turns of another one said before."""
    going = await _going_on(look, conversation)
    return Before(said=(going.said + turns_of(going.earlier[:turns]))[-MAX_TURNS:])


def settled(past: Before) -> tuple[Before, tuple[DuelRecord, ...], str]:
    """Fix whose answers the conversation goes on with. Returns the past, which of its duels changed, and a note where no vote decided.

    Raises BadRequest while the request before this one is still being answered. Pure.
    """
    if any(duel.state == "answering" for duel in past.earlier):
        raise BadRequest("The request before this one is still being answered. Wait for both answers or stop it, then ask again.")
    undecided = {duel.id for duel in past.earlier if duel.state == "open" and duel.carried is None}
    earlier = tuple(go_on_early(duel) if duel.id in undecided else duel for duel in past.earlier)
    return Before(earlier, past.said), tuple(duel for duel in earlier if duel.id in undecided), STILL_OPEN if undecided else ""
