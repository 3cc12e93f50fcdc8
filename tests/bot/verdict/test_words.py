"""What a verdict says: nothing that is false, nothing that contradicts itself, and every noun in its number."""

import math
import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from bot.ballots import Choice
from bot.charts import BoardLine, Chart, alt
from bot.evidence.breakeven import BreakEven, break_even
from bot.evidence.capital import Capital, Interval
from bot.evidence.card import by_a_little, card
from bot.evidence.change import pivotal_words, spare_words, what_would_change
from bot.evidence.decision import Decision, State, decide
from bot.evidence.diagnostics import Kind, Reading
from bot.evidence.duels import Absence
from bot.evidence.figure import LEAST_UNITS, Figure, FigureKind, few
from bot.evidence.forecast import Forecast
from bot.evidence.pooling import TagShare
from bot.evidence.robustness import Robustness
from bot.fronts.discord.commands.results import results_words
from bot.fronts.discord.commands.verdict import verdict_words
from bot.verdict import OfflineLine, Tried, Who, judge
from bot.verdict.figures import absent_words, break_even_words, counted_months, offline_words, reading_words, tag_words, value_words
from bot.verdict.words import (
    Cheaper,
    Counts,
    Recent,
    beside_words,
    headline,
    names,
    outcome_words,
    requests_words,
    robust_words,
    sentence,
    share_words,
    told_apart,
    tried_words,
)
from bot.views import Results
from bot.words import counted, listed
from engine.contestants import Arm
from engine.named import Named
from tests.bot.evidence.make import closed
from tests.bot.verdict.make import WHO, facts, ledger_of

NOUNS = "duel|request|vote|ballot|voter|tie|version|pair|row|answer|month|year|day|time|word|token|step|priced duel|further request"
COUNT = re.compile(rf"(?<![\d.,])(\d[\d,]*) ((?:{NOUNS})s?)\b")


def agrees(words: str) -> bool:
    """Whether every counted noun stands in its number."""
    wrong = [what for count, what in COUNT.findall(words) if (count == "1") is what.endswith("s")]
    return not wrong and not re.search(r"(?<!\d)1 people|None|\bnan\b", words)


def decision(scores: list[float], **changed: object) -> Decision:
    return replace(decide(Capital.start().after(scores)), **changed)  # type: ignore[arg-type]


COUNTS = Counts((3, 9), 1, 0, 0, 14)
MANY_ONES = [1.0] * 40


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_nouns_are_counted(count: int) -> None:
    assert counted(count, "duel") == {0: "0 duels", 1: "1 duel", 2: "2 duels", 1000: "1,000 duels"}[count]
    assert counted(count, "person", "people").endswith("person" if count == 1 else "people")
    assert (listed([]), listed(["a"]), listed(["a", "b"]), listed(list("abcde"))) == ("", "a", "a and b", "a, b, c and 2 more")


def test_the_check_of_numbers_finds_what_it_is_for() -> None:
    for wrong in ("0 duel", "1 duels", "of 1 voters", "2 request", "1,200 tie", "12 further request", "1 people"):
        assert not agrees(wrong), wrong
    for right in (
        "0 duels",
        "11 people",
        "1,200 ties",
        "1 duel",
        "21 duels",
        "1,001 duels",
        "1 further request",
        "0.1 months",
        "per 1,000 answers",
        "1 person",
    ):
        assert agrees(right), right


