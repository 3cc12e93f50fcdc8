"""The optimiser where it can be told how likely an answer is: what it compares, what it keeps, and what it spends."""

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from engine.backends.base import NOBODY, Likelihood, Party, Prompt, Stop
from engine.backends.openai.opening import open_server
from engine.backends.scripted import Script, ScriptedBackend
from engine.cost import Price
from engine.errors import BackendError
from engine.optimise.asking import Engine
from engine.optimise.budget import LOOKS_A_CALL, Budget
from engine.optimise.journal import NAME
from engine.optimise.looking import SOFT, Target, chance_of, target_of
from engine.optimise.race import ANSWERS, LOOKS, Candidate, falls_behind, leads, ranked
from engine.optimise.run import Optimisation, Optimised, SearchProgress, optimise
from engine.optimise.words import standing, trail_of
from engine.recipes import Recipe, Sampling
from engine.request import Request
from engine.rows import Row
from engine.scoring import Metric
from engine.settings import EngineSettings
from tests.engine.fake_server import BASE, KEY, fake_server
from tests.engine.test_optimise import FREE, PRICED, START, WANTED, digits, skilled, sorted_rows, words_of


@dataclass(frozen=True)
class Look:
    """What was looked at."""

    prompt: Prompt
    text: str
    temperature: float


class LookingBackend(ScriptedBackend):
    """Tells how likely texts are, by a function, beside its script."""

    def __init__(self, script: Callable[[Prompt], Script], chance: Callable[[Prompt], float], pause_s: float = 0.0) -> None:
        super().__init__(script)
        self._chance, self._pause_s = chance, pause_s
        self.looks: list[Look] = []

    async def likelihood(
        self, prompt: Prompt, text: str, stop: Stop, party: Party = NOBODY, *, given: str = "", ends: bool = True, temperature: float = 1.0
    ) -> Likelihood:
        self.looks.append(Look(prompt, text, temperature))
        await asyncio.sleep(self._pause_s)
        usage = replace(self._usage(prompt, len(text.split()), self._pause_s), busy_s=self._pause_s)
        chance = self._chance(prompt)
        return Likelihood((math.log(chance),), (math.log(chance / (1 - chance)),), usage, stop.raised)


def quality(prompt: Prompt) -> float:
    """How good a recipe is, from 0 to 1: the better, the more examples it shows and where the values are listed."""
    examples = sum(message.role == "assistant" for message in prompt.messages)
    return 0.1 + 0.02 * min(examples, 16) + 0.3 * ("one of" in prompt.messages[0].content)


def likely(prompt: Prompt) -> float:
    """Be likelier with a better recipe, and a little by chance."""
    return quality(prompt) / 20 * (0.5 + digits("".join(message.content for message in prompt.messages)) % 1000 / 1000)


def hopeless(prompt: Prompt) -> Script:
    """Be wrong on every row, whatever the recipe."""
    return Script(("nothing known",))


def right(prompt: Prompt) -> Script:
    """Be right on every row."""
    return Script((WANTED[prompt.messages[-1].content.removeprefix("Message: ").removesuffix("\nAnswer:")],))


def run(
    budget: Budget,
    script: Callable[[Prompt], Script] = skilled,
    chance: Callable[[Prompt], float] = likely,
    *,
    price: Price = FREE,
    folder: Path | None = None,
    stop_after: int | None = None,
    start: Recipe | None = START,
    seed: int = 0,
    most_test: int = 20,
    pause_s: float = 0.0,
    limit_s: float = 120.0,
) -> tuple[Optimised, LookingBackend]:
    backend, stop = LookingBackend(script, chance, pause_s), Stop()

    def tell(progress: SearchProgress) -> None:
        if stop_after is not None and len(backend.prompts) + len(backend.looks) >= stop_after:
            stop.raise_()

    order = Optimisation(start, sorted_rows(start), Metric("exact"), budget, seed, most_test=most_test)
    return asyncio.run(optimise(order, Engine(backend, price, limit_s=limit_s), folder, stop=stop, tell=tell)), backend


def quality_of(recipe: Recipe) -> float:
    return quality(Prompt(recipe.messages(Request.of(sorted_rows(START).test[0].text)), recipe.sampling))


# --- what it finds


def test_the_better_recipe_is_found_where_every_answer_is_wrong() -> None:
    found, _ = run(Budget(240), hopeless)
    assert found.changed and found.dev and found.dev.mean == 0 and found.test and found.test.mean == 0
    assert quality_of(found.recipe) > quality_of(START) + 0.3
    order = Optimisation(START, sorted_rows(START), Metric("exact"), Budget(240))
    blind = asyncio.run(optimise(order, Engine(ScriptedBackend(hopeless), FREE)))
    assert not blind.changed, "answers alone tell nothing here"


