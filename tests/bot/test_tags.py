"""Tag rules: what fits, whose spelling, and that no rule holds anybody up."""

import asyncio
import threading
import time
from pathlib import Path

import pytest

from bot import tags
from bot.app import App
from bot.ballots import Choice
from bot.settings import Settings
from bot.tags import ALL_S, TagRules, read_rules
from engine.backends.scripted import ScriptedBackend
from engine.lineup import Lineup
from tests.bot.scripted import ask, cast, lineup_over, two_answers, until
from tests.patience import patient

SLOW = "[[tag]]\nname = 'slow {n}'\npattern = '^(a|aa|aaa)+$'\n"
REQUEST = "a" * 60 + " invoice"


def rules_of(folder: Path, text: str) -> str:
    (folder / "rules.toml").write_text(text, encoding="utf-8")
    return str(folder / "rules.toml")


def test_words_and_a_pattern_may_stand_in_one_rule_and_the_file_may_have_a_byte_order_mark(tmp_path: Path) -> None:
    rules = read_rules(
        rules_of(tmp_path, "\ufeff[[tag]]\nname = ' my  bills '\nwords = ['re', 'refund', 'C++', 'NAÏVE']\npattern = '№ ?\\d'")
    )
    for request in ("Re: hello", "a REFUND.", "c++", "naïve", "№ 7"):
        assert rules.guess(request) == "my bills", request
    for request in ("rest", "refunds", "hello", ""):
        assert rules.guess(request) == "", request


def test_a_slow_rule_fits_nothing_and_later_ones_are_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tags, "ALL_S", patient(ALL_S))
    rules = read_rules(rules_of(tmp_path, SLOW.format(n=1) + "[[tag]]\nname = 'billing'\nwords = ['invoice']\n"))
    for _ in range(3):
        assert rules.guess(REQUEST) == "billing"
    assert [record.message.split(",")[0] for record in caplog.records] == ["The tag rule 'slow 1' takes longer than 0.1 s"]
    assert rules.guess("aaa") == "slow 1"  # on another request it is quick


def test_many_slow_rules_take_no_longer_than_all_may(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rules = read_rules(
        rules_of(tmp_path, "".join(SLOW.format(n=n) for n in range(50)) + "[[tag]]\nname = 'billing'\nwords = ['invoice']\n")
    )
    began = time.process_time()
    assert rules.guess(REQUEST) == ""
    assert time.process_time() - began < patient(2 * ALL_S)
    assert "together, so those from 'slow " in caplog.text


async def test_others_go_on_while_rules_are_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules wait for another's vote to be kept: on the event loop, or within the transaction, that could never happen."""

    async def open_lineup() -> Lineup:
        return lineup_over(ScriptedBackend(two_answers))

    path = rules_of(tmp_path, "[[tag]]\nname = 'billing'\nwords = ['invoice']\n")
    begun, voted, guess = threading.Event(), threading.Event(), TagRules.guess

    def waits(rules: TagRules, request: str) -> str:
        begun.set()
        assert voted.wait(20), "nobody else could do anything meanwhile"
        return guess(rules, request)

    async with App.open(Settings.of(store_path=str(tmp_path / "s"), team_tag_rules=path), open_lineup) as app:
        await app.model_settled()
        first = await ask(app, "Hello?", asker="ann")
        await until(app, first.id, "open")
        monkeypatch.setattr(TagRules, "guess", waits)
        slow = asyncio.create_task(ask(app, "My invoice is wrong", asker="bob"))
        assert await asyncio.to_thread(begun.wait, 20)
        assert (await cast(app, first.id, "ann", Choice.LEFT)).state == "closed" and not slow.done()
        voted.set()
        await until(app, (await slow).id, "open")
        assert await app.judging.tags() == ["billing"]
