"""Which technique to use, in one paragraph that says no more than the figures hold. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from adapters.data.split import SMALL
from bot.deciding.findings import ArmMeasured, DecisionFindings
from bot.deciding.gaps import Gap, beaten
from bot.evidence.bets import LEAST_UNITS
from bot.evidence.decision import State
from bot.words import PER_1000, counted, dollars, listed, percent, seconds, started
from engine.contestants import Arm

GOOD = 0.5  # share of right answers, below which no advice is to use it
TEST_SHARE = 0.25  # of the rows that are labelled, which become test rows
SIMPLEST = (Arm.PLAIN, Arm.PROMPTED, Arm.TUNED, Arm.COMBINED)  # the order in which arms are taken where nothing tells them apart
Outcome = Literal["wins", "leads", "equal", "open", "few"]
NAMED = {Arm.PROMPTED: "your prompt", Arm.TUNED: "the fine-tune", Arm.PLAIN: "the plain base", Arm.COMBINED: "both together"}
HEADLINES = {
    Arm.PROMPTED: "Engineer the prompt",
    Arm.TUNED: "Fine-tune",
    Arm.COMBINED: "Both together: fine-tune, and keep the prompt",
    Arm.PLAIN: "Neither: the plain base is as good",
}

ONE_SUFFICES = (
    (Arm.TUNED, Arm.COMBINED, "The prompt beside the fine-tune"),
    (Arm.PROMPTED, Arm.COMBINED, "A fine-tune beside the prompt"),
    (Arm.PLAIN, Arm.PROMPTED, "The prompt"),
    (Arm.PLAIN, Arm.TUNED, "The fine-tune"),
)  # the arm that does less, the one that does more, and what that is


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do, and why."""

    outcome: Outcome
    take: Arm | None  # None: the figures do not say
    headline: str
    why: str  # the paragraph
    change_it: tuple[str, ...]  # what would change this, a sentence each


def advise(found: DecisionFindings) -> Advice:
    """Decide among the arms."""
    if found.measured < LEAST_UNITS:
        return _too_few(found)
    best = _unbeaten(found)
    if len(best) == 1:
        return _advice(found, "wins", best[0].arm, HEADLINES[best[0].arm], "")
    between = [_gap(found.gaps, first.arm, second.arm) for first, second in combinations(best, 2)]
    crafts = {each.arm for each in best}
    if all(gap.state is State.EQUAL for gap in between):
        return _one_suffices(found, crafts) or _equal(found, best)
    if crafts <= {Arm.TUNED, Arm.COMBINED}:
        return _advice(found, "leads", Arm.TUNED, "Fine-tune", _unsettled(found, between, "Whether the prompt beside it helps"))
    if crafts <= {Arm.PROMPTED, Arm.COMBINED}:
        return _advice(
            found, "leads", Arm.PROMPTED, "Engineer the prompt", _unsettled(found, between, "Whether a fine-tune beside it helps")
        )
    names = listed([NAMED[each.arm] for each in best], 4)
    said = f"Between {names} nothing is settled yet; {_leads(best)}. {_label_more(found, between)}"
    return _advice(found, "open", None, f"Not settled: {names}", said)


def _unbeaten(found: DecisionFindings) -> list[ArmMeasured]:
    """The arms that no other is proven better than."""
    worse = beaten(found.gaps)
    return [each for each in found.arms if each.arm not in worse]


def _leads(arms: Sequence[ArmMeasured]) -> str:
    """Say which of these has the highest share, if one has it by itself."""
    most = max(each.right.mean for each in arms)
    first = [each for each in arms if each.right.mean == most]
    return f"{NAMED[first[0].arm]} leads" if len(first) == 1 else "none leads"


def _gap(gaps: Sequence[Gap], one: Arm, other: Arm) -> Gap:
    return next(gap for gap in gaps if {gap.first, gap.second} == {one, other})


def _one_suffices(found: DecisionFindings, crafts: set[Arm]) -> Advice | None:
    """Of an arm and one that does more, practically equal, the one that does less; None where it is a matter of two crafts."""
    for less, more, said in ONE_SUFFICES:
        if crafts == {less, more}:
            return _advice(found, "wins", less, HEADLINES[less], f"{said} changes less than {_points(found.margin)}: leave it out.")
    return None


def _equal(found: DecisionFindings, best: Sequence[ArmMeasured]) -> Advice:
    """The cheapest of those that are practically equal; where a price is missing, the simplest."""
    priced = all(each.usd_per_1000 is not None for each in best)
    take = min(best, key=lambda each: (each.usd_per_1000 if priced else 0, SIMPLEST.index(each.arm)))
    names = listed([NAMED[each.arm] for each in best], 4)
    cheap = "the cheaper" if len(best) == 2 else "the cheapest"
    costs = listed([f"{NAMED[each.arm]} {dollars(each.usd_per_1000)}" for each in best], 4) if priced else ""
    why = f"{started(names)} differ by less than {_points(found.margin)}, which counts as nothing here"
    why += f"; {PER_1000} {costs}." if costs else "; what they cost is not known, so the simplest is taken."
    return _advice(found, "equal", take.arm, f"Practically equal: take {cheap if priced else 'the simplest'}, {NAMED[take.arm]}", why)


