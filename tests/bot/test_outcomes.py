"""What closed duels say is summed up in the store, and folding the sums gives the ledger that folding duel by duel gives."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.ballots import Said, outcome
from bot.evidence.duels import Absence, Opinion
from bot.evidence.units import request_key
from bot.store import Store
from bot.store.duels import DuelRows
from bot.store.evidence import EvidenceRows
from bot.store.exchange import Tables
from bot.store.lists import ListRows
from bot.store.records import stamp
from bot.tools.seed import Team, people, plant
from bot.verdict import Ledger, Scope, fold
from bot.verdict.samples import WINDOW
from engine.request import Turn

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEAM = Team(0, contestants=("first", "second"))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "duels.sqlite3")
    yield opened
    await opened.aclose()


async def fill(store: Store, rng: np.random.Generator, duels: int = 360) -> None:
    """A team that does all that a team can do: repeats, closes by hand, agrees, leaves unvoted, asks in two places, turns sides."""
    await plant(store, Team(duels, voters=6, per_duel=3, theta=0.62, contestants=("first", "second")), rng)
    async with store.writing() as change:
        book = Tables(change)
        numbers, telling = list(range(1, duels + 1)), np.random.default_rng(11).random(duels)
        for number in numbers:
            duel = f"{number:032x}"
            drawn = rng.random(8)
            if drawn[0] < 0.2:
                await change.rows("UPDATE duels SET repeats = ? WHERE id = ?", (f"{rng.integers(1, duels + 1):032x}", duel))
            if drawn[1] < 0.1:
                await change.rows("UPDATE duels SET closed_by = 'hand' WHERE id = ?", (duel,))
            if drawn[2] < 0.05:
                await change.rows("UPDATE duels SET identical = 1, closed_by = 'identical' WHERE id = ?", (duel,))
            if drawn[3] < 0.1:
                await change.rows("DELETE FROM ballots WHERE duel = ?", (duel,))
            elif drawn[3] < 0.3:
                await change.rows(
                    "DELETE FROM ballots WHERE duel = ? AND voter != (SELECT min(voter) FROM ballots WHERE duel = ?)", (duel, duel)
                )
            if drawn[4] < 0.05:
                await book.insert("trained_on", [{"duel": duel}])
            if telling[number - 1] < 0.08:
                await change.rows("UPDATE duels SET says_who = 'my lora' WHERE id = ?", (duel,))
            if drawn[5] < 0.3:
                await change.rows("UPDATE answers SET contestant = iif(contestant = 'first', 'second', 'first') WHERE duel = ?", (duel,))
            if drawn[6] < 0.4:
                post = {"duel": duel, "team": "ours", "channel": "c", "private": 0, "lasting": 1}
                await book.insert("posts", [post])
            if drawn[7] < 0.3:
                guess = {"duel": duel, "voter": "person 1", "entrant": [0, 1, None][int(rng.integers(3))], "guessed_at": "2026"}
                await book.insert("guesses", [guess])
        await change.rows("DELETE FROM outcomes")
        await book.sum_up()


async def one_by_one(store: Store, ledger: Ledger, top: int) -> Ledger:
    for after in range(ledger.closing, top, 37):
        async with store.reading() as look:
            ledger = ledger.after(await EvidenceRows(look).filed(ledger.scope, after, min(top, after + 37)), min(top, after + 37))
    return ledger


async def at_once(store: Store, ledger: Ledger, top: int) -> Ledger:
    scope, began = ledger.scope, ledger.closing
    async with store.reading() as look:
        book = EvidenceRows(look)
        told, repeated = await book.told(scope, began, top), await book.repeated(scope, began, top)
        names, samples, guesses = await book.voters(), await book.samples(scope, top, WINDOW), await book.guessed(scope, began, top)
    return fold(ledger, told, top, guesses=guesses, repeated=repeated, names=names, samples=samples)


def assert_same(found: Ledger, known: Ledger) -> None:  # noqa: PLR0912 - one case a field
    """All but the peaks between looks, which are lower or the same."""
    for name in (each.name for each in fields(Ledger)):
        mine, theirs = getattr(found, name), getattr(known, name)
        match name:
            case "capital":
                assert_same_capital(mine, theirs)
            case "bounds":
                for one, other in zip(mine, theirs, strict=True):
                    assert_same_capital(one, other)
            case "left_out":
                assert_same_capital(mine.everyone, theirs.everyone, ordered=False)
                assert mine.without.keys() == theirs.without.keys()
                for voter in mine.without:
                    assert_same_capital(mine.without[voter], theirs.without[voter], ordered=False)
            case "diagnostics":
                for kind in mine.histograms:
                    assert_same_counts(mine.histograms[kind].counts, theirs.histograms[kind].counts)
            case "tags":
                assert mine.keys() == theirs.keys()
                for tag in mine:
                    assert_same_counts(mine[tag].counts, theirs[tag].counts)
            case "scores":
                assert_same_counts(mine, theirs)
            case "trail":
                assert [point.theta for point in mine.points] and mine.points[-1].n <= theirs.points[-1].n + mine.stride
            case _:
                assert mine == theirs, name


def assert_same_capital(found: Any, known: Any, ordered: bool = True) -> None:
    assert found.n == known.n and found.total == pytest.approx(known.total)
    assert found.held == pytest.approx(known.held, abs=1e-8)
    assert (found.proven <= known.proven + 1e-8).all()
    if ordered:
        assert found.recent == pytest.approx(known.recent)


def assert_same_counts(found: Any, known: Any) -> None:
    def rounded(counts: Any) -> Counter[float]:
        together: Counter[float] = Counter()
        for value, count in counts.items():
            together[round(value, 9)] += count
        return +together

    assert rounded(found) == rounded(known)


@pytest.mark.parametrize("seed", range(3))
async def test_folding_at_once_gives_what_folding_one_by_one_gives(store: Store, seed: int) -> None:
    await fill(store, np.random.default_rng(seed))
    pair = tuple(who.id for who in people(TEAM))
    for narrowed in ({}, {"team": "ours"}, {"tag": "billing"}, {"since": NOON - timedelta(days=50)}):
        scope = Scope((pair[0], pair[1]), **narrowed)  # type: ignore[arg-type]
        begun = await one_by_one(store, Ledger.start(scope), 190)
        known = await one_by_one(store, begun, 360)
        assert known.absent[Absence.REPEAT] and known.absent[Absence.BY_HAND] and known.absent[Absence.SAYS_WHO] and known.capital.n > 20
        assert_same(await at_once(store, Ledger.start(scope), 360), known)
        assert_same(await at_once(store, begun, 360), known)


async def test_the_kept_sums_are_those_of_the_view(store: Store) -> None:
    await fill(store, np.random.default_rng(7), duels=60)
    async with store.writing() as change:
        await change.rows("UPDATE ballots SET voter = 'forgotten:1' WHERE voter = 'person 2'")
        await change.rows("DELETE FROM tags WHERE tag = 'code'")
    async with store.reading() as look:
        kept = [tuple(row) for row in await look.rows("SELECT * FROM outcomes ORDER BY closing")]
        worked_out = [tuple(row) for row in await look.rows("SELECT * FROM outcomes_of ORDER BY closing")]
        assert kept == worked_out and len(kept) == 60
        names = await EvidenceRows(look).voters()
        assert "forgotten:1" in names.values() and "person 2" not in names.values()


def test_a_request_is_the_same_whatever_its_case_and_spacing_and_another_after_other_words() -> None:
    said = [Turn("user", "Hello"), Turn("assistant", "Hi.")]
    assert request_key("Prompt  or\nfine-tune?", said) == request_key(" PROMPT or Fine-Tune? ", [Turn("user", "hello "), said[1]])
    keys = {request_key("Why?", []), request_key("Why?", said), request_key("Why?", said[:1]), request_key("Why not?", said)}
    assert len(keys) == 4


async def test_what_most_voters_said_is_one_rule_over_ballots_in_columns_and_in_sql(store: Store) -> None:
    """bot.ballots.most_said is the rule: up to four voters of every opinion, as single duels, folded at once, and counted for a team."""
    voices: list[tuple[str, int | None]] = [("better", 0), ("better", 1), ("tie", None), ("both_bad", None)]
    votes = [said for many in range(1, 5) for said in combinations_with_replacement(voices, many)]
    await plant(store, Team(len(votes), contestants=("first", "second")), np.random.default_rng(0))
    async with store.writing() as change:
        book = Tables(change)
        await change.run("DELETE FROM ballots")
        for number, said in enumerate(votes, 1):
            duel = f"{number:032x}"
            await book.insert("posts", [{"duel": duel, "team": "ours", "channel": "c", "private": 0, "lasting": 1}])
            cast = [{"duel": duel, "voter": f"v{at}", "verdict": verdict, "entrant": side} for at, (verdict, side) in enumerate(said)]
            await book.insert("ballots", [{**row, "cast_at": stamp(NOON)} for row in cast])
        await change.run("DELETE FROM outcomes")
        await book.sum_up()
    scope = Scope(("first", "second"))
    async with store.reading() as look:
        duels = [await DuelRows(look).duel(f"{number:032x}") for number in range(1, len(votes) + 1)]
        counted = await ListRows(look).results("ours", "", since=None, tag="")
    rule = Counter(outcome(duel.ballots) for duel in duels)
    assert rule[0] == rule[1] > 0 and rule[Said.TIE] > 0 and rule[Said.BOTH_BAD] > 0 and rule.total() == len(votes)
    by_entrant = {0: "first", 1: "second"}
    in_sql = {who.id if who else kind: many for (kind, who), many in counted.duels.items()}
    assert in_sql == {by_entrant.get(found, str(found)): many for found, many in rule.items()}  # type: ignore[arg-type]
    for ledger in (await one_by_one(store, Ledger.start(scope), len(votes)), await at_once(store, Ledger.start(scope), len(votes))):
        opinions = {Opinion.FIRST: rule[0], Opinion.SECOND: rule[1], Opinion.TIE: rule[Said.TIE], Opinion.BOTH_BAD: rule[Said.BOTH_BAD]}
        assert ledger.results == opinions
