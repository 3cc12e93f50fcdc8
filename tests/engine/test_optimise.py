"""The optimiser over the scripted backend: budgets, resuming, roles, what it finds; and the recipe written from rows alone."""

import asyncio
import hashlib
import json
import os
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from engine import lineup as lineups
from engine.__main__ import main
from engine.backends.base import Prompt, Stop
from engine.backends.scripted import Script, ScriptedBackend
from engine.commandline import INTERRUPTED
from engine.cost import Price, TokenPrice, TokenPrices
from engine.errors import BackendError, BadRequest, SettingsError
from engine.optimise.asking import Engine, decided
from engine.optimise.budget import Budget
from engine.optimise.choosing import by_class
from engine.optimise.journal import NAME
from engine.optimise.race import Candidate, falls_behind, survivors
from engine.optimise.roles import RowsByRole, by_role
from engine.optimise.run import Optimisation, Optimised, SearchProgress, optimise
from engine.optimise.status import read_status
from engine.optimise.words import json_for, lines_for, toml_for
from engine.optimise.writing import write_recipe
from engine.parsing import toml_table
from engine.recipes import Recipe, Sampling, load_recipe, parse_recipe
from engine.rows import Row, read_rows
from engine.scoring import Metric
from engine.settings import EngineSettings

TEAMS = ("cards", "fees", "login", "loans")
FREE = Price(None, "nobody's", "2026-11-28")
LISTED = TokenPrice(1.0, 0.5, 4.0)
PRICED = Price(None, "a list", "2026-11-28", TokenPrices(LISTED, LISTED, "a list", "2026-11-28"))
START = Recipe("triage", "1", "Say the team.", sampling=Sampling(max_new_tokens=8))


@cache
def sorted_rows(start: Recipe | None) -> RowsByRole:
    return by_role(ROWS, start)