def _too_few(found: DecisionFindings) -> Advice:
    """Say why nothing can be told, and what to label where that is for want of rows."""
    rows = sum(found.rows.values())
    if found.test_rows >= LEAST_UNITS:
        answered = f"{found.measured:,} of {counted(found.test_rows, 'test row')} were answered: too few to tell anything."
        return Advice("few", None, "Not measured: the test rows were not answered", answered, ())
    if rows >= SMALL:
        roles = f"The file gives the rows their roles, and {counted(found.test_rows, 'row')} of {rows:,} the role test."
        todo = "Give at least 100 rows that were not learned from the role test, or leave the roles out: then a quarter is taken."
        return Advice("few", None, "Not enough test rows: give more rows the role test", f"{roles} {todo}", ())
    kinds = f" Label most of {listed([f'“{name}”' for name in found.few], 5)}, which have the fewest." if found.few else ""
    few = f"{counted(rows, 'row')} {'is' if rows == 1 else 'are'} too few to keep some apart for a test"
    seen = (
        f"of {counted(found.measured, 'test row')} nothing can be told"
        if found.measured
        else "nothing was measured on rows that no side has seen"
    )
    why = f"{few}: {seen}. {found.pays}"
    more = max(60, SMALL - rows)
    return Advice("few", None, f"Not enough rows: label about {more} more", f"{why.strip()}{kinds}", ())


def _advice(found: DecisionFindings, outcome: Outcome, take: Arm | None, headline: str, more: str) -> Advice:
    poor = _poor(found)
    parts = [_compared(found), poor, more, _facts(found), _times(found), _made(found), _changes(found)]
    if poor and take:
        headline = f"Not good enough yet; {f'{NAMED[take]} is ahead' if outcome == 'wins' else 'which is best is not settled'}"
        headline = "Not good enough yet, whichever is taken" if outcome == "equal" else headline
    return Advice(outcome, take, headline, " ".join(part for part in parts if part), tuple(_change_it(found, take)))


# --- sentences


def _poor(found: DecisionFindings) -> str:
    """Say that even the best is mostly wrong, where it is."""
    best = max(found.arms, key=lambda each: each.right.mean)
    if not found.counts or best.right.mean >= GOOD:
        return ""
    return f"Even {NAMED[best.arm]} is wrong on most rows: a larger base, or more and clearer rows, come before this choice."


def _points(share: float) -> str:
    return f"{share * 100:.0f} points"


def _share(arm: ArmMeasured, found: DecisionFindings) -> str:
    """An arm's share, its interval, and its rows where it was asked fewer than others."""
    right, few = arm.right, f"of the first {arm.rows:,}" if arm.rows < found.measured else ""
    within = f"{percent(right.interval.low).removesuffix('%')} to {percent(right.interval.high)}" if right.interval else ""
    beside = ", ".join(filter(None, (within, few)))
    return percent(right.mean) + (f" ({beside})" if beside else "")


def _compared(found: DecisionFindings) -> str:
    """How right each side is."""
    ranked = sorted(found.arms, key=lambda each: -each.right.mean)
    what = f"was right on {_share(ranked[0], found)}" if found.counts else f"scored {_share(ranked[0], found)}"
    rest = listed([f"{NAMED[each.arm]} {'on ' if found.counts else ''}{_share(each, found)}" for each in ranked[1:]], 4)
    return f"On {counted(found.measured, 'unseen row')} {NAMED[ranked[0].arm]} {what}, {rest}." if rest else ""


def _unsettled(found: DecisionFindings, between: Sequence[Gap], question: str) -> str:
    gap = between[0]
    if gap.interval is None:
        return f"{question} is not settled. {_label_more(found, between)}"
    low, high = _signed(gap.interval.low), _signed(gap.interval.high)
    alone = f"by itself that is between {low} and {high} points, and what is claimed holds for all pairs together"
    return f"{question} is not settled: {alone}. {_label_more(found, between)}"


def _signed(share: float) -> str:
    return f"{share * 100:+.0f}"


