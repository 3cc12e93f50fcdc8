"""Who gets how many minutes of a decision: both crafts the same, the measuring what is left. Pure."""

from dataclasses import dataclass

from engine.errors import BadRequest

CRAFT = 0.25  # share of the time for each craft
CHANGE = 0.10  # share for the small change that is made on both sides
LEAST_MINUTES = 2.0  # of a decision: the model is loaded five times
LOADING_MINUTES = 0.35  # of each of these, on a small base
MOST_EPOCHS = 5  # to which a training is extended where the minutes reach; beyond, rows are learned by heart
ROUNDED = 0.15  # share of an epoch that may lie over the budget
CALLS_A_MINUTE = 90  # answers of a few words that a small base gives on two cores, about


@dataclass(frozen=True, slots=True)
class CraftBudget:
    """What both crafts may take, each."""

    minutes: float
    calls: int  # answers that the search for a prompt may ask for
    usd: float | None  # at the device's price; None: nobody said what it costs


def within_budget(minutes: float, usd: float | None, usd_per_hour: float | None) -> float:
    """Compute the minutes of a decision: those that were asked for, or fewer where the dollars do not reach."""
    if usd is None or not usd_per_hour:
        return minutes
    return min(minutes, usd / usd_per_hour * 60)


def check_budget(minutes: float, usd: float | None, usd_per_hour: float | None) -> None:
    """Raise BadRequest for dollars that reach for less than the least minutes, and for dollars of a device without a price."""
    if usd is None:
        return
    if usd_per_hour is None:
        raise BadRequest("Dollars are no limit here: this device has no price. Set DUEL_DEVICE_USD_PER_HOUR, or leave --usd out.")
    if within_budget(minutes, usd, usd_per_hour) < LEAST_MINUTES:
        least = LEAST_MINUTES * usd_per_hour / 60
        raise BadRequest(f"${usd:g} are too few: a decision takes at least {LEAST_MINUTES:g} minutes, ${least:.2g} at the device's price.")


def craft_budget(minutes: float, usd_per_hour: float | None) -> CraftBudget:
    """Compute what each craft may take of a decision's minutes."""
    each = minutes * CRAFT
    return CraftBudget(
        each, max(40, round((each - LOADING_MINUTES) * CALLS_A_MINUTE)), None if usd_per_hour is None else each * usd_per_hour / 60
    )


def split_words(budget: CraftBudget) -> str:
    """Say how the budget is shared."""
    usd = "" if budget.usd is None else f", ${budget.usd:.4f} at the device's price"
    search = f"the prompt's search at most {budget.calls:,} answers"
    return f"Each craft may take {budget.minutes:.1f} minutes{usd}; {search}. The rest is for measuring."


def epochs_within(budget: CraftBudget, seconds: float, step_s: float, steps: int, epochs: int) -> int:
    """Compute how often a training learns each row within the budget: the plan's epochs, fewer, or more up to MOST_EPOCHS.

    seconds, step_s, steps: what the plan's own epochs were foretold to take, of that each step, and how many these are. One epoch is the
    least, whatever it takes. A little over the budget is taken, as the next whole number would leave much of it.
    """
    epoch_s = step_s * steps / epochs
    fit = int((budget.minutes * 60 - (seconds - step_s * steps)) / epoch_s + ROUNDED) if epoch_s > 0 else epochs
    return max(1, fit) if fit < epochs else max(epochs, min(fit, MOST_EPOCHS))
