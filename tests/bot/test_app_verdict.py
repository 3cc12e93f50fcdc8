"""The verdict through the store: kept up to date duel by duel, narrowed, reached again after a restart, a forgetting, a damage."""

import asyncio
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.app import App, ledgers
from bot.app.orders import Order
from bot.ballots import Choice
from bot.evidence.decision import State
from bot.evidence.duels import Absence
from bot.fronts.web.asked import Query, verdict_for, wanted_by
from bot.settings import Settings
from bot.store import Store
from bot.store.counts import CountRows
from bot.tools.seed import SINCE, Team, plant
from bot.verdict import Unknown, Verdict
from engine.backends.scripted import ScriptedBackend
from engine.contestants import Arm
from engine.errors import BadRequest, SettingsError
from engine.lineup import Lineup
from engine.trained_on import read_trained_on, write_trained_on
from tests.bot.scripted import answered, ask, cast, lineup_over, scripted_app, two_answers, until

RULES = """
[[tag]]
name = "billing"
words = ["invoice", "refund"]
[[tag]]
name = "code"
pattern = 'def \\w+'
"""


async def planted(path: Path, **names: Any) -> None:
    """A made-up team of the contestants that the scripted line-up has."""
    first, second = lineup_over(ScriptedBackend(two_answers)).entrants
    store = await Store.open(path)
    try:
        await plant(store, Team(contestants=(first.id, second.id), **names), np.random.default_rng(7))
    finally:
        await store.aclose()


async def verdict_of(app: App, **narrowed: Any) -> Verdict:
    found = await app.judging.verdict(**narrowed)
    assert isinstance(found, Verdict)
    return found


async def test_a_verdict_follows_every_close_and_is_the_same_after_a_restart(tmp_path: Path) -> None:
    await planted(tmp_path / "s", duels=230, theta=0.7)
    async with scripted_app(tmp_path / "s") as (app, _):
        before = await verdict_of(app)
        assert (before.duels, before.ballots, before.voters) == (230, 1150, 8) and before.decision.state is State.SECOND
        assert await verdict_of(app) is before  # nothing has closed, so nothing is computed
        view = await answered(app, quorum=2)
        await cast(app, view.id, "ann", Choice.LEFT)
        assert (await verdict_of(app)).duels == 230  # an open vote says nothing
        await cast(app, view.id, "bob", Choice.TIE)
        after = await verdict_of(app)
        assert (after.duels, after.ballots, after.voters, after.better[0]) == (231, 1152, 10, before.better[0] + 1)
    async with scripted_app(tmp_path / "s") as (app, _):
        assert await verdict_of(app) == after


async def test_a_ledger_read_back_and_one_rebuilt_agree(tmp_path: Path) -> None:
    await planted(tmp_path / "s", duels=230)
    async with scripted_app(tmp_path / "s") as (app, _):
        whole = await verdict_of(app)  # read from the first duel, and kept
        view = await answered(app)
        await cast(app, view.id, "ann", Choice.LEFT)
        one_more = await verdict_of(app)
    assert inside(tmp_path / "s", "SELECT closing FROM ledgers") == [(230,)]
    async with scripted_app(tmp_path / "s") as (app, _):
        assert await verdict_of(app) == one_more != whole
    inside(tmp_path / "s", "UPDATE ledgers SET state = '{}'")
    async with scripted_app(tmp_path / "s") as (app, _):
        rebuilt = await verdict_of(app)
        assert rebuilt.words == one_more.words and rebuilt.decision.interval == pytest.approx(one_more.decision.interval, abs=1e-9)


async def test_a_long_store_is_read_in_slices_and_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await planted(tmp_path / "s", duels=150)
    async with scripted_app(tmp_path / "s") as (app, _):
        whole = await verdict_of(app)
    inside(tmp_path / "s", "DELETE FROM ledgers")
    monkeypatch.setattr(ledgers, "SLICE", 13)
    async with scripted_app(tmp_path / "s") as (app, _):
        sliced = await verdict_of(app)
        assert sliced.words == whole.words and sliced.better == whole.better
        assert sliced.decision.interval == pytest.approx(whole.decision.interval, abs=1e-9)


async def test_a_verdict_is_narrowed_by_period_and_tag(tmp_path: Path) -> None:
    await planted(tmp_path / "s", duels=120, by_tag=(0.3, 0.0, -0.3, 0.0), minutes=60)
    async with scripted_app(tmp_path / "s") as (app, _):
        everything = await verdict_of(app)
        middle = SINCE + timedelta(minutes=60 * 60)
        halves = [await verdict_of(app, since=middle), await verdict_of(app, until=middle)]
        assert [half.duels for half in halves] == [60, 60]
        assert sum(half.ballots for half in halves) == everything.ballots
        tagged = {tag: await verdict_of(app, tag=tag) for tag in await app.judging.tags()}
        assert {share.tag: share.n for share in everything.tags} == {tag: found.duels for tag, found in tagged.items()}
        assert tagged["billing"].decision.theta == pytest.approx(next(s.raw for s in everything.tags if s.tag == "billing"))
        assert tagged["billing"].decision.theta > 0.5 > tagged["support"].decision.theta
        assert (await verdict_of(app, team="nobody")).duels == 0