@pytest.mark.parametrize("n", [0, 1, 2, 10, 11])
def test_every_sentence_builder_counts_right(n: int) -> None:
    found = decision([1.0, 0.0] * (n // 2) + [1.0] * (n % 2))
    counts = Counts((n, n), n, n, n, n, open=n, by_hand=n, served=n)
    said = [requests_words(found, counts), outcome_words(counts, WHO), beside_words(counts), share_words(found, WHO)]
    said += [share_words(replace(found, state=State.CHANGED), WHO, Recent(max(1, n), 0.3)), tried_words(found, Tried(n, n))]
    for forecast in (None, *(Forecast(*three, 1.0, 2000, 200) for three in ((n, n, n), (n, 0, None), (None, None, None)))):
        said += [*what_would_change(found, forecast=forecast), sentence(found, WHO, "Keep collecting", counts, forecast=forecast)]
    for voters, pivotal, spare in product((1, 2, 3), (0, 1, 2), (None, 0, n, 1000)):
        robust = Robustness(State.SECOND, voters, tuple("abc"[: min(pivotal, voters)]), spare)
        won = replace(found, state=State.SECOND)
        said += [robust_words(won, robust, voters), *what_would_change(won, robust=robust), pivotal_words(robust), spare_words(robust)]
    said += [robust_words(replace(found, state=State.FIRST), None, n), absent_words(dict.fromkeys(Absence, n))]
    said += [words for kind in Kind for words in reading_words(Reading(kind, 0.4, Interval(0.1, 0.8), n, False))]
    said += [
        tag_words(TagShare("mail", n, 0.5, 0.5, Interval(0.2, 0.8), 0.0, False), WHO)[1],
        few(n),
        few(n, "a break-even", "priced duel"),
    ]
    said += [
        offline_words(OfflineLine("F1", (0.1, 0.2), 0.1, Interval(-0.1, 0.3) if n >= 10 else None, n))[3],
        counted_months(n),
        counted_months(n / 10),
        counted_months(n * 24),
    ]
    said += [value_words(Figure("x", FigureKind.COUNT, n, unit)) for unit in ("word", "token", "step", "answer", "month", "")]
    said += [value_words(Figure("x", FigureKind.SHARE, 0.5, "request", n=n)), break_even_words(even(n), "")]
    line = BoardLine("Prompt, house 1", 0.6, None if n < LEAST_UNITS else Interval(0.5, 0.7), n, False, False)
    said += [alt(Chart.BOARD, judge(ledger_of([]), facts()), [line, line])]
    said += [results_words(Results({("tie", None): n, ("better", WHO[0]): n, ("open", None): n}, n, n), "")]
    for words in said:
        assert agrees(words), words


def even(answers: int) -> BreakEven:
    found = break_even(([2.0] * 10, [1.0] * 10), answers, np.random.default_rng(0), requests_per_month=answers, shelf_life_months=1)
    assert found is not None and found.answers == answers
    return found


@pytest.mark.parametrize("n", [0, 1, 2, 9, 10])
def test_a_verdict_of_so_few_says_so_everywhere(n: int) -> None:
    """No interval, forecast, break-even, chance or p95 stands on fewer than 10; the reason does."""
    duels = [closed(at, {f"v{voter}": Choice.LEFT for voter in range(at % 2 + 1)}, tag="mail") for at in range(1, n + 1)]
    found = judge(ledger_of(duels), facts())
    charts = [alt(chart, found) for chart in Chart]
    said = [found.words, found.headline, verdict_words(found), *found.change, *charts, *(aspect.reason for aspect in found.aspects)]
    said += [words for reading in found.readings.values() for words in reading_words(reading)]
    said += [part for tag in found.tags for part in tag_words(tag, found.who)]
    said += [value_words(figure) for aspect in found.aspects for at in (0, 1) for figure in aspect.side(at)]
    for words in said:
        assert agrees(words), words
        if n < LEAST_UNITS:
            assert not re.search(r"\([^()]* to [^()]*\)|between \d|probably|pays back after", words), words
    if n < LEAST_UNITS:
        assert found.forecast is None and found.even is None
        assert not n or ("10" in found.no_break_even and "10" in found.words)
        shares = [figure for aspect in found.aspects for at in (0, 1) for figure in aspect.side(at) if figure.kind is FigureKind.SHARE]
        assert all(figure.interval is None for figure in shares)
        assert not [figure for figure in shares if figure.label.startswith("chance")]
    else:
        assert found.even is not None and found.decision.shown is not None


def test_what_stands_beside_every_verdict() -> None:
    assert beside_words(COUNTS) == ""
    assert beside_words(COUNTS._replace(open=2, by_hand=3)) == "2 duels are still open; 3 were closed by hand and do not count."
    assert beside_words(COUNTS._replace(open=1, by_hand=1)) == "1 duel is still open; 1 was closed by hand and does not count."
    assert beside_words(COUNTS._replace(by_hand=2)) == "2 duels were closed by hand and do not count."
    same = beside_words(COUNTS._replace(identical=2, open=1))
    assert same == "Answers were identical 2 times; those are not counted. 1 duel is still open."
    for scores in ([], [1.0], MANY_ONES):
        assert sentence(decision(scores), WHO, "So", COUNTS._replace(open=2)).endswith("2 duels are still open.")
    assert judge(ledger_of([]), replace(facts(), open=2)).words == "Keep collecting: no duel decided yet. 2 duels are still open."


def test_what_was_tried_is_said_where_it_is_more_than_one() -> None:
    found = decision(MANY_ONES)
    assert tried_words(found, Tried()) == ""
    assert tried_words(found, Tried(3, 4)) == "The error rate is held at 5% over 3 pairs and 4 versions of the prompt."
    assert tried_words(found, Tried(1, 2, craft=Arm.TUNED)) == "The error rate is held at 5% over 2 versions of the fine-tune."
    told = judge(ledger_of([closed(at, {"a": Choice.LEFT}) for at in range(1, 31)]), replace(facts(), tried=Tried(3)))
    assert told.decision.comparisons == Tried(3).comparisons > 3 and "over 3 pairs." in told.words


def test_requests_and_duels_are_both_counted() -> None:
    assert sentence(decision([1.0] * 12), WHO, "Fine-tune", COUNTS).startswith(
        "Fine-tune. 12 requests (14 duels) decided: 3 for the prompt, 9 for"
    )


def test_a_winner_whose_interval_holds_one_half_is_told_truthfully() -> None:
    won = decision(MANY_ONES, state=State.SECOND, theta=0.66, interval=Interval(0.48, 0.8), log_e_value=math.log(31))
    assert share_words(won, WHO) == (
        "The fine-tune's share is 66%, between 48% and 80% (95% sure however often you look). "
        "The evidence against 50% alone is 31 to 1; the interval is wider because it holds for every share at once."
    )
    assert "reached 20 to 1 at an earlier look" in share_words(replace(won, log_e_value=math.log(11)), WHO)
    assert "more than 1,000,000 to 1" in share_words(replace(won, log_e_value=999.0), WHO)
    assert "evidence against" not in share_words(replace(won, interval=Interval(0.55, 0.8)), WHO)
    assert "evidence against" not in share_words(replace(won, state=State.COLLECT), WHO)


def test_what_has_changed_gives_the_latest_requests_and_no_interval() -> None:
    changed = decision(MANY_ONES, state=State.CHANGED, theta=0.53, interval=Interval(0.61, 0.61))
    assert headline(changed, WHO, None) == "Look: this has changed"
    said = sentence(changed, WHO, "Look: this has changed", COUNTS, recent=Recent(30, 0.28))
    assert "Over the last 30 requests the prompt's share is 72%; earlier ones said otherwise" in said
    for words in (said, share_words(changed, WHO), *(aspect.reason for aspect in card(inputs_of(changed)))):
        assert "61%" not in words and "53%" not in words
    assert "contradict" in share_words(changed, WHO) and "contradict" in what_would_change(changed)[0]
    assert changed.shown is None and robust_words(changed, None, 4).startswith("Nothing is decided")


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("ends", [(0.61, 0.61), (0.7, 0.6), (0.2, 0.4)])
def test_no_share_stands_beside_an_interval_that_excludes_it(state: State, ends: tuple[float, float]) -> None:
    odd = decision(MANY_ONES, state=state, theta=0.53, interval=Interval(*ends))
    assert "between" not in share_words(odd, WHO)
    assert all(figure.interval is None for aspect in card(inputs_of(odd)) for figure in aspect.side(1))


def test_a_reading_has_no_interval_that_excludes_it() -> None:
    odd = Reading(Kind.POSITION, 0.54, Interval(0.55, 0.63), 118, True)
    assert reading_words(odd)[1:] == (
        "54%, 118 duels; earlier and later ones contradict each other",
        "look into this: near 50% is good: a coin seats them",
    )
    assert reading_words(replace(odd, value=0.6))[1] == "60% (55% to 63%), 118 duels"


def inputs_of(found: Decision):  # type: ignore[no-untyped-def]
    from bot.evidence.card import CardInputs
    from tests.bot.verdict.make import ADAPTER, RECIPE

    return CardInputs(RECIPE, ADAPTER, found, 0.1)


SMALL = {"state": State.SECOND, "theta": 0.57, "interval": Interval(0.52, 0.63)}


def test_a_small_difference_is_a_little_one_and_names_the_cheaper_side() -> None:
    small, large = decision(MANY_ONES, **SMALL), decision(MANY_ONES, **SMALL | {"interval": Interval(0.52, 0.7)})
    assert by_a_little(small) and headline(small, WHO, 1) == "Fine-tune, by a little"
    dear = Cheaper(0, (0.03, 0.09), 12.0)
    assert headline(small, WHO, 1, cheaper=dear) == (
        "Fine-tune, by a little; the prompt is the cheaper: $0.030 per 1,000 answers against $0.090 and $12.00 more up front"
    )
    assert headline(small, WHO, 1, cheaper=dear._replace(extra_usd=None)).endswith("against $0.090, not counting what each took to make")
    assert headline(small, WHO, 1, cheaper=dear._replace(side=1)) == "Fine-tune, by a little"
    prompt = replace(small, state=State.FIRST, theta=0.43, interval=Interval(0.37, 0.48))
    saves = Cheaper(1, (0.09, 0.03), 12.0)
    assert headline(prompt, WHO, 0, cheaper=saves) == (
        "Use the prompt, by a little; the fine-tune is the cheaper: $0.030 per 1,000 answers against $0.090 and $12.00 less up front"
    )
    assert headline(large, WHO, 1, cheaper=dear) == "Fine-tune"


def test_practically_equal_names_the_tags_that_are_not() -> None:
    tags = [
        TagShare("billing", 40, 0.8, 0.75, Interval(0.6, 0.9), 5.0, True),
        TagShare("code: x", 40, 0.2, 0.25, Interval(0.1, 0.4), 5.0, True),
        TagShare("mail", 90, 0.5, 0.5, Interval(0.4, 0.6), 0.0, False),
    ]
    equal = decision([0.0, 1.0] * 100, state=State.EQUAL)
    assert headline(equal, WHO, 0, tags) == (
        "Practically equal except on “billing” (the fine-tune is better) and “code: x” (the prompt is better); otherwise take the cheaper: "
        "the prompt"
    )
    assert headline(equal, WHO, None, tags[2:]) == "Practically equal, take the cheaper (which that is, is not known yet)"
    assert headline(equal, WHO, 1) == "Practically equal, take the cheaper: the fine-tune"


def who(one: str, recipe: Named, adapter: Named | None = None, arm: Arm = Arm.PROMPTED) -> Who:
    return Who(one, arm, recipe, adapter)


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        ((who("a", Named("house", "1")), who("b", Named("house", "2"))), ("the prompt house 1", "the prompt house 2")),
        ((who("aaaaaaaa", Named("a b", "c")), who("bbbbbbbb", Named("a", "b c"))), ("the prompt aaaaaa", "the prompt bbbbbb")),
        ((who("aaaaaaa1", Named("h", "1")), who("aaaaaaa2", Named("h", "1"))), ("the prompt aaaaaaa1", "the prompt aaaaaaa2")),
        (
            (who("a", Named("p", "1"), Named("x", "1"), Arm.TUNED), who("b", Named("p", "1"), Named("x", "2"), Arm.TUNED)),
            ("the fine-tune x 1", "the fine-tune x 2"),
        ),
        (
            (who("a", Named("p", "1"), Named("x", "1"), Arm.TUNED), who("b", Named("p", "2"), Named("x", "1"), Arm.TUNED)),
            ("the fine-tune p 1", "the fine-tune p 2"),
        ),
        (WHO, ("the prompt", "the fine-tune")),
    ],
)
def test_two_of_one_arm_are_told_apart(pair: tuple[Who, Who], told: tuple[str, str]) -> None:
    assert names(pair) == told


def test_two_of_one_arm_are_counted_as_two() -> None:
    pair = (replace(WHO[0], recipe=Named("house", "1")), replace(WHO[0], id=WHO[1].id, recipe=Named("house", "2")))
    duels = [closed(at, {"ann": Choice.LEFT if at % 4 else Choice.RIGHT}) for at in range(1, 41)]
    found = judge(ledger_of(duels), replace(facts(), who=pair, recipe=None, adapter=None))
    assert found.better == (30, 10) and "30 for the prompt house 1, 10 for the prompt house 2" in found.words
    assert found.headline == "Use the prompt (house 1)"
    said = results_words(Results({("better", pair[0]): 30, ("better", pair[1]): 10}, 40, 1), "")
    assert "- the prompt house 1 better: 30\n- the prompt house 2 better: 10" in said
    third = Who("third", Arm.TUNED, Named("plain", "1"), Named("demo", "1"))
    assert list(told_apart([*pair, third]).values()) == ["the prompt house 1", "the prompt house 2", "the fine-tune"]
