"""A past request with all that it was asked with: what had been said before, and what placeholders stood for that day."""

from bot.app.ending import turns_of
from bot.app.teams import Teams
from bot.store import DuelRecord, Transaction
from bot.store.conversations import ConversationRows
from bot.store.duels import DuelRows
from bot.store.posts import PostRows
from engine.placeholders import given_on
from engine.request import Request, Turn


async def past_request(look: Transaction, teams: Teams, duel: DuelRecord) -> Request:
    """Build the request of a stored duel as its two sides were asked it. {{team}} is what the team is called now."""
    post = await PostRows(look).of(duel.id)
    called = (await teams.settled(look, post.team if post else None)).called
    return Request(duel.request, await said_before(look, duel), given_on(duel.asked_at, called))


async def said_before(look: Transaction, duel: DuelRecord) -> tuple[Turn, ...]:
    """Read what had been said in a duel's conversation before its request."""
    talk = await DuelRows(look).conversation(duel.conversation)
    prologue = await ConversationRows(look).prologue(duel.conversation)
    return prologue + turns_of(talk[: duel.turn - 1])