async def test_a_verdict_is_narrowed_to_a_server_and_survives_that_a_voter_is_forgotten(tmp_path: Path) -> None:
    settings = Settings.of(store_path=str(tmp_path / "s"), discord_quorum=2)

    async def open_lineup() -> Lineup:
        return lineup_over(ScriptedBackend(two_answers))

    async with App.open(settings, open_lineup) as app:
        await app.model_settled()
        for number, team in enumerate(("red", "blue", "red")):
            asked = (await app.asking.ask(Order(f"Hello {number}?", "ann", f"message:{number}", team, "c", tag="talk"))).view
            await until(app, asked.id, "open")
            for voter in ("bob", "evelyn"):
                await cast(app, asked.id, voter, Choice.TIE)
        red, everybody = await verdict_of(app, team="red"), await verdict_of(app)
        assert (red.duels, everybody.duels, everybody.ties, everybody.voters) == (2, 3, 3, 2)
        assert [share.n for share in everybody.tags] == [3]
        await app.remembering.forget("evelyn")
        again = await verdict_of(app)
        assert (again.duels, again.voters, again.words) == (3, 2, everybody.words)
        held = app.judging.evidence.ledgers.held
        assert "evelyn" not in "".join(each.ledger.to_text() for each in held.values() if each.ledger.scope.team is None)
    assert not [text for (text,) in inside(tmp_path / "s", "SELECT state FROM ledgers") if "evelyn" in str(text)]


async def test_tags_are_said_or_guessed_by_the_rules_when_the_request_is_asked(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    settings = Settings.of(store_path=str(tmp_path / "s"), team_tag_rules=str(tmp_path / "rules.toml"))

    async def open_lineup() -> Lineup:
        return lineup_over(ScriptedBackend(two_answers))

    async with App.open(settings, open_lineup) as app:
        await app.model_settled()
        for text, said in (("My INVOICE is wrong", ""), ("def f(): ...", ""), ("Invoices", ""), ("refund", "  money   back ")):
            asked = await ask(app, text, asker="ann", tag=said)
            await until(app, asked.id, "open")
            await cast(app, asked.id, "ann", Choice.LEFT)
        assert {share.tag: share.n for share in (await verdict_of(app)).tags} == {"billing": 1, "code": 1, "money back": 1}
        with pytest.raises(BadRequest, match="at most 40"):
            await ask(app, "Hello?", asker="ann", tag="x" * 41)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tag = 3", "list of"),
        ("[[tags]]\nname = 'x'", "nothing else"),
        ("[[tag]]\nname = 'x'", "Rule 1 .* either words or a pattern"),
        ("[[tag]]\nname = ''\nwords = ['a']", "1 to 40"),
        ("[[tag]]\nname = 'x'\nwords = []", "list of words"),
        ("[[tag]]\nname = 'x'\npattern = '('", "no regular expression"),
        ("[[tag]]\nname = 'x'\nwords = ['a']\nword = 'b'", "Rule 1 .* unknown key 'word'"),
        ("[[tag]]\nname = 'x'\nwords = ['a']\n[[tag]]\nname = 'x'\npattern = 'b'", "Rule 2 .* tag 'x', as rule 1 is"),
        ("[[tag]]\nname = 'x'\npattern = '(?:(?:a{99}){99}){99}'", "no regular expression"),
        ("[[tag]]\nname = 'x'\npattern = '" + "a" * 2001 + "'", "at most 2,000"),
        ("[[tag]]\nname = 'x'\nwords = ['" + "a" * 20_001 + "']", "at most 20,000"),
        ("[[tag]]\nname = 3\nwords = ['a']", "1 to 40"),
        ("[[tag", "not valid TOML"),
    ],
)
async def test_rules_that_are_none_are_refused_before_anything_opens(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "rules.toml").write_text(text)
    with pytest.raises(SettingsError, match=why):
        async with App.open(Settings.of(store_path=str(tmp_path / "s"), base_model="demo", team_tag_rules=str(tmp_path / "rules.toml"))):
            pass
    assert not (tmp_path / "s").exists()


async def test_a_teams_budget_refuses_politely_and_keeps_nothing_of_the_request(tmp_path: Path) -> None:
    moments = [datetime(2026, 11, 22, tzinfo=UTC)]
    settings = Settings.of(store_path=str(tmp_path / "s"), team_usd_per_day=0.0000001, team_usd_per_month=0.0000001)

    async def open_lineup() -> Lineup:
        return lineup_over(ScriptedBackend(two_answers))

    async with App.open(settings, open_lineup, now=lambda: moments[-1]) as app:
        await app.model_settled()
        await answered(app)
        with pytest.raises(BadRequest, match=r"have spent the daily budget: .* cost .* Ask again tomorrow"):
            await ask(app, "One more?", asker="bob")
        moments.append(moments[-1] + timedelta(days=2))
        with pytest.raises(BadRequest, match="last 30 days"):
            await ask(app, "One more?", asker="bob")
        moments.append(moments[-1] + timedelta(days=40))
        await answered(app, "One more?")
        assert len(await app.looking.history()) == 2
        async with app.core.store.reading() as look:
            assert await CountRows(look).spent_since(moments[0], "a server") == 0


