"""Voting: ballots, guesses, reasons and closes. Who may do what is decided in the transaction that writes it."""

import hashlib
import logging
from dataclasses import replace
from datetime import datetime, timedelta

from bot.app.blind import show
from bot.app.closing import Deadlines, close_vote, is_complete, is_held_by
from bot.app.core import Core
from bot.app.teams import Teams
from bot.ballots import Ballot, Choice, Guess, Reason, Why, ballot, choice_of
from bot.errors import BallotRefused
from bot.store import DuelRecord, Transaction
from bot.store.ballots import BallotRows
from bot.store.duels import DuelRows
from bot.store.lists import ListRows
from bot.store.posts import PostRows
from bot.views import DuelSummary, DuelView, Post, Shown
from engine.contestants import Arm
from engine.errors import BadRequest, DuelbotError
from engine.printable import one_line

REASON_CHARACTERS = 300
NO_ROLE = "In this server only members with a certain role may vote. A server admin sets it with /settings."
log = logging.getLogger(__name__)


class Voting:
    """Takes ballots and closes votes."""

    def __init__(self, core: Core, teams: Teams, deadlines: Deadlines, *, blinding_share: float, undo_s: float) -> None:
        """blinding_share: of ballots after which the voter is asked which side is which, 0 to 1.
        undo_s: seconds for which the only ballot of a duel can be taken back, where its front offers that.
        """
        self._core = core
        self._teams = teams
        self._deadlines = deadlines
        self._blinding_share = blinding_share
        self._undo = timedelta(seconds=undo_s)

    async def cast(
        self,
        duel: str,
        voter: str,
        choice: Choice,
        roles: frozenset[str] = frozenset(),
        *,
        guess: Guess | None = None,
        held: bool = False,
    ) -> Shown:
        """Cast or change one's ballot; when this returns it is on the disk.

        roles: of the voter, in the duel's team. guess: what the voter has answered where `asks_before` had a question.
        held: the front lets a ballot that would close the vote by itself be taken back for a while; who was who is shown after that, as
        nobody may choose by it whether their ballot counts.

        Raises BallotRefused for who may not vote here and for a duel that takes no ballots, UnknownDuel, StoreError.
        """
        try:
            return await self._core.changes.whole(self._cast(duel, voter, choice, roles, guess, held=held))
        except DuelbotError as error:
            self._core.meters.refused(error)
            raise

    async def _cast(self, duel: str, voter: str, choice: Choice, roles: frozenset[str], guess: Guess | None, *, held: bool) -> Shown:
        async with self._core.store.writing() as change:
            record, post = await DuelRows(change).duel(duel), await PostRows(change).of(duel)
            if post:
                await self._refuse_voter(change, record, post, voter, roles)
            if record.state != "open":
                refuse_late(record, voter, choice)
                return Shown(show(record, voter), post)
            await _refuse_stranger(change, record, voter)
            vote = ballot(duel, voter, choice, record.seats, self._core.now())
            await BallotRows(change).put(vote)
            if guess:
                await _put_guess(change, record, voter, guess, self._core.now())
            record = await DuelRows(change).duel(duel) if record.collects else with_ballot(record, vote)  # with the voter's name
            if held and self._undo and post is None and record.quorum == 1:
                record = await self._hold(change, record)
            elif is_complete(record):
                record, post = await close_vote(change, record, post, self._core.now(), by="quorum", closer=voter)
        self._core.meters.voted()
        log.info("A ballot was taken on the duel %s, which is %s", duel, record.state)
        self._core.running.signals.of(duel).wake()
        view = show(record, voter)
        return Shown(view, post, None if guess else self.asks_before(view, voter))

    async def _hold(self, change: Transaction, duel: DuelRecord) -> DuelRecord:
        """Let a ballot close its vote after a while."""
        duel = replace(duel, ends_at=self._core.now() + self._undo)
        await DuelRows(change).save(duel)
        self._deadlines.changed()
        return duel

    async def _refuse_voter(self, look: Transaction, duel: DuelRecord, post: Post, voter: str, roles: frozenset[str]) -> None:
        """Raise BallotRefused for somebody who may not vote on a duel of a channel."""
        if post.private and duel.asker != voter:
            raise BallotRefused("Only its asker votes on this one.")
        role = (await self._teams.settled(look, post.team)).vote_role
        if role and role not in roles:
            raise BallotRefused(NO_ROLE)

    async def awaiting(
        self, voter: str, team: str | None, roles: frozenset[str] = frozenset(), *, limit: int
    ) -> list[tuple[DuelSummary, Post]]:
        """List what this person can still vote on in a team, or of their own in direct messages; what closes first comes first.

        roles: of the voter, in that team. Raises BallotRefused for who may not vote there.
        """
        async with self._core.store.reading() as look:
            role = (await self._teams.settled(look, team)).vote_role
            if role and role not in roles:
                raise BallotRefused(NO_ROLE)
            return await ListRows(look).awaiting(team, voter, limit)

    async def undo(self, duel: str, voter: str) -> Shown:
        """Take one's ballot back, while the vote is open. Raises BallotRefused, UnknownDuel, StoreError."""
        async with self._core.store.writing() as change:
            record = await DuelRows(change).duel(duel)
            if record.state != "open":
                raise BallotRefused("The vote on this duel has closed; your ballot stays.")
            await BallotRows(change).drop(duel, voter)
            record = replace(record, ends_at=None) if is_held_by(record, voter) else record
            await DuelRows(change).save(record)
            record = replace(record, ballots=tuple(each for each in record.ballots if each.voter != voter))
            post = await PostRows(change).of(duel)
        self._core.running.signals.of(duel).wake()
        return Shown(show(record, voter), post)

    async def reveal(self, duel: str, voter: str) -> Shown:
        """Let one's ballot that is held close the vote now. Raises BallotRefused, UnknownDuel, StoreError."""
        return await self._core.changes.whole(self._reveal(duel, voter))

    async def _reveal(self, duel: str, voter: str) -> Shown:
        async with self._core.store.writing() as change:
            record = await DuelRows(change).duel(duel)
            if record.state != "closed":
                if not is_held_by(record, voter):
                    raise BallotRefused("Vote first; then it is shown who was who.")
                record, _ = await close_vote(change, record, None, self._core.now(), by="quorum", closer=voter)
        self._core.running.signals.of(duel).wake()
        return Shown(show(record, voter))

    async def explain(self, duel: str, voter: str, kinds: tuple[Why, ...], words: str = "") -> Shown:
        """Keep why somebody voted as they did, in place of what they said before; nothing at all takes it back.

        Shown to everybody once the vote has closed. Raises BallotRefused without a ballot of theirs, BadRequest, UnknownDuel, StoreError.
        """
        words = one_line(words)
        if len(words) > REASON_CHARACTERS:
            raise BadRequest(f"A reason has at most {REASON_CHARACTERS} characters; these are {len(words):,}.")
        async with self._core.store.writing() as change:
            record, post = await DuelRows(change).duel(duel), await PostRows(change).of(duel)
            if all(each.voter != voter for each in record.ballots):
                raise BallotRefused("Vote first; a reason belongs to a ballot.")
            reason = Reason(kinds, words, blind=record.state == "open")
            if kinds or words:
                await BallotRows(change).put_reason(duel, voter, reason, self._core.now())
            else:
                await BallotRows(change).drop_reason(duel, voter)
            record = await DuelRows(change).duel(duel)
        self._core.running.signals.of(duel).wake()
        return Shown(show(record, voter), post)

    async def close(self, duel: str, person: str, *, moderates: bool = False) -> Shown:
        """Close the vote now, at its asker's or a moderator's wish, with the ballots there are; a closed one stays as it is.

        A vote closed by hand is revealed and is no evidence: who closes when they like what they see decides what counts.
        Raises BallotRefused, UnknownDuel, StoreError.
        """
        return await self._core.changes.whole(self._close_by_hand(duel, person, moderates))

    async def _close_by_hand(self, duel: str, person: str, moderates: bool) -> Shown:
        async with self._core.store.writing() as change:
            record, post = await DuelRows(change).duel(duel), await PostRows(change).of(duel)
            if record.asker != person and not moderates:
                raise BallotRefused("Only the one who asked, or a moderator, can close this vote. It closes by itself, too.")
            if record.state in ("answering", "void"):
                raise refusal(record)
            if record.state == "open":
                record, post = await close_vote(change, record, post, self._core.now(), by="hand", closer=person)
        self._core.running.signals.of(duel).wake()
        return Shown(show(record, person), post)

    async def close_due(self) -> list[Shown]:
        """Close the votes whose deadline has come. Returns their duels, as everybody sees them."""
        async with self._core.store.reading() as look:
            if not await PostRows(look).due(self._core.now()):
                return []  # most looks find none, and a change is synced to the disk
        return await self._core.changes.whole(self._close_due())

    async def _close_due(self) -> list[Shown]:
        shown = []
        async with self._core.store.writing() as change:
            for duel in await PostRows(change).due(self._core.now()):
                record, post = await DuelRows(change).duel(duel), await PostRows(change).of(duel)
                record, post = await close_vote(change, record, post, self._core.now(), by="deadline", closer=None)
                shown.append(Shown(show(record, ""), post))
        for each in shown:
            self._core.running.signals.of(each.view.id).wake()
        return shown

    async def guess(self, duel: str, voter: str, guess: Guess) -> None:
        """Keep which side the voter takes for the other technique. Raises BallotRefused once it is known."""
        async with self._core.store.writing() as change:
            record = await DuelRows(change).duel(duel)
            if record.state != "open":
                raise BallotRefused("The vote has closed and everybody can see which was which; your guess is not counted.")
            await _put_guess(change, record, voter, guess, self._core.now())

    def asks_before(self, view: DuelView, voter: str) -> Arm | None:
        """Pick the technique that a voter is asked to find before their ballot, as it closes the vote and shows who was who.

        None: they are not asked, as most are not.
        """
        return view.asked_for if is_drawn(view.id, voter, self._blinding_share) else None


