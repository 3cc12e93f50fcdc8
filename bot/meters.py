"""Figures for whoever runs Duelbot, in the form that Prometheus reads. None of them tells two sides apart, and none holds a text.

They count from the start of the process. What is counted of duels that are open does not name an arm: who reads it may vote as well.
"""

from collections.abc import Callable, Iterable
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from engine.cost import Cost
from engine.duel import Answer, Failure
from engine.errors import DuelbotError

TYPE = "text/plain; version=0.0.4; charset=utf-8"  # of what `text` writes, as Prometheus names it
WORDS_S = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)  # bounds of waits for answers, in seconds
STORE_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)  # bounds of transactions, in seconds
What = Literal["duel", "half", "rematch", "preview", "replay"]  # what an answer is for
Kind = Literal["read", "write"]  # of a transaction


class Meters:
    """Counters, gauges and histograms of one app. Its methods are called in the app's event loop."""

    def __init__(self) -> None:
        self._all, self._followed = CollectorRegistry(), dict[str, Gauge]()
        ProcessCollector(registry=self._all)  # memory, processor time and open files, where the system tells them
        self._duels = self._counter("duelbot_duels", "Duels that have ended, by the state that they came into.", "state")
        self._answers = self._counter("duelbot_answers", "Answers, by what they are for and how they ended.", "what", "end")
        self._ballots = self._counter("duelbot_ballots", "Ballots that were taken, changed ones as well.")
        self._tokens = self._counter("duelbot_tokens", "Tokens of answers: prompts (cached ones as well), cached, new.", "kind")
        self._usd = self._counter("duelbot_cost_usd", "What answers have cost in US dollars, where that is known.", "basis")
        self._refusals = self._counter("duelbot_refusals", "Requests and ballots that were refused, by the kind of error.", "why")
        self._discord = self._counter("duelbot_discord_responses", "Discord's answers to the bot's requests, by status.", "status")
        self._limits = self._counter("duelbot_discord_rate_limits", "Answers 429 of Discord.")
        self._lost = self._counter("duelbot_store_failures", "Transactions that the disk or the file refused.", "kind")
        self._queued = self._histogram("duelbot_queue_seconds", "From sending an answer's prompt to a place in the batch.", WORDS_S)
        self._first = self._histogram("duelbot_first_word_seconds", "From sending an answer's prompt to its first token.", WORDS_S)
        self._total = self._histogram("duelbot_answer_seconds", "From sending an answer's prompt to its last token.", WORDS_S)
        self._store = Histogram(
            "duelbot_store_seconds", "A transaction, the wait for its turn included.", ["kind"], registry=self._all, buckets=STORE_S
        )

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, labels, registry=self._all)

    def _histogram(self, name: str, meaning: str, bounds: tuple[float, ...]) -> Histogram:
        return Histogram(name, meaning, registry=self._all, buckets=bounds)

    def follow(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """Read a gauge whenever somebody looks; of two that are followed under one name the later one counts."""
        if name not in self._followed:
            self._followed[name] = Gauge(f"duelbot_{name}", meaning, registry=self._all)
        self._followed[name].set_function(value)

    def ended(self, state: str) -> None:
        """Count a duel that has ended."""
        self._duels.labels(state).inc()

    def answered(self, outcomes: Iterable[Answer | Failure], what: What) -> None:
        """Count answers with their times, tokens and cost; of failed ones what they took."""
        for outcome in outcomes:
            self._answers.labels(what, outcome.finish if isinstance(outcome, Answer) else outcome.kind).inc()
            if usage := outcome.usage:
                for kind, tokens in (
                    ("prompt", usage.prompt_tokens),
                    ("cached", usage.cached_prompt_tokens),
                    ("new", usage.new_tokens),
                ):
                    self._tokens.labels(kind).inc(tokens)
                self._queued.observe(usage.queued_s)
            if outcome.cost:
                self._spent(outcome.cost)
            if isinstance(outcome, Answer) and outcome.finish != "stopped":
                self._first.observe(outcome.usage.queued_s + outcome.usage.first_token_s)
                self._total.observe(outcome.usage.queued_s + outcome.usage.total_s)

    def _spent(self, cost: Cost) -> None:
        if cost.usd is not None:
            self._usd.labels(cost.basis).inc(cost.usd)

    def voted(self) -> None:
        """Count a ballot."""
        self._ballots.inc()

    def refused(self, error: DuelbotError) -> None:
        """Count a refusal by its kind; its words may repeat what somebody typed."""
        self._refusals.labels(type(error).__name__).inc()

    def discord_said(self, status: int) -> None:
        """Count an answer of Discord."""
        self._discord.labels(str(status)).inc()
        if status == 429:
            self._limits.inc()

    def stored(self, kind: Kind, took_s: float, *, failed: bool) -> None:
        """Count a transaction."""
        self._store.labels(kind).observe(took_s)
        if failed:
            self._lost.labels(kind).inc()

    def text(self) -> bytes:
        """Write all figures as Prometheus reads them."""
        return bytes(generate_latest(self._all))