def _label_more(found: DecisionFindings, between: Sequence[Gap]) -> str:
    needed = [gap.rows_needed for gap in between if gap.rows_needed]
    if not needed:
        return ""
    said, left = [], found.test_rows - found.measured
    if left > 0:
        said.append(f"{left:,} more test rows are there: decide anew with more --minutes, under another --name.")
    if max(needed) > found.test_rows:
        rows = max(max(needed) / TEST_SHARE - sum(found.rows.values()), max(needed) - found.test_rows)
        said.append(f"About {max(needed) - found.test_rows:,} more test rows would settle it: label some {round(rows, -1):,.0f} rows.")
    return " ".join(said)


def _facts(found: DecisionFindings) -> str:
    """How often the two crafts state a figure that is likely made up."""
    prompted, tuned = found.of(Arm.PROMPTED), found.of(Arm.TUNED)
    if not prompted or not tuned or prompted.made_up is None or tuned.made_up is None:
        return ""
    return (
        f"A figure that no wanted answer of its kind states stood in {percent(prompted.made_up / prompted.rows)} of the prompt's answers "
        f"and in {percent(tuned.made_up / tuned.rows)} of the fine-tune's."
    )


def _times(found: DecisionFindings) -> str:
    prompted, tuned = found.of(Arm.PROMPTED), found.of(Arm.TUNED)
    if not prompted or not tuned or not prompted.alone_total_s or not tuned.alone_total_s:
        return ""
    first = f"The prompt answers in {seconds(prompted.alone_total_s)}, the fine-tune in {seconds(tuned.alone_total_s)}"
    if prompted.usd_per_1000 is None or tuned.usd_per_1000 is None:
        return f"{first}; what that costs is not known."
    return f"{first}; {PER_1000} they cost {dollars(prompted.usd_per_1000)} and {dollars(tuned.usd_per_1000)}."


def _made(found: DecisionFindings) -> str:
    """What the fine-tune took to make, and from when on that is paid back; one that the prompt is proven better than pays for nothing."""
    tune, prompted, tuned = found.spent.get("fine-tune"), found.of(Arm.PROMPTED), found.of(Arm.TUNED)
    if not tune or not tuned:
        return ""
    cost = "" if tune.usd is None else f" and {dollars(tune.usd)}"
    said = f"Training took {tune.minutes:.1f} minutes{cost}"
    prompt = found.spent.get("prompt")
    said += f", the prompt's search {prompt.minutes:.1f} minutes." if prompt else "."
    worse = any({gap.first, gap.second} == {Arm.PROMPTED, Arm.TUNED} and gap.better is Arm.PROMPTED for gap in found.gaps)
    if worse or not prompted or prompted.usd_per_1000 is None or tuned.usd_per_1000 is None or tune.usd is None:
        return said
    saved = prompted.usd_per_1000 - tuned.usd_per_1000
    if saved <= 0:
        return f"{said} An answer of the fine-tune costs no less than one of the prompt, so cost never pays for it."
    extra = tune.usd - (prompt.usd or 0.0 if prompt else 0.0)
    answers = max(0.0, extra / saved * 1000)
    return f"{said} It pays for itself {'at once' if answers < 1 else f'after {answers:,.0f} answers'}."


def _changes(found: DecisionFindings) -> str:
    change = found.change
    if not change or not (change.prompt and change.tune):
        return ""
    prompt, tune = change.prompt, change.tune
    return (
        f"A class that got another name was live in {seconds(prompt.seconds)} in the prompt, then right on {prompt.right} of {prompt.rows} "
        f"rows, and in {seconds(tune.seconds)} by training on, then right on {tune.right} of {tune.rows}."
    )


def _change_it(found: DecisionFindings, take: Arm | None) -> list[str]:
    """What would change the advice."""
    told = []
    if found.change and found.change.prompt and found.change.tune and take in (Arm.TUNED, Arm.COMBINED):
        faster = found.change.tune.seconds - found.change.prompt.seconds
        if faster > 1:
            told.append(
                f"Answers that change often: each change costs the fine-tune {seconds(faster)} more than the prompt, and a person's look."
            )
    tuned, simpler = found.of(Arm.TUNED), take not in (Arm.TUNED, Arm.COMBINED)
    short = bool(tuned and found.counts and found.foretold and found.foretold[-1].right > tuned.right.mean + found.margin)
    if simpler and tuned and short:
        reached = f"the fine-tune came out at {percent(tuned.right.mean)}, and the probe foretold {percent(found.foretold[-1].right)}"
        told.append(f"A longer training: {reached}.")
    elif simpler and found.pays:
        told.append(f"More rows: {found.pays}")
    if take in (Arm.TUNED, Arm.COMBINED) and (lost := found.forgot) and lost.kept < lost.followed_before:
        told.append(
            f"Other work for the same model: of {lost.followed_before} plain instructions that the base follows, the fine-tune still "
            f"follows {lost.kept}. Ask it for nothing else."
        )
    if take is not None:
        told.append("Requests of another kind than these rows: then these figures say nothing. Collect votes on real ones.")
    return told
