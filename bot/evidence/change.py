"""The card's last line: what would change this."""

from bot.evidence.bets import LEAST_UNITS
from bot.evidence.breakeven import BreakEven
from bot.evidence.card import by_a_little
from bot.evidence.decision import Decision, State
from bot.evidence.figure import few
from bot.evidence.forecast import Forecast
from bot.evidence.robustness import SPARE_LIMIT, Robustness
from bot.words import counted, percent

DRIFTED = "Earlier and later requests contradict each other: look at them by period or by tag, and start a fresh period."
WEAKENED = "It was reached at an earlier look; the requests since have weakened it."


def what_would_change(
    decision: Decision,
    *,
    forecast: Forecast | None = None,
    robust: Robustness | None = None,
    even: BreakEven | None = None,
    unsettled: str = "",
) -> tuple[str, ...]:
    """Say what would change the verdict, most important first. unsettled: why the cheaper of two equals is not known; empty where it is."""
    match decision.state:
        case State.COLLECT:
            return (*_more(decision, forecast), *_quality_aside(even))
        case State.CHANGED:
            return (DRIFTED,)
        case State.EQUAL:
            smaller = f"A margin smaller than ± {percent(decision.delta)} would ask for more requests before calling them equal."
            prices = unsettled or "A change of prices, because the cheaper side is taken."
            return (prices, smaller, *_fragile(robust))
        case State.FIRST | State.SECOND:
            new = "A new recipe version or a retrained adapter is a new contestant, and its evidence starts at zero."
            return (*_fragile(robust), *_small(decision), new, *_quality_aside(even))


def _more(decision: Decision, forecast: Forecast | None) -> tuple[str, ...]:
    if not decision.n:
        return ("The first closed duels.",)
    if why := few(decision.n, "a forecast"):
        return (f"At least {counted(LEAST_UNITS - decision.n, 'further request')}: {why}.",)
    if forecast is None:
        return ()
    if forecast.median is None:
        more = counted(forecast.horizon, "further request")
        return (f"More than {more} as things stand; better a clearer recipe or adapter than more votes.",)
    upper = f"{forecast.high:,}" if forecast.high is not None else f"more than {forecast.horizon:,}"
    within = "" if forecast.low == forecast.high else f", probably {forecast.low:,} to {upper}"
    return (f"About {counted(forecast.median, 'further request')}{within}.",)


def _fragile(robust: Robustness | None) -> tuple[str, ...]:
    return () if robust is None else tuple(filter(None, (pivotal_words(robust), spare_words(robust))))


def pivotal_words(robust: Robustness) -> str:
    """Say on whose ballots the verdict hangs; empty when it stands without any one voter."""
    if robust.voters == 1:
        return "All ballots are one person's: without them there is no evidence."
    if not robust.pivotal:
        return ""
    without = "that one" if len(robust.pivotal) == 1 else "any one of those"
    return f"It hangs on {len(robust.pivotal):,} of {counted(robust.voters, 'voter')}: without {without} it would not stand."


def spare_words(robust: Robustness) -> str:
    """Say how many of the requests that speak loudest for it could be left out."""
    match robust.spare_duels:
        case None:
            return WEAKENED
        case 0:
            return "It would not stand without its loudest request."
        case spare if spare >= SPARE_LIMIT:
            return f"It would stand without its {counted(spare, 'loudest request')}; more were not left out."
        case spare:
            return f"It would stand without its {counted(spare, 'loudest request')}, and not without one more."


def _small(decision: Decision) -> tuple[str, ...]:
    if not by_a_little(decision):
        return ()
    return (f"The difference is real but within ± {percent(decision.delta)}: cost or latency may well weigh more.",)


def _quality_aside(even: BreakEven | None) -> tuple[str, ...]:
    if even is None or even.answers is None or even.answers == 0:
        return ()
    return (f"Cost alone turns to the fine-tune after {counted(even.answers, 'answer')}.",)
