"""The report of a decision: one page with everything in it, to look at, to print and to send on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from bot.deciding.advice import NAMED, Advice
from bot.deciding.findings import ArmMeasured, DecisionFindings
from bot.deciding.measured import RowAnswers
from bot.deciding.pictures import learning_picture, right_picture
from bot.evidence.decision import State
from bot.words import ARMS, counted, dollars, percent, seconds, started
from engine.contestants import Arm
from engine.printable import printable

CSS = Path(__file__).with_name("report.css")
UNKNOWN = "–"
MOST_ROWS = 8  # test rows whose answers are quoted
MOST_QUOTED = 600  # characters of a quoted text


@dataclass(frozen=True, slots=True)
class Quoted:
    """A test row with what was wanted and what each arm said."""

    request: str
    wanted: str
    answers: RowAnswers


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What the report says beside the figures."""

    title: str
    file: str
    base: str
    made: str  # the day
    price: str  # where the costs come from
    command: str  # that made it
    take_along: tuple[str, ...]  # what can be used elsewhere, a sentence each
    quoted: Sequence[Quoted] = ()


def written(found: DecisionFindings, advice: Advice, facts: ReportFacts) -> str:
    """Write the report as one HTML page that needs no other file."""
    parts = [
        f"<p class=over>{_text(facts.title)} · {_text(facts.base)} · {_text(facts.made)}</p>",
        f"<h1>{_text(advice.headline)}</h1>",
        f"<p class=why>{_text(advice.why)}</p>",
        _figure(right_picture(found), _right_caption(found)),
        _arms_table(found),
        _gaps_table(found),
        _figure(learning_picture(found), "What a fine-tune reaches by the number of rows, as a probe on the base foretells it (95 %)."),
        _aspects(found),
        _list("What would change this", advice.change_it),
        _list("What could not be done", found.notes),
        _quotes(facts.quoted),
        _how(found, facts),
    ]
    body = "\n".join(part for part in parts if part)
    return (
        f"<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
        "<meta name=viewport content='width=device-width, initial-scale=1'>\n"
        f"<title>{_text(advice.headline)}: {_text(facts.title)}</title>\n<style>\n{CSS.read_text(encoding='utf-8')}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _text(words: object) -> str:
    return escape(printable(str(words)))


def _figure(picture: str, caption: str) -> str:
    if not picture:
        return ""
    picture = picture.replace("<svg", f'<svg role="img" aria-label="{_text(caption)}"', 1)
    return f"<figure>{picture}<figcaption>{_text(caption)}</figcaption></figure>"


def _right_caption(found: DecisionFindings) -> str:
    what = "Right answers" if found.counts else "Mean score"
    return (
        f"{what} on {counted(found.measured, 'unseen row')}: {found.metric_words}. The lines are 95 % intervals, however often one looks."
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], caption: str, kind: str = "") -> str:
    head = "".join(f"<th scope=col>{_text(each)}</th>" for each in heads)
    lines = "".join(f"<tr><th scope=row>{_text(row[0])}</th>{''.join(f'<td>{_text(cell)}</td>' for cell in row[1:])}</tr>" for row in rows)
    table = f"<caption>{_text(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{lines}</tbody>"
    return f"<div class=wide><table class='{kind}'>{table}</table></div>"


def _arms_table(found: DecisionFindings) -> str:
    if not found.arms:
        return ""
    heads = ["", "right", "first words", "whole answer", "p95", "alone", "prompt tokens", "per 1,000", "per 1,000 right"]
    caption = "Each way to answer, as it was measured. Times: all answering together."
    rows = [_arm_cells(each) for each in found.arms]
    if any(each.made_up is not None for each in found.arms):
        heads.append("made-up figures")
        caption += " Made-up figures: answers with a number that no wanted answer of their kind states."
        rows = [
            (*row, UNKNOWN if each.made_up is None else percent(each.made_up / each.rows))
            for row, each in zip(rows, found.arms, strict=True)
        ]
    return _table(
        heads,
        rows,
        caption,
        "figures",
    )


def _arm_cells(each: ArmMeasured) -> tuple[str, ...]:
    within = each.right.interval
    right = percent(each.right.mean) + (f" ({within.low * 100:.0f}–{within.high * 100:.0f})" if within else "")
    return (
        ARMS[each.arm].label,
        right,
        *(
            UNKNOWN if value is None else seconds(value)
            for value in (each.first_token_s, each.total_s, each.total_p95_s, each.alone_total_s)
        ),
        UNKNOWN if each.prompt_tokens is None else f"{each.prompt_tokens:,.0f}",
        UNKNOWN if each.usd_per_1000 is None else dollars(each.usd_per_1000),
        UNKNOWN if each.usd_per_1000_right is None else dollars(each.usd_per_1000_right),
    )


