"""Previews: a recipe that is being edited tried out on the last real requests of its team, beside the version that answers now.

Nothing of it enters evidence: no duel is made, nobody votes, and a request on which a recipe was tried out is no evidence for that
recipe any more, for choices were made on it. Each answer counts to the limits and the budget of whoever asked, as a request does.
Only requests whose vote has closed are taken, so that no preview tells who is who in an open one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from bot.app.choices import Choices
from bot.app.core import Core
from bot.app.limits import Limits
from bot.app.orders import Order
from bot.app.past import past_request
from bot.app.teams import Teams
from bot.store.duels import DuelRows
from bot.store.previews import Previewed, PreviewRows
from bot.store.rematches import RematchRows
from bot.views import OUTSIDE
from engine.backends.base import Prompt, Stop
from engine.contestants import Contestant
from engine.cost import Cost
from engine.duel import Answer, Failure, answer_each, prompt_of, seed_of
from engine.errors import BadRequest
from engine.lineup import Lineup
from engine.placeholders import given_on
from engine.recipes import Recipe
from engine.request import Request

MOST = 3  # requests that are tried out at a time
Which = Literal["old", "new"]
SOME = (Request("?"), Request("Is 4711 a number, and 2087 another?"))  # two requests that have nothing in common


@dataclass(frozen=True, slots=True)
class Trial:
    """A request to try a recipe out on."""

    duel: str | None  # whose request it is; None: it was typed for this
    request: Request
    old: str | None = None  # the text that the live version gave then; None: it is asked anew


@dataclass(frozen=True, slots=True)
class Gauge:
    """The size of a recipe, counted by the model's own tokenizer. In tokens."""

    prompt_tokens: int  # with the request
    shared_tokens: int  # at the beginning, the same whatever is asked: read once and kept
    new_tokens: int  # that an answer may have
    context_tokens: int
    usd_per_1000: float | None = None  # of requests whose answers are as long as they may be; None: no price by tokens is set

    @property
    def room_tokens(self) -> int:
        """Tokens that a longer request or conversation may still have; below 0: this one has no room."""
        return self.context_tokens - self.new_tokens - self.prompt_tokens


class Previewing:
    """Answers requests with a recipe that nobody has saved."""

    def __init__(self, core: Core, teams: Teams, choices: Choices, limits: Limits, *, limit_s: float) -> None:
        """limit_s: seconds that one answer may take."""
        self._core, self._teams, self._choices, self._limits = core, teams, choices, limits
        self._limit_s = limit_s

    async def trials(self, team: str | None, most: int = MOST) -> tuple[Trial, ...]:
        """Find the last requests of a team whose votes have closed, each with what the live version has answered, if it did."""
        live = next((each for each in self._choices.meeting(team or OUTSIDE) or () if each.arm.engineered), None)
        async with self._core.store.reading() as look:
            found = []
            for duel in [await DuelRows(look).duel(each) for each in await RematchRows(look).past(team, most)]:
                given = [each.text for each in duel.answers.values() if live and each.who.id == live.id and each.finish]
                found.append(Trial(duel.id, await past_request(look, self._teams, duel), given[0] if given else None))
        return tuple(found)

    async def typed(self, text: str, team: str | None) -> Trial:
        """Make a request that somebody types to try out on. Raises BadRequest."""
        called = (await self._teams.settings(team)).called
        return Trial(None, Request.of(text, (), given_on(self._core.now(), called)))

    async def gauge(self, recipe: Recipe, request: Request) -> Gauge | None:
        """Count a recipe's tokens with this request; None while no model is loaded. Raises BackendError where its template refuses it."""
        if (lineup := self._core.model.lineup) is None:
            return None
        entrant = self._entrant(lineup, recipe)
        one, other, asked = [await lineup.backend.encoded(prompt_of(entrant, each, 0)) for each in (*SOME, request)]
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
        size = Gauge(len(asked), shared, recipe.sampling.max_new_tokens, lineup.kit.base.context_tokens)
        if lineup.price.tokens is None:
            return size
        price, cached = lineup.price.tokens.base, min(shared, len(asked))
        usd = (len(asked) - cached) * price.input_usd + cached * price.cached_usd + size.new_tokens * price.output_usd
        return Gauge(size.prompt_tokens, size.shared_tokens, size.new_tokens, size.context_tokens, usd / 1e6 * 1000)

    async def run(
        self, recipe: Recipe, trial: Trial, order: Order, hear: Callable[[Which, str], None], stop: Stop
    ) -> Mapping[Which, Answer | Failure]:
        """Answer one request with the draft, and with the live version where its answer is not known; pieces go to `hear`.

        order: who asks, and for which team. Raises QueueFull, BadRequest for a limit that is met or a model that is not there.
        """
        lineup = self._core.model.lineup
        if lineup is None:
            raise BadRequest("The model is still loading. A preview can be had once it is ready.")
        prompts: dict[Which, Prompt] = {"new": self._prompt(self._entrant(lineup, recipe), trial)}
        met = self._choices.meeting(self._choices.place(order.team, order.places))
        live = next((each for each in met or () if each.arm.engineered), None)
        if live and trial.old is None:
            prompts["old"] = self._prompt(live, trial)
        async with self._core.store.writing() as change:
            await self._limits.refuse(change, order, self._core.running.count, self._core.now())
            preview = Previewed(order.asker, order.team, recipe.name, trial.duel, trial.request.text)
            number = await PreviewRows(change).begin(preview, self._core.now())
        costs: list[Cost | None] = []
        try:
            outcomes = await answer_each(
                prompts, lineup.backend, lineup.price, limit_s=self._limit_s, stop=stop, hear=hear, owner=order.asker
            )
            self._core.meters.answered(outcomes.values(), "preview")
            costs = [outcome.cost for outcome in outcomes.values()]
        finally:
            async with self._core.store.writing() as change:
                await PreviewRows(change).end(number, spent(costs))
        return outcomes

    def _prompt(self, entrant: Contestant, trial: Trial) -> Prompt:
        return prompt_of(entrant, trial.request, seed_of(trial.duel or "preview", "preview"))

    def _entrant(self, lineup: Lineup, recipe: Recipe) -> Contestant:
        """Make the contestant that the draft would be; nobody ever meets it. Raises BadRequest where no arm takes a recipe."""
        arm = next((arm for arm in lineup.arms if arm.engineered), None)
        if arm is None:
            raise BadRequest("No side of the duel uses an engineered recipe now, so there is nothing to try out. DUEL_RECIPE names one.")
        return Contestant(arm, recipe, lineup.kit.adapter if arm.adapted else None, lineup.kit.base_of(arm))


def spent(costs: Sequence[Cost | None]) -> float | None:
    """Sum up what answers cost, in US dollars; None where nothing is known. Pure."""
    known = [cost.usd for cost in costs if cost and cost.usd is not None]
    return sum(known) if known else None
