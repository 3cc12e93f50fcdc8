"""The app: the few coroutines that fronts call. A front renders what they return and holds no rule itself."""

import asyncio
import random
import secrets
import tomllib
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from bot.app.agreed import keys_of, next_step, ships
from bot.app.blind import show
from bot.app.budget import Budget, Spending
from bot.app.ending import DIED, STILL_OPEN, STOPPED, closed, go_on_early, turns_of, who
from bot.app.evidence import Evidence, LeaderBoard
from bot.app.model import Model, OpenLineup
from bot.app.pictures import Pictures, lines_of
from bot.app.replays import Idle
from bot.app.running import Runner
from bot.ballots import Choice, ballot, choice_of, is_full
from bot.charts import Chart, Form, Line, Picture, Theme
from bot.errors import BallotRefused, StoreError
from bot.evidence.units import request_key
from bot.settings import Settings
from bot.store import DuelRecord, Store, Transaction
from bot.store.evidence import EvidenceRows
from bot.tags import Rules, checked_tag, read_rules
from bot.verdict import Unknown, Verdict, Who, ordered
from bot.views import DuelSummary, DuelView, ModelState
from engine.cost import Estimate
from engine.cost import estimate as estimate_from
from engine.errors import BadRequest, DuelbotError
from engine.lineup import open_lineup as open_engine
from engine.request import Request, Turn

EXAMPLES = Path(__file__).parents[1] / "examples.toml"
ESTIMATE_DUELS = 50
T = TypeVar("T")
Within = Callable[[Transaction, DuelRecord], Awaitable[None]]


def utc_now() -> datetime:
    return datetime.now(UTC)