async def _put_guess(change: Transaction, duel: DuelRecord, voter: str, guess: Guess, now: datetime) -> None:
    entrant = None if guess.side is None else duel.seats[guess.side]
    await BallotRows(change).put_guess(duel.id, voter, entrant, now)


async def _refuse_stranger(look: Transaction, duel: DuelRecord, voter: str) -> None:
    """Raise BallotRefused for a second ballot where one is enough, and without a name where several people vote outside of channels."""
    if duel.held and not is_held_by(duel, voter):
        raise BallotRefused("Somebody has just voted on this, and one vote closes it.")
    if duel.collects and not await BallotRows(look).name(voter):
        raise BallotRefused("Say who you are first: several people vote on this. Your name is shown to nobody before the vote has closed.")


def is_drawn(duel: str, voter: str, share: float) -> bool:
    """Whether this voter is among the share that is asked which side is which; the same after a restart. Pure."""
    return int.from_bytes(hashlib.sha256(f"{duel}/{voter}".encode()).digest()[:4], "big") / 2**32 < share


def with_ballot(duel: DuelRecord, vote: Ballot) -> DuelRecord:
    """Give the duel a ballot more, in place of the voter's earlier one. Pure."""
    return replace(duel, ballots=(*(each for each in duel.ballots if each.voter != vote.voter), vote))


def refuse_late(duel: DuelRecord, voter: str, choice: Choice) -> None:
    """Raise BallotRefused for a ballot on a duel that is not open. The same choice again is no error: a click may arrive twice. Pure."""
    own = next((choice_of(cast, duel.seats) for cast in duel.ballots if cast.voter == voter), None)
    if duel.state != "closed" or own is not choice:
        raise refusal(duel)


def refusal(duel: DuelRecord) -> BallotRefused:
    """Say why a duel takes no ballots. Pure."""
    match duel.state:
        case "answering":
            return BallotRefused("Both answers must be complete before anybody can vote.")
        case "void":
            return BallotRefused("This duel is void and takes no ballots. Ask the request again.")
        case _ if duel.identical:
            return BallotRefused("Both answers were the same, so this duel was closed without a vote.")
        case _:
            return BallotRefused("The vote on this duel has closed; nothing was changed.")
