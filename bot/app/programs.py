"""Programs: they ask with a key and get one answer at once, the winner's or that of one side of a duel whose votes come later."""

import hashlib
import secrets
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from bot.app.asking import Asking
from bot.app.choices import Choices
from bot.app.core import Core
from bot.app.ending import who
from bot.app.orders import Order
from bot.app.progress import Progress
from bot.settings import ApiSettings
from bot.store import Store
from bot.store.duels import DuelRows
from bot.store.keys import KeyRows
from bot.store.records import AnswerRecord, DuelRecord
from bot.views import ProgramKey
from bot.who import Who
from engine.backends.base import Finish, Usage
from engine.cost import Cost
from engine.errors import BadRequest
from engine.request import Turn

CLOSED = "The program closed its stream."
LONGEST_NAME = 80  # characters


@dataclass(frozen=True, slots=True)
class ProgramAnswer:
    """What a program gets at the end."""

    turn: str  # id, under which the request is kept
    text: str
    finish: Finish
    usage: Usage
    cost: Cost | None
    alone: Who | None  # who answered, of a turn that is no duel; None: it is half a duel, and nobody is told before the vote has closed


@dataclass(frozen=True, slots=True)
class ProgramFailure:
    """Why a program gets no answer."""

    turn: str
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class ProgramTurn:
    """A request of a program that is being answered."""

    id: str  # under which the request is kept
    progress: Progress | None  # None: it had ended before anybody could look
    alone: bool  # it is no duel: one contestant answers, and no vote is collected


class Programs:
    """Asks for programs, and reads their answers as they are written."""

    def __init__(self, core: Core, asking: Asking, choices: Choices, settings: ApiSettings) -> None:
        self._core, self._asking, self._choices = core, asking, choices
        self.keys = Keys(core.store, core.now, settings)

    async def contestants(self, key: ProgramKey) -> tuple[Who, ...]:
        """List who meets for the team of this key, each of whom can be asked alone; none where the model could not be loaded."""
        await self._core.model.settled()
        return tuple(who(each) for each in self._choices.meeting(key.team) or ())

    async def ask(self, key: ProgramKey, text: str, before: tuple[Turn, ...] = (), *, tag: str = "", only: str = "") -> ProgramTurn:
        """Begin to answer a program's request. only: contestant id of the one that answers alone; "": as the team's route says.

        Raises QueueFull, LimitMet, BudgetSpent and BadRequest; DuelbotError when the model could not be loaded; StoreError.
        """
        await self._core.model.settled()
        order = Order(text, key.asker, team=key.team or None, before=before, tag=tag, only=only, program=True)
        view = (await self._asking.ask(order)).view
        return ProgramTurn(view.id, self._core.running.progress(view.id), len(view.sides) == 1)

    async def pieces(self, turn: ProgramTurn) -> AsyncGenerator[str, None]:
        """Stream the text of the answer as it is written. Closing the stream before its end stops the answer and frees its row."""
        progress, sent = turn.progress, 0
        if progress is None:
            return
        [side] = progress.texts
        try:
            while True:
                changed = progress.signal.event
                if len(text := progress.texts[side]) > sent:
                    yield text[sent:]
                    sent = len(text)
                elif self._core.running.progress(turn.id) is None:
                    return
                else:
                    await changed.wait()
        finally:
            self.leave(turn)

    def leave(self, turn: ProgramTurn) -> None:
        """Stop an answer that nobody waits for any more; one that has ended stays as it is."""
        if turn.progress and self._core.running.progress(turn.id) is not None:
            turn.progress.halt(CLOSED)

    async def answer(self, turn: ProgramTurn) -> ProgramAnswer | ProgramFailure:
        """Read what came of a request whose stream has ended. Raises StoreError."""
        while turn.progress and self._core.running.progress(turn.id) is not None:
            await turn.progress.signal.event.wait()
        async with self._core.store.reading() as look:
            duel = await DuelRows(look).duel(turn.id)
        served = None if duel.served is None else duel.answers.get(duel.served)
        return _answer(duel, served)


def _answer(duel: DuelRecord, served: AnswerRecord | None) -> ProgramAnswer | ProgramFailure:
    if served is None or served.usage is None or served.finish is None:
        kind, words = (served.failure_kind, served.failure_words) if served else (None, None)
        return ProgramFailure(duel.id, kind or "server", words or duel.note or "There is no answer.")
    if served.finish == "stopped":
        return ProgramFailure(duel.id, "stopped", duel.note)
    alone = served.who if duel.kind == "single" else None
    return ProgramAnswer(duel.id, served.text, served.finish, served.usage, served.cost, alone)


class Keys:
    """Makes keys for programs, knows them again by their digest, and ends them."""

    def __init__(self, store: Store, now: Callable[[], datetime], settings: ApiSettings) -> None:
        self._store, self._now, self._settings = store, now, settings

    async def make(self, person: str, name: str, *, team: str = "", limits: "KeyLimits | None" = None) -> tuple[ProgramKey, str]:
        """Make a key. Returns it with its text, which is shown once and kept nowhere. Raises BadRequest, StoreError."""
        name = " ".join(name.split())
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise BadRequest(f"Name the program that the key is for, in at most {LONGEST_NAME} characters.")
        given, usual = limits or KeyLimits(), self._settings
        key = ProgramKey(
            id=secrets.token_hex(8),
            name=name,
            team=team,
            in_flight=given.in_flight or usual.key_in_flight,
            per_minute=given.per_minute or usual.key_per_minute,
            per_day=given.per_day or usual.key_per_day,
            usd_per_day=usual.key_usd_per_day if given.usd_per_day is None else given.usd_per_day,
            made_by=person,
            made_at=self._now(),
        )
        secret = f"duel-{secrets.token_urlsafe(32)}"
        async with self._store.writing() as change:
            if any(each.name == name for each in await KeyRows(change).all()):
                raise BadRequest(f"There is a key {name!r} already, or was one. Give this one another name.")
            await KeyRows(change).add(key, digest_of(secret))
        return key, secret

    async def known(self, secret: str) -> ProgramKey | None:
        """Find the key that somebody shows; None: it opens no door. Only digests are compared, so no time tells how near a guess is."""
        async with self._store.reading() as look:
            return await KeyRows(look).by_digest(digest_of(secret))

    async def all(self) -> list[ProgramKey]:
        """List all keys, the latest first."""
        async with self._store.reading() as look:
            return await KeyRows(look).all()

    async def end(self, person: str, name: str) -> ProgramKey:
        """End a key, for good. Raises BadRequest, StoreError."""
        async with self._store.writing() as change:
            key = next((each for each in await KeyRows(change).all() if name in (each.name, each.id)), None)
            if key is None or key.ended_at is not None:
                raise BadRequest(f"There is no key {name[:LONGEST_NAME]!r} that opens a door.")
            await KeyRows(change).end(key.id, person, self._now())
        return replace(key, ended_at=self._now())


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """How much a key may ask; 0 and None: as the settings say."""

    in_flight: int = 0  # requests at the same time
    per_minute: int = 0
    per_day: int = 0
    usd_per_day: float | None = None


def digest_of(secret: str) -> str:
    """Digest a key. It is random and long, so a plain SHA-256 cannot be guessed back."""
    return hashlib.sha256(secret.encode()).hexdigest()
