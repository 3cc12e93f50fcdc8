"""What may count: votes that end by their rule, each request once, and each pair and version at its share of the error rate."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bot.app import App
from bot.app.evidence import Evidence
from bot.app.orders import Order
from bot.ballots import Choice
from bot.evidence.decision import State, decide
from bot.evidence.duels import Absence, ClosedDuel
from bot.evidence.versions import level
from bot.settings import Settings
from bot.store import Store
from bot.tools.seed import Team, people, plant
from bot.verdict import Verdict, judge
from tests.bot.evidence.make import closed
from tests.bot.scripted import answered, cast, close, scripted_app, until
from tests.bot.verdict.make import facts, ledger_of

A, B = Choice.LEFT, Choice.RIGHT  # entrant 0, the prompt, sits left unless said otherwise


async def verdict_of(app: App) -> Verdict:
    found = await app.judging.verdict()
    assert isinstance(found, Verdict)
    return found


async def test_a_vote_closed_by_hand_is_shown_and_never_counts(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", discord_quorum=3) as (app, _):
        asked = (await app.asking.ask(Order("First?", "ann", "message:1", "red", "c"))).view
        await until(app, asked.id, "open")
        await cast(app, asked.id, "ann", A)
        shown = await close(app, asked.id)
        assert shown.state == "closed" and shown.reveal and "closed by hand" in shown.note
        found = await verdict_of(app)
        assert (found.requests, found.absent[Absence.BY_HAND], found.counts.by_hand) == (0, 1, 1)
        assert found.words.endswith("1 duel was closed by hand and does not count.")
        assert not (await answered(app, "first?", quorum=3)).reveal
        assert "1 duel is still open; 1 was closed by hand and does not count." in (await verdict_of(app)).words


async def test_a_deadline_and_a_quorum_count(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        asked = await app.asking.ask(Order("First?", "ann", "message:1", "red", "c", closes_in=timedelta(0)))
        await until(app, asked.view.id, "open")
        await cast(app, asked.view.id, "ann", A)
        [shown] = await app.voting.close_due()
        assert shown.view.state == "closed" and not shown.post.told and await app.voting.close_due() == []
        duel = await answered(app, "Second?", quorum=1)
        await cast(app, duel.id, "ann", A)
        assert (await verdict_of(app)).requests == 2


async def test_a_request_counts_once_however_it_is_written_and_is_another_after_other_words(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        first = await answered(app, "Prompt or  fine-tune?")
        await cast(app, first.id, "ann", A)
        for text in ("prompt or fine-tune?", "PROMPT OR FINE-TUNE?"):
            again = await answered(app, text)
            await cast(app, again.id, "ann", B)
        found = await verdict_of(app)
        assert (found.requests, found.duels, found.decision.theta) == (1, 3, 0.0) and "1 request (3 duels) decided" in found.words
        later = await answered(app, "Prompt or fine-tune?", conversation=first.conversation)
        await cast(app, later.id, "ann", B)
        assert ((await verdict_of(app)).requests, (await verdict_of(app)).duels) == (2, 4)


async def test_a_request_that_was_closed_by_hand_cannot_be_rolled_again(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        first = await answered(app, "Once?", quorum=2)
        await close(app, first.id)
        again = await answered(app, "Once?", quorum=1)
        await cast(app, again.id, "ann", A)
        found = await verdict_of(app)
        assert found.requests == 0 and found.absent[Absence.REPEAT] == found.absent[Absence.BY_HAND] == 1


def asked_by(rng: np.random.Generator, taste: float, closes: Choice | None, duels: int) -> list[ClosedDuel]:
    """An asker who prefers the fine-tune with chance `taste`, two neutral voters; the asker closes by hand after a ballot `closes`."""
    made = []
    for number in range(duels):
        said = [B if rng.random() < chance else A for chance in (taste, 0.5, 0.5)]
        if said[0] is closes:
            made.append(closed(number, {"asker": said[0]}))
            made[-1] = replace(made[-1], by_hand=True)
        else:
            made.append(closed(number, dict(zip(("asker", "bob", "cleo"), said, strict=True))))
    return made


@pytest.mark.parametrize("closes", [A, B, None])
def test_an_asker_who_closes_what_they_like_or_dislike_makes_no_verdict(closes: Choice | None) -> None:
    """By the counted duels alone, leaving out the liked ones decides for the other side in every team: what is left was disliked."""
    rng, wrong, fooled = np.random.default_rng(11), 0, 0
    for _ in range(20):
        ledger = ledger_of(asked_by(rng, 0.5, closes, 120))
        wrong += judge(ledger, facts()).decision.state in (State.FIRST, State.SECOND)
        fooled += decide(ledger.capital).state in (State.FIRST, State.SECOND)
    assert wrong <= 1
    assert fooled == 20 if closes else fooled <= 1


def test_a_few_closed_by_hand_delay_a_clear_verdict_and_do_not_stop_it() -> None:
    few = [closed(number, {"ann": B}) for number in range(12)]
    by_hand = [replace(closed(99, {}), by_hand=True)] * 3
    held = judge(ledger_of([*by_hand, *few]), facts())
    assert held.decision.state is State.COLLECT and held.decision.held_back and held.forecast is None
    assert held.words.endswith("had the votes there ended by rule, they might have said otherwise.")
    many = judge(ledger_of([*by_hand, *(closed(number, {"ann": B}) for number in range(60))]), facts())
    assert many.decision.state is State.SECOND and not many.decision.held_back
    sure = judge(ledger_of([closed(number, {"ann": B}) for number in range(60)]), facts())
    assert many.decision.interval.low < sure.decision.interval.low


async def test_versions_and_pairs_share_the_error_rate_and_the_sentence_says_so(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "s")
    try:
        evidence = Evidence(store, Settings.of(store_path=str(tmp_path / "s")), lambda: datetime.now(UTC))
        lone = Team(20, voters=3, per_duel=1, theta=0.97, tie=0.0, both_bad=0.0, contestants=("prompt-1", "tuned-1"))
        await plant(store, lone, np.random.default_rng(1))
        first = await evidence.verdict(evidence.scope(people(lone)), people(lone))
        assert (first.tried.pairs, first.tried.versions, first.tried.place) == (1, 1, 1) and "error rate is held" not in first.words
        assert first.decision.state is State.SECOND
        edited = Team(20, voters=3, per_duel=1, theta=0.5, contestants=("prompt-2", "tuned-1"))
        await plant(store, edited, np.random.default_rng(2))
        second = await evidence.verdict(evidence.scope(people(edited)), people(edited))
        assert (second.tried.pairs, second.tried.versions, second.tried.place, second.tried.won) == (1, 2, 2, 1)
        assert second.decision.comparisons == pytest.approx(0.05 / level(0.05, 2, 1))
        assert "The error rate is held at 5% over 2 versions of the prompt." in second.words
        again = await evidence.verdict(evidence.scope(people(lone)), people(lone))
        assert again.tried.place == 1 and again.decision.comparisons == first.decision.comparisons  # a level never follows results
        other = Team(12, voters=3, per_duel=1, contestants=("brief-1", "tuned-1"))
        await plant(store, other, np.random.default_rng(3))
        async with store.writing() as change:
            await change.rows("UPDATE contestants SET recipe_name = 'brief' WHERE id = 'brief-1'")
        afresh = Evidence(store, Settings.of(store_path=str(tmp_path / "s")), lambda: datetime.now(UTC))
        [pair] = [(one, two) for one, two, _ in await afresh.pairs() if one.id == "brief-1"]
        third = await afresh.verdict(afresh.scope(pair), pair)
        assert (third.tried.pairs, third.tried.versions) == (2, 1) and "over 2 pairs." in third.words
    finally:
        await store.aclose()


async def test_a_store_of_before_keeps_its_votes_its_tags_and_how_they_closed(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", discord_quorum=1) as (app, _):
        asked = (await app.asking.ask(Order("First?", "ann", "message:1", "red", "c", tag="from"))).view
        await until(app, asked.id, "open")
        await cast(app, asked.id, "ann", A)
        found = await verdict_of(app)
        assert [share.tag for share in found.tags] == ["from"] and await app.judging.tags() == ["from"]
        assert [post.tag for _, post in await app.looking.found(team="red", asker="ann", tag="from")] == ["from"]
        assert (await app.looking.results(team="red", asker="ann", tag="from")).ballots == 1 and await app.remembering.tags() == [
            ("red", "from")
        ]
