"""The report of a decision: one page with everything in it, and nothing of a stranger's text run by it."""

from dataclasses import replace
from html.parser import HTMLParser

from bot.deciding.advice import advise
from bot.deciding.findings import ProbePoint
from bot.deciding.measured import ArmAnswer, RowAnswers
from bot.deciding.report import Quoted, ReportFacts, written
from engine.contestants import Arm
from tests.bot.deciding.test_advice import C, N, P, T, drawn, findings

EVIL = "<script>alert(1)</script>"


class _Page(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [str(value) for name, value in attrs if name in ("src", "href") and not str(value).startswith("#")]


def page_of() -> str:
    found = replace(
        findings(drawn({P: 0.39, T: 0.88, C: 0.6, N: 0.0}, 240)),
        foretold=(ProbePoint(48, 0.5, 0.4, 0.6), ProbePoint(96, 0.7, 0.6, 0.8), ProbePoint(192, 0.85, 0.78, 0.9)),
        notes=("No change was tried: the time is over.",),
    )
    quoted = Quoted(f"{EVIL} where is it?", "x", RowAnswers(1, {Arm.PROMPTED: ArmAnswer(EVIL, 0), Arm.TUNED: ArmAnswer("x", 1)}))
    facts = ReportFacts(
        EVIL, "rows.csv", "smollm2", "3 May 2026", "Costs: none.", "duelbot decide", ("The prompt: recipe.toml.",), (quoted,)
    )
    return written(found, advise(found), facts)


def test_the_report_stands_alone_and_runs_nothing() -> None:
    page = page_of()
    seen = _Page(page)
    assert "script" not in seen.tags
    assert seen.links == []
    assert seen.tags.count("svg") == 2
    assert seen.tags.count("table") == 3
    for words in ("<h1>Fine-tune</h1>", "practically equal" if "practically equal" in page else "is better", "What could not be done"):
        assert words in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; where is it?" in page


def test_figures_that_are_likely_made_up_stand_beside_what_is_right() -> None:
    found = findings(drawn({P: 0.39, T: 0.88, C: 0.6, N: 0.0}, 240))
    made_up = {P: 60, T: 12, C: 0, N: 240}
    found = replace(found, arms=tuple(replace(each, made_up=made_up[each.arm]) for each in found.arms))
    advice = advise(found)
    assert "in 25% of the prompt's answers and in 5% of the fine-tune's" in advice.why
    page = written(found, advice, ReportFacts("t", "rows.csv", "smollm2", "3 May 2026", "", "duelbot decide", ()))
    assert "<th scope=col>made-up figures</th>" in page
    assert "<td>100%</td>" in page
    assert "made-up" not in page_of()