def test_what_is_reported_are_answers() -> None:
    found, backend = run(Budget(240))
    assert found.dev and found.start_dev and {found.dev.mean * found.dev.rows % 1, found.start_dev.mean * found.start_dev.rows % 1} == {0}
    asked = {entry.digest for entry in found.trail if entry.dev}
    assert found.parent in asked and found.recipe.digest != found.parent and len(asked) <= 4
    assert all(entry.likely and entry.likely.rows >= 1 for entry in found.trail if entry.dev)
    assert len(backend.looks) > 100 and not {look.prompt.messages for look in backend.looks} & {p.messages for p in backend.prompts[-40:]}
    assert any("likely" in line and "dev" not in line for line in trail_of(found))


def test_a_start_that_answers_better_than_what_looks_likely_stays() -> None:
    def right_with_the_start(prompt: Prompt) -> Script:
        return right(prompt) if len(prompt.messages) == 2 else hopeless(prompt)

    found, _ = run(Budget(240), right_with_the_start)
    assert not found.changed and found.dev and found.dev.mean == 1


def test_test_rows_are_not_looked_at() -> None:
    _, backend = run(Budget(240))
    test = {row.text for row in sorted_rows(START).test}
    assert not any(message.content.find(text) >= 0 for look in backend.looks for message in look.prompt.messages for text in test)


def test_a_recipe_that_is_right_on_every_row_ends_the_search() -> None:
    found, _ = run(Budget(100_000), right, lambda prompt: 0.99)
    assert found.why == "a recipe is right on every row" and found.outlay.calls < 1000
    assert found.dev and found.dev.mean == 1


# --- what it spends


@pytest.mark.parametrize("seed", range(50))
def test_no_budget_is_exceeded(seed: int) -> None:
    chance = random.Random(seed)
    budget = Budget(
        chance.randint(1, 150),
        chance.choice([None, chance.randint(1, 30_000)]),
        None,
        chance.choice([None, chance.uniform(1e-5, 0.05)]),
    )
    found, backend = run(budget, price=PRICED, seed=seed, most_test=chance.choice([0, 5, 20]))
    answers = sum(entry.dev.rows for entry in found.trail if entry.dev)
    searched = answers + math.ceil(sum(entry.likely.rows for entry in found.trail if entry.likely) / LOOKS_A_CALL)
    assert searched <= budget.calls
    assert (len(backend.prompts), len(backend.looks)) == (found.outlay.calls, found.outlay.looks)
    assert found.outlay.counted <= budget.calls + 2 * 20
    tokens = sum(words_of(prompt) + len(skilled(prompt).pieces) for prompt in backend.prompts)
    tokens += sum(words_of(look.prompt) + len(look.text.split()) for look in backend.looks)
    assert found.outlay.tokens == tokens
    assert budget.tokens is None or tokens <= budget.tokens
    assert budget.usd is None or found.outlay.usd <= budget.usd
    if budget.tokens is None and budget.usd is None:
        assert searched == budget.calls  # and all of it is used


def test_the_minutes_end_looks_and_leave_time_for_answers() -> None:
    found, backend = run(Budget(100_000, minutes=2 / 60), pause_s=0.01)
    assert found.seconds <= 2 and found.complete
    assert 20 < len(backend.looks) < 200 and found.dev and found.test


def test_a_look_that_takes_too_long_counts_as_a_wrong_answer() -> None:
    found, _ = run(Budget(30), pause_s=0.02, limit_s=0.01)
    assert all(entry.likely is None or entry.likely.mean == 0 for entry in found.trail)


def test_a_look_that_breaks_ends_the_search() -> None:
    def gone(prompt: Prompt) -> float:
        raise BackendError("closed", "The engine is gone.")

    with pytest.raises(BackendError, match="gone"):
        run(Budget(60), chance=gone)


# --- interrupted and resumed


@pytest.mark.parametrize("cut", [3, 40, 77, 130, 170])
def test_interrupted_and_resumed_it_finds_the_same(cut: int, tmp_path: Path) -> None:
    budget = Budget(180, tokens=60_000)
    whole, asked = run(budget)
    first, begun = run(budget, folder=tmp_path, stop_after=cut)
    assert not first.complete
    with (tmp_path / NAME).open("a", encoding="utf-8") as file:
        file.write('{"recipe": "torn of')  # as a crash leaves it
    second, rest = run(budget, folder=tmp_path)
    assert second.complete
    assert replace(second, seconds=0) == replace(whole, seconds=0)
    assert not {(look.prompt.messages, look.text) for look in begun.looks} & {(look.prompt.messages, look.text) for look in rest.looks}
    assert len(begun.looks) + len(rest.looks) == len(asked.looks)
    assert len(begun.prompts) + len(rest.prompts) <= len(asked.prompts) + 8  # those given up in flight are asked again


def test_a_state_of_before_there_were_looks_goes_on(tmp_path: Path) -> None:
    order = Optimisation(START, sorted_rows(START), Metric("exact"), Budget(60), most_test=0)
    asyncio.run(optimise(order, Engine(ScriptedBackend(skilled), FREE), tmp_path))
    file = tmp_path / NAME
    file.write_text(file.read_text(encoding="utf-8").replace(', "chance": null', ""), encoding="utf-8")
    fresh, _ = run(Budget(60), most_test=0)
    found, _ = run(Budget(60), most_test=0, folder=tmp_path)
    assert replace(found, seconds=0) == replace(fresh, seconds=0)