async def test_the_board_compares_all_that_met(tmp_path: Path) -> None:
    await planted(tmp_path / "s", duels=60, theta=0.9)
    async with scripted_app(tmp_path / "s") as (app, _):
        [(first, second, duels)] = await app.judging.pairs()
        assert (first.arm, second.arm, duels) == (Arm.PROMPTED, Arm.TUNED, 60) and app.judging.pair() == (first, second)
        board = await app.judging.board()
        assert [standing.contestant for standing in board.standings] == [second.id, first.id]
        assert board.leader == second.id and board.comparisons == 1 and board.standings[0].duels == 60


async def test_pairs_and_the_board_follow_what_closes(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        assert await app.judging.pairs() == [] and (await app.judging.board()).standings == ()
        for number in (1, 2):
            view = await answered(app, f"Number {number}?")
            await cast(app, view.id, "ann", Choice.LEFT)
            [(first, second, duels)] = await app.judging.pairs()
            assert (first, second) == app.judging.pair() and duels == number
            assert [standing.duels for standing in (await app.judging.board()).standings] == [number, number]


async def test_a_request_that_the_adapter_was_trained_on_is_no_evidence(tmp_path: Path) -> None:
    write_trained_on(tmp_path, ["We have  300 TICKETS", "another one"])
    backend = ScriptedBackend(two_answers)

    async def open_lineup() -> Lineup:
        lineup = lineup_over(backend)
        assert lineup.kit.adapter
        adapter = replace(lineup.kit.adapter, trained_on=read_trained_on(tmp_path))
        return replace(lineup, kit=lineup.kit.with_adapter(adapter))

    async with App.open(Settings.of(store_path=str(tmp_path / "s")), open_lineup) as app:
        await app.model_settled()
        for text in ("we have 300\ntickets", "we have 301 tickets"):
            view = await answered(app, text)
            await cast(app, view.id, "ann", Choice.LEFT)
        found = await verdict_of(app)
        assert found.duels == 1 and found.absent[Absence.TRAINED_ON] == 1


async def test_what_was_spent_is_summed_for_a_day_and_a_month(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        assert (await app.judging.spending()).day_usd == 0
        view = await answered(app)
        found = await app.judging.spending()
        assert found.day_usd == found.month_usd > 0 and found.day_cap_usd is None
        assert (await app.judging.spending("a server")).day_usd == 0
        closed = await cast(app, view.id, "ann", Choice.TIE)
        assert closed.reveal and sum(side.cost.usd or 0 for side in closed.reveal.sides.values()) == pytest.approx(found.day_usd)


async def test_a_ledger_of_before_a_forgetting_is_not_kept_after_it(tmp_path: Path) -> None:
    await planted(tmp_path / "s", duels=210)
    async with scripted_app(tmp_path / "s") as (app, _):
        await verdict_of(app)
        held = next(iter(app.judging.evidence.ledgers.held.values()))
        async with app.core.store.writing() as change:
            await change.rows("UPDATE ballots SET voter = 'somebody' WHERE voter = 'person 1'")
        await app.judging.evidence.ledgers.save(held)
        async with app.core.store.reading() as look:
            assert await look.rows("SELECT * FROM ledgers") == []
        assert (await verdict_of(app)).voters == 8


async def test_a_price_list_that_cannot_be_read_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="token prices"):
        async with (
            scripted_app(tmp_path / "s"),
            App.open(Settings.of(store_path=str(tmp_path / "t"), base_model="demo", token_prices=str(tmp_path / "none.toml"))),
        ):
            pass


def inside(path: Path, sql: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    try:
        found = connection.execute(sql).fetchall()
        connection.commit()
        return found
    finally:
        connection.close()


async def test_while_no_model_is_loaded_the_pair_of_the_latest_close_is_judged_on_every_front(tmp_path: Path) -> None:
    """The page asks with no pair, Discord and the terminal likewise: one rule, in the app."""

    async def open_lineup() -> Lineup:
        await asyncio.sleep(60)
        raise AssertionError

    async with App.open(Settings.of(store_path=str(tmp_path / "new")), open_lineup) as app:
        nothing = await app.judging.verdict()
        assert isinstance(nothing, Unknown) and "No vote has closed here yet" in nothing.words
    await planted(tmp_path / "s", duels=40)
    async with App.open(Settings.of(store_path=str(tmp_path / "s")), open_lineup) as app:
        on_the_page = await verdict_for(app, await wanted_by(app, Query()))
        assert isinstance(on_the_page, Verdict) and on_the_page.requests == 40
        assert await app.judging.verdict() == on_the_page
