"""The card's last line: what would change this."""

from bot.evidence.bets import LEAST_UNITS
from bot.evidence.breakeven import BreakEven
from bot.evidence.decision import Decision, State
from bot.evidence.forecast import Forecast
from bot.evidence.robustness import SPARE_LIMIT, Robustness

DRIFTED = "Earlier and later duels contradict each other: look at them by period or by tag, and start a fresh period."


def what_would_change(
    decision: Decision, *, forecast: Forecast | None = None, robust: Robustness | None = None, even: BreakEven | None = None
) -> tuple[str, ...]:
    """Sentences, most important first; a function of the state and of what is known beside it."""
    match decision.state:
        case State.COLLECT:
            return (*_more_duels(decision, forecast), *_quality_aside(even))
        case State.EQUAL:
            smaller = f"A margin smaller than ± {decision.delta:g} would ask for more duels before calling them equal."
            return (*_prices(even), smaller, *_fragile(robust))
        case State.CHANGED:
            return (DRIFTED,)
        case State.FIRST | State.SECOND:
            new = "A new recipe version or a retrained adapter is a new contestant, and its evidence starts at zero."
            return (*_fragile(robust), *_small(decision), new, *_quality_aside(even))


def _more_duels(decision: Decision, forecast: Forecast | None) -> tuple[str, ...]:
    if forecast is None:
        return (f"The first {LEAST_UNITS} duels that count.",)
    if forecast.median is None:
        return (f"More than {forecast.horizon} further duels as things stand; better a clearer recipe or adapter than more votes.",)
    upper = f"{forecast.high}" if forecast.high is not None else f"more than {forecast.horizon}"
    return (f"About {forecast.median} further duels, probably {forecast.low} to {upper}.",)


def _fragile(robust: Robustness | None) -> tuple[str, ...]:
    if robust is None:
        return ()
    lines = []
    if robust.pivotal:
        lines.append(f"It hangs on {len(robust.pivotal)} of {robust.voters} voters: without any one of those it would not stand.")
    if robust.spare_duels is None:
        lines.append("It was reached at an earlier look; the duels since have weakened it.")
    elif robust.spare_duels >= SPARE_LIMIT:
        lines.append(f"It would stand without its {robust.spare_duels:,} loudest duels; more were not left out.")
    else:
        lines.append(f"It would stand without its {robust.spare_duels} loudest duels, and not without one more.")
    return tuple(lines)


def _small(decision: Decision) -> tuple[str, ...]:
    if not decision.within_delta:
        return ()
    return (f"The difference is real but within ± {decision.delta:g}: cost or latency may well weigh more.",)


def _prices(even: BreakEven | None) -> tuple[str, ...]:
    if even is None:
        return ("A price for both sides, to say which is the cheaper.",)
    if even.saving.low <= 0 <= even.saving.high:
        return ("More measured answers: which side is cheaper per answer is not settled.",)
    return ("A change of prices, because the cheaper side is taken.",)


def _quality_aside(even: BreakEven | None) -> tuple[str, ...]:
    if even is None or even.answers is None or even.answers == 0:
        return ()
    return (f"Cost alone turns to the fine-tune after {even.answers:,} answers.",)
