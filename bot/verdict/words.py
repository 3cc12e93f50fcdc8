"""A verdict in sentences. Pure. Tags and names of recipes are the team's own text: each front makes them fit to show."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bot.ballots import Entrant
from bot.evidence.card import better_on, by_a_little
from bot.evidence.change import pivotal_words, spare_words
from bot.evidence.decision import Decision, Recent, State
from bot.evidence.figure import few
from bot.evidence.forecast import Forecast
from bot.evidence.pooling import TagShare
from bot.evidence.robustness import Robustness
from bot.verdict.tried import ONE_TRY, Tried
from bot.who import Who
from bot.words import ARMS, PER_1000, are, counted, dollars, listed, percent, started
from engine.contestants import Arm

CONTRADICT = "Earlier and later requests contradict each other, so no single share describes them."


class Counts(NamedTuple):
    """Duels by what most of their voters said, and those that stand beside the verdict; `better` in the order of the pair."""

    better: tuple[int, int]
    ties: int
    both_bad: int
    identical: int  # asked of nobody
    duels: int  # closed with ballots, repeats of a request included
    open: int = 0  # still open for votes
    by_hand: int = 0  # closed by hand before their quorum: shown, and no evidence
    says_who: int = 0  # an answer says which side it is: shown, and no evidence
    served: int = 0  # closed, and asked by a program that had got one of both answers


class Cheaper(NamedTuple):
    """The side that costs less. extra_usd: what side 1 took more up front; None: not known, so running costs alone are compared."""

    side: Entrant
    usd_per_1000: tuple[float, float]  # mean per 1,000 answers, in the order of the pair
    extra_usd: float | None


def labels(who: Iterable[Who]) -> dict[str, str]:
    """Tell each contestant (by id) from others of its arm: by adapter, recipe or base, else by id; alone it needs nothing."""
    groups: dict[Arm, dict[str, Who]] = {}
    for one in who:
        groups.setdefault(one.arm, {})[one.id] = one
    return {one: label for group in groups.values() for one, label in _labels(group).items()}


def _labels(group: dict[str, Who]) -> dict[str, str]:
    if len(group) == 1:
        return dict.fromkeys(group, "")
    ways = [dict(zip(group, words, strict=True)) for words in zip(*map(_marks, group.values()), strict=True)]
    return next((told for told in ways if len(set(told.values())) == len(group)), ways[-1])


def _marks(who: Who) -> tuple[str, ...]:
    """What a contestant may be told by, the plainest first; its id, which no other has, last."""
    adapter, recipe, base = str(who.adapter or "no adapter"), str(who.recipe), f"on {who.base}"
    both = f"{adapter} with {recipe}"
    return (adapter, recipe, both, base, f"{recipe} {base}", f"{both} {base}", who.id[:6], who.id)


def full_names(who: Iterable[Who]) -> dict[str, str]:
    """Name each contestant by its arm and its adapter or recipe, by id: "Fine-tune demo 1".

    Where several bases are among them each is named with its own, and where two would read alike each with its id.
    """
    everyone = list(who)
    bases = len({one.base for one in everyone}) > 1
    named = {one.id: f"{ARMS[one.arm].label} {one.adapter or one.recipe}" + f" on {one.base}" * bases for one in everyone}
    alike = Counter(named.values())
    return {one: f"{name} ({one[:6]})" if alike[name] > 1 else name for one, name in named.items()}


def told_apart(who: Iterable[Who]) -> dict[str, str]:
    """Name each contestant in a sentence, by id."""
    everyone = list(who)
    marks = labels(everyone)
    return {one.id: f"{ARMS[one.arm].named} {marks[one.id]}".strip() for one in everyone}


def names(who: tuple[Who, Who]) -> tuple[str, str]:
    """Name both sides in a sentence."""
    if who[0].id == who[1].id:
        return "the one copy", "the other copy"
    told = told_apart(who)
    return told[who[0].id], told[who[1].id]


def headline(
    decision: Decision,
    who: tuple[Who, Who],
    taken: Entrant | None,
    tags: Sequence[TagShare] = (),
    cheaper: Cheaper | None = None,
) -> str:
    """Say what to do, without an end mark. taken: whom to take, None while that is open."""
    match decision.state:
        case State.COLLECT:
            return "Keep collecting"
        case State.CHANGED:
            return "Look: this has changed"
        case State.EQUAL if who[0].id == who[1].id:
            return "No difference"
        case _ if who[0].id == who[1].id:
            return "Something favours one of two equal copies; find it before trusting any other verdict"
        case State.EQUAL:
            which = " (which that is, is not known yet)" if taken is None else f": {names(who)[taken]}"
            found = _other_tags(tags, who)
            return f"Practically equal{f' except on {found}; otherwise' if found else ','} take the cheaper{which}"
        case _:
            return _winner(decision, who, cheaper)


def _winner(decision: Decision, who: tuple[Who, Who], cheaper: Cheaper | None) -> str:
    won = 0 if decision.state is State.FIRST else 1
    label = labels(who)[who[won].id]
    said = ARMS[who[won].arm].advice + (f" ({label})" if label else "")
    if not by_a_little(decision):
        return said
    if cheaper is None or cheaper.side == won:
        return f"{said}, by a little"
    first, second = cheaper.usd_per_1000[1 - won], cheaper.usd_per_1000[won]
    prices = f"{dollars(first)} {PER_1000} against {dollars(second)}{_up_front(cheaper)}"
    return f"{said}, by a little; {names(who)[1 - won]} is the cheaper: {prices}"


def _up_front(cheaper: Cheaper) -> str:
    """What the other side took more to make, or took less, or that this is not known."""
    if cheaper.extra_usd is None:
        return ", not counting what each took to make"
    extra = cheaper.extra_usd if cheaper.side == 0 else -cheaper.extra_usd
    return f" and {dollars(abs(extra))} {'more' if extra > 0 else 'less'} up front" if extra else ""


def _other_tags(tags: Sequence[TagShare], who: tuple[Who, Who]) -> str:
    """The tags on which one side was found better."""
    return listed([f"“{tag.tag}” ({names(who)[side]} is better)" for tag in tags if (side := better_on(tag)) is not None])


def sentence(
    decision: Decision,
    who: tuple[Who, Who],
    said: str,
    counts: Counts,
    *,
    forecast: Forecast | None = None,
    recent: Recent | None = None,
    tried: Tried = ONE_TRY,
) -> str:
    """Say what to do (said: its headline), on how many requests, with the share and its sequence, and what stands beside."""
    beside = beside_words(counts)
    if not decision.n:
        return " ".join(filter(None, (f"{said}: no duel decided yet.", beside)))
    decided = f"{said}. {requests_words(decision, counts)} decided: {outcome_words(counts, who)}."
    share, tried_said = share_words(decision, who, recent), tried_words(decision, tried)
    parts = (decided, share, _further(decision, forecast), tried_said, beside, _held_back(decision, counts))
    return " ".join(filter(None, parts))


def standing(said: str, n: int, forecast: Forecast | None) -> str:
    """Say how a verdict stands in few words: "Keep collecting: 8 of about 45 votes." said: its headline; n: requests decided."""
    if not n:
        return f"{said}: no vote yet."
    if forecast is None or forecast.median == 0:
        return f"{said}: {counted(n, 'vote')}{' so far' if forecast is None else ''}."
    if forecast.median is None:
        return f"{said}: {counted(n, 'vote')}, and more than {forecast.horizon:,} to go."
    return f"{said}: {n:,} of about {n + forecast.median:,} votes."


def requests_words(decision: Decision, counts: Counts) -> str:
    """Count the distinct requests that count, and the duels in which they were asked."""
    return f"{counted(decision.n, 'request')} ({counted(counts.duels, 'duel')})"


def outcome_words(counts: Counts, who: tuple[Who, Who]) -> str:
    """Count the duels by what most of their voters said."""
    wins = ", ".join(f"{count:,} for {name}" for count, name in zip(counts.better, names(who), strict=True))
    return f"{wins}, {counted(counts.ties, 'tie')}, {counts.both_bad:,} both bad"


def beside_words(counts: Counts) -> str:
    """Count the duels that are not in the evidence: identical or telling answers, open votes, votes closed by hand; empty for none."""
    same = f"Answers were identical {counted(counts.identical, 'time')}; those are not counted." if counts.identical else ""
    telling = ""
    if counts.says_who:
        those = "that is" if counts.says_who == 1 else "those are"
        telling = f"In {counted(counts.says_who, 'duel')} an answer says which side it is; {those} not counted."
    waiting = f"{counted(counts.open, 'duel')} {are(counts.open)} still open" if counts.open else ""
    by_hand = ""
    if counts.by_hand:
        what = f"{counts.by_hand:,}" if counts.open else counted(counts.by_hand, "duel")
        one = counts.by_hand == 1
        by_hand = f"{what} {'was' if one else 'were'} closed by hand and {'does' if one else 'do'} not count"
    beside = "; ".join(filter(None, (waiting, by_hand)))
    return " ".join(filter(None, (same, telling, beside and f"{started(beside)}.", served_words(counts))))


def served_words(counts: Counts) -> str:
    """Say how many duels came from programs, which had got one of both answers; empty when none did."""
    if not counts.served:
        return ""
    came = "came from a program, which" if counts.served == 1 else "came from programs, which"
    return f"{counted(counts.served, 'duel')} {came} had got one of both answers at once; voters were not told which."


def _held_back(decision: Decision, counts: Counts) -> str:
    """Why nothing is decided although the votes that count would decide it."""
    if not decision.held_back:
        return ""
    those = f"the {counted(counts.by_hand, 'duel')} that {'was' if counts.by_hand == 1 else 'were'} closed by hand"
    return f"Without {those} this would be decided: had the votes there ended by rule, they might have said otherwise."


def tried_words(decision: Decision, tried: Tried) -> str:
    """Say over how many comparisons the error rate is held; empty where there was one."""
    parts = [counted(tried.pairs, "pair")] if tried.pairs > 1 else []
    if tried.versions > 1:
        parts.append(f"{counted(tried.versions, 'version')} of {ARMS[tried.craft].named}")
    if not parts:
        return ""
    alone = "; by itself this pair would be decided" if decision.outnumbered else ""
    return f"The error rate is held at {percent(decision.alpha)} over {' and '.join(parts)}{alone}."


def share_words(decision: Decision, who: tuple[Who, Who], recent: Recent | None = None) -> str:
    """Say the share of the side that leads, with its confidence sequence; of what has changed, the share of the latest requests."""
    if decision.theta is None:
        return ""
    if decision.state is State.CHANGED and recent is not None:
        latest = f"the last {counted(recent.n, 'request')}" if recent.n > 1 else "the last request"
        return f"Over {latest} {_led(recent.mean, who)}; earlier ones said otherwise, so no single share describes them all."
    interval, why = decision.shown, few(decision.n)
    if interval is None:
        return f"{started(_led(decision.theta, who))}; {why}.{_against_half(decision)}" if why else CONTRADICT
    low, high = interval if decision.theta >= 0.5 else (1 - interval.high, 1 - interval.low)
    sure = f"{percent(1 - decision.alpha)} sure however often you look"
    told = f"{started(_led(decision.theta, who))}, between {percent(low)} and {percent(high)} ({sure})."
    if decision.state is State.EQUAL and max(0.5 - low, high - 0.5) > decision.delta:
        return f"{told}{_near_half(decision)}"
    return f"{told}{_against_half(decision) if low <= 0.5 <= high else ''}"


def _led(theta: float, who: tuple[Who, Who]) -> str:
    """Who leads, with their share."""
    side = 1 if theta >= 0.5 else 0
    return f"{names(who)[side]}'s share is {percent(theta if side else 1 - theta)}"


def _near_half(decision: Decision) -> str:
    """Why the two are called equal although the interval reaches further: that is found by two one-sided tests of the margin alone."""
    ends = f"{percent(0.5 - decision.delta)} to {percent(0.5 + decision.delta)}"
    return f" That it lies within {ends} was tested by itself; the interval is wider because it holds for every share at once."


def _against_half(decision: Decision) -> str:
    """Why there is a winner although the interval holds one half, or is not shown: the winner is found by a test of 1/2 alone."""
    if decision.state not in (State.FIRST, State.SECOND):
        return ""
    bar = decision.comparisons / decision.alpha
    now, most = decision.log_e_value, math.log(1e6)
    ratio = "more than 1,000,000" if now > most else f"{math.exp(now):,.0f}"
    strength = f"is {ratio} to 1" if now >= math.log(bar) else f"reached {bar:,.0f} to 1 at an earlier look"
    wider = "" if few(decision.n) else "; the interval is wider because it holds for every share at once"
    return f" The evidence against 50% alone {strength}{wider}."


def _further(decision: Decision, forecast: Forecast | None) -> str:
    if decision.state is not State.COLLECT or forecast is None or few(decision.n):
        return ""
    if forecast.median is None:
        return f"A decision would take more than {counted(forecast.horizon, 'further request')}."
    return f"About {counted(forecast.median, 'further request')} until a decision."


def robust_words(decision: Decision, robust: Robustness | None, voters: int) -> str:
    """Say whether the verdict hangs on one voter or a few requests."""
    if decision.state in (State.COLLECT, State.CHANGED):
        return "Nothing is decided, so there is nothing to be overturned yet."
    if robust is None:
        return f"Whether it stands without any one of the {counted(voters, 'voter')} is not computed for so many ballots."
    stands = pivotal_words(robust) or f"It stands without any one of the {counted(robust.voters, 'voter')}."
    return f"{stands} {spare_words(robust)}"