def _gaps_table(found: DecisionFindings) -> str:
    if not found.gaps:
        return ""
    rows = []
    for gap in found.gaps:
        within = f"{gap.interval.low * 100:+.0f} to {gap.interval.high * 100:+.0f}" if gap.interval else UNKNOWN
        said = {State.EQUAL: "practically equal", State.CHANGED: "contradictory"}.get(gap.state, "not settled")
        if gap.better:
            said = f"{NAMED[gap.better]} is better"
        rows.append((f"{started(NAMED[gap.second])} against {NAMED[gap.first]}", f"{gap.mean * 100:+.0f}", within, said))
    caption = "Differences in points. All that is called better or equal here is wrong with a chance of 5 % at most, taken together."
    return _table(("", "difference", "95 % interval", "so"), rows, caption)


def _aspects(found: DecisionFindings) -> str:
    """The eight aspects of the choice, with this team's own figures."""
    prompted, tuned = found.of(Arm.PROMPTED), found.of(Arm.TUNED)
    if not prompted or not tuned:
        return ""
    spent, change = found.spent, found.change

    def made(name: str) -> str:
        each = spent.get(name)
        return UNKNOWN if not each else f"{each.minutes:.1f} min" + ("" if each.usd is None else f", {dollars(each.usd)}")

    def changed(at: str) -> str:
        side = (change.prompt if at == "prompt" else change.tune) if change else None
        return UNKNOWN if side is None else f"{seconds(side.seconds)}, then right on {side.right} of {side.rows}"

    def cost(each: ArmMeasured) -> str:
        return UNKNOWN if each.usd_per_1000 is None else f"{dollars(each.usd_per_1000)} per 1,000 answers"

    kinds = f"{found.kind}, {sum(found.rows.values()):,} rows"
    rows = (
        ("definition", "a prompt written from your rows and improved by search", "a LoRA adapter trained on your rows"),
        ("purpose", f"{percent(prompted.right.mean)} right", f"{percent(tuned.right.mean)} right"),
        ("complexity", f"{prompted.prompt_tokens or 0:,.0f} tokens a request", f"{tuned.prompt_tokens or 0:,.0f} tokens a request"),
        ("cost", f"{cost(prompted)}; made in {made('prompt')}", f"{cost(tuned)}; made in {made('fine-tune')}"),
        ("time", f"{seconds(prompted.alone_total_s) if prompted.alone_total_s else UNKNOWN} an answer, alone",
         f"{seconds(tuned.alone_total_s) if tuned.alone_total_s else UNKNOWN} an answer, alone"),
        ("flexibility", f"a renamed class: {changed('prompt')}", f"a renamed class: {changed('fine-tune')}"),
        ("use cases", kinds, f"{kinds}; {_forgot(found)}"),
        ("dependency", "any server that runs the base", "a server that loads LoRA adapters of this base"),
    )  # fmt: skip
    return _table(("", "prompt", "fine-tune"), rows, "The eight aspects, with your own figures.")


def _forgot(found: DecisionFindings) -> str:
    """What the fine-tune cannot do any more."""
    lost = found.forgot
    if lost is None:
        return "what it forgot was not measured"
    return (
        f"of {lost.followed_before} plain instructions that the base follows it still follows {lost.kept}; "
        f"loss on other text {lost.text_loss_before:.2f} → {lost.text_loss_after:.2f}"
    )


def _list(title: str, lines: Sequence[str]) -> str:
    return f"<h2>{_text(title)}</h2><ul>{''.join(f'<li>{_text(line)}</li>' for line in lines)}</ul>" if lines else ""


def _quotes(quoted: Sequence[Quoted]) -> str:
    if not quoted:
        return ""
    parts = []
    for each in quoted[:MOST_ROWS]:
        said = "".join(
            f"<dt>{_text(ARMS[arm].label)} {'✓' if answer.score == 1 else '✗' if answer.score == 0 else f'{answer.score:.2f}'}</dt>"
            f"<dd>{_text(_short(answer.text or answer.failure))}</dd>"
            for arm in Arm
            if (answer := each.answers.arms.get(arm))
        )
        parts.append(
            f"<article><p class=asked>{_text(_short(each.request))}</p>"
            f"<dl><dt>wanted</dt><dd>{_text(_short(each.wanted))}</dd>{said}</dl></article>"
        )
    return f"<h2>Test rows on which they differ</h2>{''.join(parts)}"


def _short(text: str) -> str:
    return text if len(text) <= MOST_QUOTED else f"{text[: MOST_QUOTED - 1]}…"


def _how(found: DecisionFindings, facts: ReportFacts) -> str:
    roles = ", ".join(f"{count:,} {role}" for role, count in found.rows.items() if role)
    left = found.test_rows - found.measured
    lines = [
        f"File: {facts.file}; rows: {roles}. Requests that are nearly alike have one role together.",
        f"Right means: {found.metric_words}."
        + (f" {left:,} test rows were left when the time was over." if left and found.measured else ""),
        f"A difference below {found.margin * 100:.0f} points counts as none.",
        facts.price,
        f"Made by: {facts.command}",
    ]
    return _list("Take it along", facts.take_along) + _list("How this was found", [line for line in lines if line])