class App:
    """One store, one model, any number of people. Lives in one event loop; get one from `App.open`."""

    def __init__(
        self,
        store: Store,
        model: Model,
        runner: Runner,
        now: Callable[[], datetime],
        rng: random.Random,
        *,
        evidence: Evidence,
        budget: Budget,
        rules: Rules,
        shipped: bool,
    ) -> None:
        self._store = store
        self._evidence = evidence
        self._budget = budget
        self._rules = rules
        self._pictures = Pictures()
        self._model = model
        self._runner = runner
        self._now = now
        self._rng = rng
        self._shipped = shipped  # the pair that ships meets, whose examples differ
        self._changing: set[asyncio.Task[Any]] = set()
        self.examples: tuple[str, ...] = tuple(tomllib.loads(EXAMPLES.read_text(encoding="utf-8"))["examples"])

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        open_lineup: OpenLineup | None = None,
        *,
        now: Callable[[], datetime] = utc_now,
        rng: random.Random | None = None,
    ) -> AsyncGenerator["App", None]:
        """Open the store at once and load the model in the background. Raises StoreError, SettingsError.

        On leaving, running duels are stopped and kept as far as they went, then model and store are closed.
        """
        rules = read_rules(settings.team.tag_rules)
        store = await Store.open(settings.store.file)
        try:
            async with store.writing() as change:
                await change.void_unfinished(DIED)
            evidence, budget = Evidence(store, settings, now), Budget(settings.limits, now)
            model = Model(settings.engine.base_model, open_lineup or partial(open_engine, settings.engine))
            runner = Runner(store, model, settings.engine.answer_limit_s, now)
            coin, shipped = rng or random.SystemRandom(), ships(settings.engine)
            app = cls(store, model, runner, now, coin, evidence=evidence, budget=budget, rules=rules, shipped=shipped)
            idle = asyncio.create_task(Idle(store, model, runner, settings, now).run())
            try:
                yield app
            finally:
                idle.cancel()
                await asyncio.gather(idle, return_exceptions=True)
                await app._leave()
        finally:
            await store.aclose()

    async def _leave(self) -> None:
        try:
            self._runner.leaving.set()
            await asyncio.gather(*self._changing, return_exceptions=True)
            await self._runner.leave()
        finally:
            await self._model.aclose()

    async def _whole(self, change: Coroutine[Any, Any, T]) -> T:
        """A change that goes to its end even if its caller is cancelled: what is stored is also started and told to watchers."""
        if self._runner.leaving.is_set():
            change.close()
            raise DuelbotError("Duelbot is being stopped. Start it again, then do this again.")
        task = asyncio.create_task(change)
        self._changing.add(task)
        task.add_done_callback(self._changing.discard)
        return await asyncio.shield(task)

    @property
    def model(self) -> ModelState:
        return self._model.state

    async def model_settled(self) -> ModelState:
        """Waits until loading has ended, ready or failed."""
        return await self._model.settled()

    # --- asking and answering

    async def ask(
        self,
        text: str,
        *,
        asker: str,
        conversation: str | None = None,
        quorum: int | None = 1,
        before: tuple[Turn, ...] = (),
        within: Within | None = None,
        tag: str = "",
    ) -> DuelView:
        """Store the duel, start it, return at once. No conversation: a new one begins. quorum None: the vote is closed by hand.

        before: what was said before the conversation's first request. within: what else to store with the duel, all or nothing.
        tag: what the request is about, in a word; without one the team's rules guess it.
        Raises BadRequest, UnknownDuel, StoreError, and DuelbotError when the model could not be loaded.
        """
        checked = Request.of(text).text
        said = checked_tag(tag)
        if quorum is not None and quorum < 1:
            raise BadRequest(f"A vote closes by one ballot or more; {quorum} is no such number.")
        if self.model.state == "failed":
            raise DuelbotError(self.model.words)
        guessed = "" if said or not self._rules.rules else await asyncio.to_thread(self._rules.guess, checked)
        tags = (said or guessed, not said)
        return await self._whole(self._ask(checked, asker, conversation, quorum, before=before, within=within, tag=tags))

    async def _ask(
        self,
        request: str,
        asker: str,
        conversation: str | None,
        quorum: int | None,
        *,
        before: tuple[Turn, ...],
        within: Within | None,
        tag: tuple[str, bool],
    ) -> DuelView:
        """tag: the word or "", and whether a rule found it."""
        async with self._store.writing() as change:
            earlier, note = await self._settle(change, await change.conversation(conversation) if conversation else [])
            history = before + turns_of(earlier)
            key = request_key(request, history)
            duel = DuelRecord(
                id=secrets.token_hex(16),
                conversation=earlier[0].conversation if earlier else secrets.token_hex(16),
                turn=len(earlier) + 1,
                asker=asker,
                request=request,
                asked_at=self._now(),
                left=1 if self._rng.random() < 0.5 else 0,
                quorum=quorum,
                note=note,
                request_key=key,
                repeats=await change.first_asked(key),
            )
            if not earlier:
                await change.start_conversation(duel.conversation, duel.asked_at)
            await change.add(duel)
            book = EvidenceRows(change)
            if tag[0]:
                await book.tag(duel.id, tag[0], by_rule=tag[1])
            if within:
                await within(change, duel)
            await self._budget.check(book, duel.id)
        if earlier:
            self._runner.signal(earlier[-1].id).wake()
        return show(duel, asker, self._runner.start(duel, history))

    async def _settle(self, change: Transaction, earlier: list[DuelRecord]) -> tuple[list[DuelRecord], str]:
        """Fix whose answers the conversation goes on with; the note says so where no vote did."""
        if any(before.state == "answering" for before in earlier):
            raise BadRequest("The request before this one is still being answered. Wait for both answers or stop it, then ask again.")
        undecided = {before.id for before in earlier if before.state == "open" and before.carried is None}
        settled = [go_on_early(before) if before.id in undecided else before for before in earlier]
        for before in settled:
            if before.id in undecided:
                await change.save(before)
        return settled, STILL_OPEN if undecided else ""

    async def stop(self, duel_id: str, because: str = STOPPED) -> None:
        """Stop both sides at the same length; the duel becomes void and keeps its texts. One that has ended stays as it is."""
        if not await self._runner.stop(duel_id, because):
            async with self._store.reading() as look:
                await look.duel(duel_id)

    # --- looking

    async def view(self, duel_id: str, viewer: str) -> DuelView:
        """Raises UnknownDuel."""
        if progress := self._runner.progress(duel_id):
            return show(progress.duel, viewer, progress)
        async with self._store.reading() as look:
            return await self._seen(look, await look.duel(duel_id), viewer)

    async def _seen(self, look: Transaction, duel: DuelRecord, viewer: str, talk: Sequence[DuelRecord] = ()) -> DuelView:
        """A stored duel for this viewer; under equal answers with what to ask next."""
        if not duel.identical:
            return show(duel, viewer)
        examples = self.examples if self._shipped else ()
        asked, differed = await look.asked_before(duel.id, list(keys_of(examples))), await look.differed_before(duel.id)
        talk = talk or await look.conversation(duel.conversation)
        return show(duel, viewer, step=next_step(duel, talk, examples, asked=asked, differed=differed))

    async def watch(self, duel_id: str, viewer: str) -> AsyncGenerator[DuelView, None]:
        """The present view, then every change (the latest wins), until the duel is closed or void or the app is left."""
        signal, last = self._runner.signal(duel_id), None
        while True:
            changed = signal.event
            try:
                view = await self.view(duel_id, viewer)
            except StoreError:
                if self._runner.leaving.is_set():
                    return
                raise
            if view != last:
                yield view
                last = view
            if view.state in ("closed", "void") or self._runner.leaving.is_set():
                return
            await changed.wait()

    async def conversation(self, conversation_id: str, viewer: str) -> list[DuelView]:
        """All its duels, in order. Raises UnknownDuel."""
        async with self._store.reading() as look:
            duels = await look.conversation(conversation_id)
            seen = [await self._seen(look, duel, viewer, duels) for duel in duels]
        running = {duel.id: progress for duel in duels if duel.state == "answering" and (progress := self._runner.progress(duel.id))}
        return [show(running[view.id].duel, viewer, running[view.id]) if view.id in running else view for view in seen]

    async def history(self, *, limit: int = 50, before: datetime | None = None, search: str = "") -> list[DuelSummary]:
        """Duels of everybody, newest first; `search` is found in requests, whatever its case."""
        async with self._store.reading() as look:
            return await look.history(limit, before, search.strip())

    # --- voting

    async def cast(self, duel_id: str, voter: str, choice: Choice) -> DuelView:
        """Cast or change one's ballot; when this returns it is on the disk. Raises BallotRefused, UnknownDuel, StoreError."""
        return await self._whole(self._cast(duel_id, voter, choice))

    async def _cast(self, duel_id: str, voter: str, choice: Choice) -> DuelView:
        async with self._store.writing() as change:
            duel = await change.duel(duel_id)
            if duel.state != "open":
                return _late(duel, voter, choice)
            await change.put_ballot(ballot(duel_id, voter, choice, duel.seats, self._now()))
            duel = await change.duel(duel_id)
            if is_full(len(duel.ballots), duel.quorum):
                duel = closed(duel, await change.next_closing(), self._now(), "quorum")
                await change.save(duel)
        self._runner.signal(duel_id).wake()
        return show(duel, voter)

    async def close(self, duel_id: str, by: Literal["hand", "deadline"] = "hand") -> DuelView:
        """Close the vote now, with the ballots there are; a closed one stays as it is. Raises BallotRefused, UnknownDuel, StoreError.

        What is closed by hand is revealed and is no evidence: whoever closes when they like what they see decides what counts.
        """
        return await self._whole(self._close(duel_id, by))

    async def _close(self, duel_id: str, by: Literal["hand", "deadline"]) -> DuelView:
        async with self._store.writing() as change:
            duel = await change.duel(duel_id)
            if duel.state in ("answering", "void"):
                raise _refusal(duel)
            if duel.state == "open":
                duel = closed(duel, await change.next_closing(), self._now(), by)
                await change.save(duel)
            view = await self._seen(change, duel, viewer="")
        self._runner.signal(duel_id).wake()
        return view

    # --- over many duels

    async def estimate(self) -> Estimate | None:
        """What a duel of the pair that meets now will probably take. None: no history yet, or the model is not loaded."""
        if (lineup := self._model.lineup) is None:
            return None
        async with self._store.reading() as look:
            return estimate_from(await look.spent([entrant.id for entrant in lineup.entrants], ESTIMATE_DUELS))

    async def verdict(
        self,
        pair: tuple[Who, Who] | None = None,
        *,
        team: str | None = None,
        tag: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Verdict | Unknown:
        """What to do, as of now, with its evidence; for the pair that meets now, over all its duels, unless told otherwise.

        A scope that was never asked for is read from its first duel; from then on a look costs what has closed since.
        """
        if (pair := pair or self.pair()) is None:
            failed = self.model.state == "failed"
            return Unknown("No standing: the model could not be loaded." if failed else "The standing is known once the model is loaded.")
        scope = self._evidence.scope(pair, team=team, tag=tag, since=since, until=until)
        return await self._evidence.verdict(scope, pair)

    def pair(self) -> tuple[Who, Who] | None:
        """The contestants that meet now, in the order of evidence; None while the model is not loaded."""
        lineup = self._model.lineup
        return ordered([who(entrant) for entrant in lineup.entrants]) if lineup else None

    async def pairs(self) -> list[tuple[Who, Who, int]]:
        """Pairs that closed duels, with how many; the latest first."""
        return await self._evidence.pairs()

    async def spending(self, team: str | None = None) -> Spending:
        """What a team's answers cost in a day and in a month, with its caps; None: page, terminal and direct messages."""
        async with self._store.reading() as look:
            return await self._budget.spending(EvidenceRows(look), team)

    async def tags(self) -> list[str]:
        """Tags in use, the most frequent first."""
        async with self._store.reading() as look:
            return await EvidenceRows(look).tags()

    async def picture(self, chart: Chart, verdict: Verdict, theme: Theme = "light", form: Form = "svg") -> Picture:
        """A picture of this verdict, drawn off the event loop and kept until something changes."""
        lines = await self.board_lines() if chart is Chart.BOARD else ()
        return await self._pictures.of(chart, verdict, theme, form, lines)

    async def board_lines(self) -> tuple[Line, ...]:
        """The leader board for people."""
        return lines_of(await self.board())

    async def board(self) -> LeaderBoard:
        """All contestants that met, compared together."""
        return await self._evidence.board()


def _late(duel: DuelRecord, voter: str, choice: Choice) -> DuelView:
    """A ballot on a duel that is not open. The same choice again on a closed one is no error: a click may arrive twice."""
    own = next((choice_of(cast, duel.seats) for cast in duel.ballots if cast.voter == voter), None)
    if duel.state == "closed" and own is choice:
        return show(duel, voter)
    raise _refusal(duel)


def _refusal(duel: DuelRecord) -> BallotRefused:
    match duel.state:
        case "answering":
            return BallotRefused("Both answers must be complete before anybody can vote.")
        case "void":
            return BallotRefused("This duel is void and takes no ballots. Ask the request again.")
        case _ if duel.identical:
            return BallotRefused("Both answers were the same, so this duel was closed without a vote.")
        case _:
            return BallotRefused("The vote on this duel has closed; nothing was changed.")
