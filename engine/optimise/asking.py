"""Rows asked with recipes within a budget: none twice, several at once, each answer stopped as soon as its score is certain.

Where the backend can tell, rows are looked at instead: how likely the wanted answer is. Nothing is written then.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from engine.backends.base import Backend, LikelihoodBackend, Prompt, Stop, Usage
from engine.contestants import Adapter
from engine.cost import Price, account
from engine.duel import Answer, Failure, answer, seed_of
from engine.errors import BackendError, BadRequest, SettingsError
from engine.metrics import normal
from engine.optimise.budget import SPARE_S, Budget, Outlay
from engine.optimise.journal import How, Journal, Key, Noted, row_digest
from engine.optimise.looking import SOFT, chance_of, target_of
from engine.recipes import Recipe
from engine.request import Request
from engine.rows import Row
from engine.scoring import Metric, json_table

LASTING = ("too_long", "timeout")  # failures of one answer that count as a wrong one; any other ends the search


@dataclass(frozen=True, slots=True)
class Engine:
    """What answers: the backend, the price of its answers, and how many of them are written at once."""

    backend: Backend
    price: Price
    at_once: int = 8
    limit_s: float = 120.0
    adapter: Adapter | None = None


def decided(metric: Metric, references: Sequence[str]) -> Callable[[str], bool]:
    """Make the test by which an answer's score against these references is certain before its end.

    The line that a metric looks at is there; or the answer's words are no longer the beginning of any reference; or it is far longer
    than all of them.
    """
    longest = max(map(len, references))
    if metric.name == "f1":
        return lambda text: False
    if line_name := metric.line:
        start = line_name.casefold()

        def told(text: str) -> bool:
            return any(line.strip().casefold().startswith(start) for line in text.split("\n")[:-1]) or len(text) > 4 * longest

        return told
    wanted = [normal(reference) for reference in references]
    tables = [json_table(reference) for reference in references]
    ordered = metric.name == "exact" or all(table is not None and len(table) <= 2 for table in tables)

    def gone(text: str) -> bool:
        words = normal(text)[:-1]  # the last one may go on
        if len(text.strip()) > 2 * longest + 16:  # a code fence and blanks are allowed for
            return True
        beginnings = [words[0:1] == each[0:1] for each in wanted]
        settled = metric.name == "exact" or all(beginnings)  # JSON may begin with a fence or with another key
        return ordered and bool(words) and settled and not any(words == each[: len(words)] for each in wanted)

    return gone


class Asker:
    """Asks and remembers. What was asked is counted in the order of the search, also where the journal has the answer."""

    def __init__(self, engine: Engine, journal: Journal, metric: Metric, stop: Stop, tell: Callable[[], None]) -> None:
        self.outlay = Outlay()
        self.asked = 0  # answers of this sitting
        self._engine, self._journal, self._metric, self._stop, self._tell = engine, journal, metric, stop, tell
        self._began = monotonic()
        self._sizes: dict[Key, int] = {}
        self._digests: dict[int, tuple[Recipe, str]] = {}  # by id of the recipe, which is kept with it
        self._counted: set[Key] = set()

    @property
    def seconds(self) -> float:
        """Seconds since the start, those of earlier sittings included."""
        return self._journal.before_s + monotonic() - self._began

    def lookable(self, rows: Sequence[Row]) -> list[Row]:
        """Find the rows of which it can be told how likely their answers are: by the backend, and for the metric."""
        return [row for row in rows if target_of(self._metric, row)] if isinstance(self._engine.backend, LikelihoodBackend) else []

    def check_price(self, budget: Budget) -> None:
        """Raise SettingsError for a limit in dollars where no price is known."""
        price = self._engine.price
        if budget.usd is not None and price.tokens is None and price.usd_per_hour is None:
            raise SettingsError("A limit in dollars needs a price: set DUEL_DEVICE_USD_PER_HOUR or DUEL_TOKEN_PRICES.")

    def said(self, recipe: Recipe, row: Row) -> str:
        """Find what a recipe has answered to a row, as far as it was awaited; "" where it was not asked."""
        found = self._journal.find(self._digest(recipe), row_digest(row), "part")
        return found.text if found else ""

    async def ask(self, pairs: Sequence[tuple[Recipe, Row]], budget: Budget, how: How = "part") -> list[float]:
        """Score these rows under these recipes, in order: all of them, or as many as the budget has room for.

        how: "whole", and every answer is awaited to its end; "part", and it is stopped when its score is certain; "look", and the score is
        the chance of the wanted answer.
        """
        scores = list[float]()
        at_once = self._engine.at_once
        while len(scores) < len(pairs):
            rest = pairs[len(scores) :]
            sizes = [await self._most_tokens(*pair, how) if _counts_tokens(budget, self._engine.price) else 0 for pair in rest]
            fitting = self._fitting(sizes, budget, look=how == "look")
            if not fitting or self._stop.raised:
                break
            piece = rest if fitting == len(rest) else rest[: min(fitting, at_once)]
            found = await self._scored(piece, budget, how)
            scores += found
            if len(found) < len(piece):
                break
        return scores

    def _fitting(self, sizes: Sequence[int], budget: Budget, *, look: bool) -> int:
        """How many of the next answers fit, each at the most tokens that it may have."""
        outlay, fitting = self.outlay, 0
        for size in sizes:
            outlay = outlay.plus(size, self._most_usd(size), look=look)
            if not outlay.fits(budget):
                break
            fitting += 1
        return fitting

    def _most_usd(self, tokens: int) -> float:
        prices = self._engine.price.tokens
        if prices is None:
            return 0.0
        each = prices.adapted if self._engine.adapter else prices.base
        return tokens * max(each.input_usd, each.cached_usd, each.output_usd) / 1e6

    async def _most_tokens(self, recipe: Recipe, row: Row, how: How) -> int:
        key: Key = (self._digest(recipe), row_digest(row), how)
        if key not in self._sizes:
            read = await self._engine.backend.encoded(self._prompt(recipe, row))
            most = len(row.references[0].encode()) + 2 if how == "look" else recipe.sampling.max_new_tokens  # a token has a byte at least
            self._sizes[key] = len(read) + most
        return self._sizes[key]

    def _digest(self, recipe: Recipe) -> str:
        """Its digest, computed once."""
        if id(recipe) not in self._digests:
            self._digests[id(recipe)] = recipe, recipe.digest
        return self._digests[id(recipe)][1]

    def _prompt(self, recipe: Recipe, row: Row) -> Prompt:
        """Build what is asked. Raises SettingsError for a row that no recipe can ask."""
        seed = seed_of(row_digest(row), "optimise")
        try:
            messages = recipe.messages(Request.of(row.text, row.history))
        except BadRequest as error:
            raise SettingsError(f"Line {row.line:,} cannot be asked. {error.words}") from error
        return Prompt(messages, recipe.sampling, self._engine.adapter, seed, recipe.chat_template)

    async def _scored(self, pairs: Sequence[tuple[Recipe, Row]], budget: Budget, how: How) -> list[float]:
        """Ask all of them, `at_once` at a time. Returns the scores of those before the first that time did not reach."""
        # Prompts are read one after the other in any case; alone, a recipe's first row leaves its beginning to the others.
        places, stop = asyncio.Semaphore(1 if how == "look" else self._engine.at_once), Stop(self._stop)
        clock = asyncio.get_running_loop().call_later(left, stop.raise_) if (left := self._left_s(budget)) is not None else None

        async def one(recipe: Recipe, row: Row) -> Noted | None:
            if found := self._journal.find(self._digest(recipe), row_digest(row), how):
                return found
            async with places:
                if stop.raised:
                    return None
                return await (self._look(recipe, row, stop) if how == "look" else self._answer(recipe, row, stop, whole=how == "whole"))

        try:
            noted = await asyncio.gather(*(one(*pair) for pair in pairs))
        finally:
            if clock is not None:
                clock.cancel()
        scores = list[float]()
        for each in noted:
            if each is not None and each.key not in self._counted:
                self._counted.add(each.key)
                self.outlay = self.outlay.plus(each.tokens, each.usd, look=each.chance is not None)
        for each, (_, row) in zip(noted, pairs, strict=True):
            if each is None:
                break  # what comes behind is noted, and counts when it is asked for
            scores.append(self._score(each, row))
        return scores

    def _score(self, noted: Noted, row: Row) -> float:
        if noted.chance is not None:
            return noted.chance
        return 0.0 if noted.failure else self._metric.score(noted.text, row.references)

    def _left_s(self, budget: Budget) -> float | None:
        """Seconds that answers may still take: the engine's time of all rows together is never more than that of the clock."""
        limits = []
        if budget.minutes is not None:
            limits.append(budget.minutes * 60 - self.seconds)
        if budget.usd is not None and self._engine.price.tokens is None and self._engine.price.usd_per_hour:
            limits.append((budget.usd - self.outlay.usd) / self._engine.price.usd_per_hour * 3600)
        return max(0.0, min(limits) - SPARE_S) if limits else None

    async def _answer(self, recipe: Recipe, row: Row, stop: Stop, *, whole: bool) -> Noted | None:
        """Answer one row, and note it. None when it was stopped from outside: then nothing of it is kept."""
        own, pieces, known = Stop(stop), list[str](), decided(self._metric, row.references)

        def hear(piece: str) -> None:
            pieces.append(piece)
            if not whole and known("".join(pieces)):
                own.raise_()

        prompt, price = self._prompt(recipe, row), self._engine.price
        outcome = await answer(prompt, self._engine.backend, price, limit_s=self._engine.limit_s, stop=own, hear=hear)
        certain = not whole and known("".join(pieces))
        if isinstance(outcome, Answer) and outcome.finish == "stopped" and not certain:
            self.outlay = self.outlay.plus(*self._spent(outcome.usage))
            return None
        if isinstance(outcome, Failure) and outcome.kind not in LASTING:
            raise BackendError(outcome.kind, outcome.words)
        text, failure = (outcome.text, "") if isinstance(outcome, Answer) else ("", outcome.kind)
        ended = not (isinstance(outcome, Answer) and outcome.finish == "stopped")
        spent = self._spent(outcome.usage)
        return self._note(Noted(self._digest(recipe), row_digest(row), ended, text, failure, *spent, self.seconds))

    async def _look(self, recipe: Recipe, row: Row, stop: Stop) -> Noted | None:
        """Ask how likely a row's answer is, and note it. None when it was stopped from outside: then nothing of it is kept."""
        backend, target, own = self._engine.backend, target_of(self._metric, row), Stop(stop)
        assert isinstance(backend, LikelihoodBackend) and target is not None, "lookable says so"
        clock = asyncio.get_running_loop().call_later(self._engine.limit_s, own.raise_)
        text, given, ends, heat = target.text, target.given, target.ends, recipe.sampling.temperature or SOFT
        told, failure = None, ""
        try:
            told = await backend.likelihood(self._prompt(recipe, row), text, own, given=given, ends=ends, temperature=heat)
            failure = "timeout" if told.stopped else ""
        except BackendError as error:
            if error.kind not in LASTING:
                raise
            failure = error.kind
        finally:
            clock.cancel()
        spent = self._spent(told.usage if told else None)
        if failure == "timeout" and stop.raised:
            self.outlay = self.outlay.plus(*spent, look=True)
            return None
        chance = 0.0 if told is None or failure else chance_of(told, greedy=recipe.sampling.temperature == 0)
        return self._note(Noted(self._digest(recipe), row_digest(row), True, "", failure, *spent, self.seconds, chance))

    def _spent(self, usage: Usage | None) -> tuple[int, float]:
        """Count tokens and US dollars; 0 where no price is known."""
        if usage is None:
            return 0, 0.0
        cost = account(usage, self._engine.price, adapted=self._engine.adapter is not None)
        return usage.prompt_tokens + usage.new_tokens, cost.usd or 0.0

    def _note(self, noted: Noted) -> Noted:
        self._journal.note(noted)
        self.asked += 1
        self._tell()
        return noted


def _counts_tokens(budget: Budget, price: Price) -> bool:
    return budget.tokens is not None or (budget.usd is not None and price.tokens is not None)