# --- who cannot be looked at


async def test_a_server_is_asked_for_answers_as_before(tmp_path: Path) -> None:
    async with fake_server() as fake:
        settings = {"backend": "openai", "server_url": fake.url, "server_key": KEY, "base_model": BASE}
        backend = await open_server(EngineSettings().but(settings))
        order = Optimisation(START, sorted_rows(START), Metric("exact"), Budget(14), most_test=0)
        found = await optimise(order, Engine(backend, FREE))
        await backend.aclose()
    assert len(fake.bodies) == found.outlay.calls == 14
    assert all(entry.likely is None for entry in found.trail) and sum(entry.dev.rows for entry in found.trail if entry.dev) == 14


def test_a_metric_that_knows_no_single_right_text_goes_by_answers() -> None:
    backend = LookingBackend(skilled, likely)
    order = Optimisation(START, sorted_rows(START), Metric("f1"), Budget(40), most_test=0)
    asyncio.run(optimise(order, Engine(backend, FREE)))
    assert not backend.looks and backend.prompts


# --- targets, races, words


@pytest.mark.parametrize(
    ("metric", "answer", "target"),
    [
        ("line:Team", "Team: Fees \nReply: Yes.", Target("Team: Fees \n", ends=False)),
        ("line:reply", "Team: Fees\nReply: Yes.", Target("Reply: Yes.", "Team: Fees\n")),
        ("line:Other", "Team: Fees\nReply: Yes.", None),
        ("exact", " cards\n", Target("cards")),
        ("json", '{"team": "cards"}', Target('{"team": "cards"}')),
        ("f1", "cards", None),
    ],
)
def test_the_part_of_an_answer_that_is_right_or_wrong(metric: str, answer: str, target: Target | None) -> None:
    assert target_of(Metric(metric), Row(1, "request", references=(answer,))) == target


def test_a_row_without_an_answer_has_no_target() -> None:
    assert target_of(Metric("exact"), Row(1, "request")) is None


def test_the_score_of_a_look_is_a_chance_where_answers_are_drawn_and_foretells_them_where_they_are_greedy() -> None:
    usage = ScriptedBackend(hopeless)._usage(Prompt((), Sampling()), 2, 0.0)
    told = Likelihood((math.log(0.5), math.log(0.25)), (4.0, 2.0), usage)
    assert chance_of(told, greedy=False) == pytest.approx(0.125)
    sure, near, far = (chance_of(replace(told, leads=leads), greedy=True) for leads in ((20.0, 8.0), (20.0, 0.0), (20.0, -2000.0)))
    assert sure > 0.99 and near == pytest.approx(0.5, abs=1e-6) and far == pytest.approx(0.0)


@pytest.mark.parametrize(("temperature", "looked_at"), [(0.0, SOFT), (0.7, 0.7)])
def test_chances_are_those_at_the_temperature_at_which_answers_are_drawn(temperature: float, looked_at: float) -> None:
    _, backend = run(Budget(30), start=replace(START, sampling=Sampling(temperature=temperature, max_new_tokens=8)))
    assert {look.temperature for look in backend.looks} == {looked_at}


def test_a_candidate_is_no_better_for_having_been_asked_easy_rows() -> None:
    hard = [0.9, 0.8, 0.7, 0.6, 0.1, 0.05, 0.02, 0.01]  # the chance of each row's answer, as every candidate has it
    good, fair, bad = (Candidate(Recipe(name, "1"), "made") for name in ("good", "fair", "bad"))
    for candidate, rows, more in ((good, range(8), 0.04), (fair, range(8), 0.02), (bad, range(4), 0.0)):
        candidate.looks = {str(row): hard[row] + more for row in rows}
    assert LOOKS.mean(bad) > LOOKS.mean(good)
    assert ranked([bad, fair, good], LOOKS) == [good, fair, bad]
    found = leads([each.looks for each in (good, fair, bad)], 0)
    assert found[0] - found[1] == pytest.approx(0.02) and found[1] - found[2] == pytest.approx(0.02, abs=1e-3)


def test_small_differences_of_chances_tell_where_those_of_answers_do_not() -> None:
    good, bad = (Candidate(Recipe(name, "1"), "made") for name in ("good", "bad"))
    for at in range(24):
        good.looks[str(at)], bad.looks[str(at)] = 0.20 + at / 1000, 0.10 + at / 1000
        good.scores[str(at)], bad.scores[str(at)] = float(at < 3), float(at < 2)
    assert falls_behind(bad, good, LOOKS) and not falls_behind(bad, good, ANSWERS)
    assert standing(good) == "best 12% of 24"
    good.scores.clear()
    assert standing(good) == "best 21.2% likely on 24"
    assert standing(Candidate(Recipe("new", "1"), "made")) == ""