def digits(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


def rows_of(count: int = 240) -> tuple[Row, ...]:
    names = [f"{digits(str(number)):x} {digits(f'{number} more'):x}" for number in range(count)]
    lines = [json.dumps({"request": f"request {name}", "answer": TEAMS[at % 4]}).encode() for at, name in enumerate(names)]
    return read_rows(lines, "rows").rows


ROWS = rows_of()
WANTED = {row.text: row.references[0] for row in ROWS}


def skilled(prompt: Prompt) -> Script:
    """Be right the oftener, the more examples are shown and where the values are listed; which rows are, chance decides by the prompt."""
    examples = sum(message.role == "assistant" for message in prompt.messages)
    share = 0.2 + 0.02 * min(examples, 16) + 0.25 * ("one of" in prompt.messages[0].content)
    said = prompt.messages[-1].content.removeprefix("Message: ").removesuffix("\nAnswer:")
    lucky = digits("".join(message.content for message in prompt.messages)) % 1000 < 1000 * share
    return Script((WANTED[said] if lucky else "nothing known",))


def run(
    budget: Budget,
    script: Callable[[Prompt], Script] = skilled,
    *,
    price: Price = FREE,
    folder: Path | None = None,
    stop_after: int | None = None,
    start: Recipe | None = START,
    seed: int = 0,
    most_test: int = 20,
) -> tuple[Optimised, ScriptedBackend]:
    backend, stop = ScriptedBackend(script), Stop()

    def tell(progress: SearchProgress) -> None:
        if stop_after is not None and len(backend.prompts) >= stop_after:
            stop.raise_()

    order = Optimisation(start, sorted_rows(start), Metric("exact"), budget, seed, most_test=most_test)
    return asyncio.run(optimise(order, Engine(backend, price), folder, stop=stop, tell=tell)), backend


def words_of(prompt: Prompt) -> int:
    return sum(len(message.content.split()) for message in prompt.messages)


# --- budgets


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
    searched = sum(each.dev.rows for each in found.trail if each.dev)
    assert searched <= budget.calls
    assert len(backend.prompts) == found.outlay.calls <= budget.calls + 2 * 20
    tokens = sum(words_of(prompt) + len(skilled(prompt).pieces) for prompt in backend.prompts)
    assert found.outlay.tokens == tokens
    assert budget.tokens is None or tokens <= budget.tokens
    assert budget.usd is None or found.outlay.usd <= budget.usd
    if budget.tokens is None and budget.usd is None:
        assert searched == budget.calls  # and all of it is used


def test_the_minutes_end_answers_that_are_being_written() -> None:
    def slow(prompt: Prompt) -> Script:
        return Script(("nothing", "known", "at", "all"), pause_s=0.05)

    budget = Budget(100_000, minutes=1.2 / 60)
    found, _ = run(budget, slow)
    assert 0 < found.outlay.calls < 400
    assert found.seconds <= 1.2
    assert found.complete


def test_dollars_of_the_device_s_time_are_kept() -> None:
    def slow(prompt: Prompt) -> Script:
        return Script(("nothing", "known"), pause_s=0.01)

    found, _ = run(Budget(100_000, usd=0.5 / 3600), slow, price=Price(1.0, "a list", "2026-11-28"))
    assert 0 < found.outlay.usd <= 0.5 / 3600


def test_without_a_measurement_the_search_may_spend_all() -> None:
    budget = Budget(100_000, tokens=20_000)
    with_test, without = (run(budget, most_test=most)[0].outlay.tokens for most in (20, 0))
    assert 0.9 * 20_000 < without <= 20_000
    assert with_test <= 20_000


def test_dollars_need_a_price() -> None:
    with pytest.raises(SettingsError, match="needs a price"):
        run(Budget(10, usd=1.0))


@pytest.mark.parametrize("bad", [{"calls": 0}, {"calls": 5, "tokens": 0}, {"calls": 5, "minutes": -1.0}, {"calls": 5, "usd": 0.0}])
def test_an_empty_budget_is_refused(bad: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match="must be above 0"):
        Budget(**bad)


# --- what it finds


def test_the_search_finds_a_recipe_that_is_better_on_rows_it_has_not_seen() -> None:
    found, _ = run(Budget(240), most_test=250)
    assert found.test is not None and found.start_test is not None and found.gain is not None and found.overstated is not None
    assert found.gain.mean - 2 * found.gain.error > 0.1
    assert found.recipe.named.name == "triage" and found.recipe.version.startswith("1-")
    assert parse_recipe(toml_table(toml_for(found).encode())) == found.recipe
    assert json.loads(json.dumps(json_for(found)))["overstated"] == found.overstated
    assert any(
        line.endswith(f"{abs(found.overstated) * 100:.1f} points {'more' if found.overstated >= 0 else 'less'} than the test.")
        for line in lines_for(found)
    )


def test_a_perfect_recipe_ends_the_search() -> None:
    def right(prompt: Prompt) -> Script:
        return Script((WANTED[prompt.messages[-1].content.removeprefix("Message: ").removesuffix("\nAnswer:")],))

    found, _ = run(Budget(100_000), right)
    assert found.why == "a recipe is right on every row"
    assert found.outlay.calls < 1000


def test_nothing_is_asked_twice_and_test_rows_come_last() -> None:
    found, backend = run(Budget(300))
    asked = [prompt.messages for prompt in backend.prompts]
    assert len(asked) == len(set(asked)) == found.outlay.calls
    test = {row.text for row in sorted_rows(START).test}
    searching = asked[: -found.test.rows * 2] if found.test else asked
    assert not any(text in message.content for messages in searching for message in messages for text in test)


def test_what_is_cut_short_scores_the_same() -> None:
    chatty = ("cards", " and", " more", " and", " more", " words")
    found, _ = run(Budget(60), lambda prompt: Script(chatty))
    assert found.dev is not None and found.dev.mean == 0
    done = decided(Metric("exact"), ("top up failed",))
    assert [done(text) for text in ("Top", "top up", "top u", "top down now", "the top up fail")] == [False, False, False, True, False]
    table = decided(Metric("json"), ('{"team": "cards", "intent": "lost card"}',))
    assert [table(text) for text in ('{"team": "ca', '{"team": "fees", "in', '```json\n{"team": "f', '{"intent": "lost card", "te')] == [
        False,
        True,
        False,
        False,
    ]
    line = decided(Metric("line:Team"), ("Team: Fees\nReply: Yes.",))
    assert [line(text) for text in ("Team: Fe", "Team: Fees\n", "Well\nteam: x\nReply")] == [False, True, True]


def test_an_answer_that_breaks_ends_the_search() -> None:
    with pytest.raises(BackendError, match="gone"):
        run(Budget(60), lambda prompt: Script(("x",), error=BackendError("closed", "The engine is gone.")))


def test_a_recipe_is_written_where_there_is_none() -> None:
    found, _ = run(Budget(60), start=None)
    assert "one of: fees, login, loans, cards." in found.start.system
    assert len(found.start.examples) == 8


# --- interrupted and resumed


@pytest.mark.parametrize("cut", [3, 40, 77, 130, 200])
def test_interrupted_and_resumed_it_finds_the_same(cut: int, tmp_path: Path) -> None:
    budget = Budget(180, tokens=60_000)
    whole, asked = run(budget)
    first, begun = run(budget, folder=tmp_path, stop_after=cut)
    assert not first.complete
    with (tmp_path / NAME).open("a", encoding="utf-8") as file:
        file.write('{"recipe": "torn of')  # as a crash leaves it
    second, rest = run(budget, folder=tmp_path)
    assert second.complete
    assert replace(second, seconds=0, outlay=whole.outlay) == replace(whole, seconds=0)
    assert second.outlay == whole.outlay
    assert len(begun.prompts) + len(rest.prompts) <= len(asked.prompts) + 8  # those given up in flight are asked again


def test_a_finished_search_asks_nothing_again(tmp_path: Path) -> None:
    first, _ = run(Budget(60), folder=tmp_path)
    second, backend = run(Budget(60), folder=tmp_path)
    assert not backend.prompts and replace(second, seconds=0) == replace(first, seconds=0)


def test_a_state_of_another_search_is_refused(tmp_path: Path) -> None:
    run(Budget(20), folder=tmp_path)
    order = Optimisation(START, sorted_rows(START), Metric("f1"), Budget(20))
    with pytest.raises(SettingsError, match="another metric"):
        asyncio.run(optimise(order, Engine(ScriptedBackend(skilled), FREE), tmp_path))


# --- roles, races, recipes from rows


def test_roles_of_the_file_are_kept_and_near_duplicates_left_out() -> None:
    lines = [
        b'{"request": "Where is my parcel, order 52871?", "answer": "a", "role": "test"}',
        b'{"request": "Where is my parcel, order 52871??", "answer": "a", "role": "train"}',
        b'{"request": "How do I pay by card?", "answer": "b", "role": "example"}',
        b'{"request": "Something else entirely", "answer": "c", "role": "dev"}',
        b'{"request": "No answer", "role": "train"}',
    ]
    rows = by_role(read_rows(lines, "rows").rows)
    assert [len(part) for part in (rows.train, rows.dev, rows.test)] == [1, 1, 1]
    assert rows.left_out == 2 and rows.thin


def test_what_the_start_shows_is_never_measured_on() -> None:
    row = ROWS[0]
    start = write_recipe([row], Metric("exact"))
    rows = by_role(ROWS, start)
    assert row not in rows.dev and row not in rows.test


def test_rows_without_answers_are_refused() -> None:
    with pytest.raises(BadRequest, match="role train or example"):
        by_role([Row(1, "What?")])


def test_a_candidate_that_falls_behind_is_dropped() -> None:
    good, bad, fresh = (Candidate(Recipe(name, "1"), "made") for name in ("good", "bad", "fresh"))
    good.scores = {str(row): 1.0 for row in range(12)}
    bad.scores = {str(row): 0.0 for row in range(12)}
    assert falls_behind(bad, good) and not falls_behind(fresh, good)
    assert survivors([bad, good, fresh], 3) == [good, fresh]


FORMS = {
    "JSON": ([f'{{"team": "{team}", "sure": "yes"}}' for team in TEAMS], '{"team": "…", "sure": "…"}'),
    "closed set": (TEAMS, "one of: cards, fees, loans, login"),
    "lines": ([f"Team: {team}\nReply: Dear you, about {team}: {{}}." for team in TEAMS], "exactly two lines:\nTeam: …\nReply: …"),
    "free text": ([], "Answer in at most"),
}


@pytest.mark.parametrize("kind", FORMS)
def test_a_recipe_is_written_from_rows_alone(kind: str) -> None:
    answers, said = FORMS[kind]
    rows = [
        Row(
            number,
            f"request {digits(str(number)):x}",
            references=((answers or ("It is {}.",) * 4)[number % 4].format(number) if "JSON" not in kind else answers[number % 4],),
        )
        for number in range(60)
    ]
    recipe = write_recipe(rows, name="made", version="7")
    assert said in recipe.system
    assert recipe == write_recipe(rows, name="made", version="7")
    shown = [example.assistant for example in recipe.examples]
    assert kind == "free text" or all(sum(team in answer for answer in shown) == 2 for team in TEAMS)
    assert len(write_recipe(rows, example_tokens=60).examples) < len(shown)


def test_classes_are_by_what_the_metric_looks_at() -> None:
    rows = [Row(at, f"r{at}", references=(f"Team: {TEAMS[at % 2]}\nReply: {at}",)) for at in range(8)]
    assert list(by_class(rows, Metric("line:Team"))) == ["cards", "fees"]
    assert list(by_class(rows, Metric("f1"))) == [""]


def test_the_command_writes_the_recipe_s_file_and_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async def opened(folder: Path, settings: EngineSettings) -> ScriptedBackend:
        return ScriptedBackend(skilled)

    monkeypatch.setattr(lineups, "open_backend", opened)
    monkeypatch.chdir(tmp_path)
    lines = [json.dumps({"request": row.text, "answer": row.references[0]}) for row in ROWS]
    Path("rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    call = ["optimise", "new", "--rows", "rows.jsonl", "--calls", "60", "--test", "10", "--write", "better.toml"]
    assert main([*call, "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["test"]["rows"] == 10 and told["outlay"]["calls"] <= 80 and told["file"] == "better.toml"
    assert load_recipe("better.toml").digest == told["recipe"]["digest"]
    assert (
        Path("better.toml")
        .read_text(encoding="utf-8")
        .startswith(f"# Found by python -m engine optimise; parent written 1, digest {told['parent']}")
    )
    status = read_status(Path("optimise-new"))
    assert status and (status.stage, status.most_calls) == ("test", 60) and 60 <= status.calls <= 80 and status.best
    assert main(call) == 0  # from the state, without asking again
    assert "On the same test rows the winner has" in capfd.readouterr().out
    read, write = os.pipe()
    os.close(write)  # whoever began it is gone
    with os.fdopen(read) as closed:
        monkeypatch.setattr("sys.stdin", closed)
        assert main([*call, "--state", "other", "--base", "demo", "--tied"]) == INTERRUPTED
    assert main([*call, "--metric", "bleu"]) == 2
    assert main(["optimise", "new", "--rows", "none.jsonl", "--calls", "60"]) == 2
