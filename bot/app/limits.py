"""How much one person and one team may ask. Pure."""

from dataclasses import dataclass

from bot.settings import LimitSettings
from bot.store.teams import Asked


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one person, or of one team together. usd: what the answers may cost in 24 hours, in US dollars."""

    whose: str  # begins a sentence: "You have", "This server has"
    in_flight: int
    per_minute: int
    per_day: int
    usd_per_day: float

    def refusal(self, asked: Asked, *, paced: bool = False) -> str | None:
        """The sentence that says which limit is met; None while there is room. paced: asked one after the other by the bot itself."""
        if asked.in_flight >= self.in_flight and not paced:
            return (
                f"{self.whose} {_requests(asked.in_flight)} being answered, and {self.in_flight} is the limit. "
                "Ask again when one of them is done, or stop one."
            )
        if asked.last_minute >= self.per_minute and not paced:
            return f"{self.whose} asked {_requests(asked.last_minute)} within a minute, and {self.per_minute} is the limit. Wait a minute."
        if asked.last_day >= self.per_day:
            return f"{self.whose} asked {_requests(asked.last_day)} within 24 hours, and {self.per_day} is the limit. Ask again tomorrow."
        if asked.usd_last_day >= self.usd_per_day:
            return (
                f"{self.whose} spent the daily budget: the answers of the last 24 hours cost ${asked.usd_last_day:,.2f} "
                f"of ${self.usd_per_day:,.2f}. Ask again tomorrow."
            )
        return None


def _requests(count: int) -> str:
    return f"{count} request{'' if count == 1 else 's'}"


def limits_of_person(settings: LimitSettings) -> Limits:
    return Limits(
        "You have",
        settings.person_in_flight,
        settings.person_per_minute,
        settings.person_per_day,
        settings.person_usd_per_day,
    )


def limits_of_team(settings: LimitSettings) -> Limits:
    return Limits(
        "This server has",
        settings.team_in_flight,
        settings.team_per_minute,
        settings.team_per_day,
        settings.team_usd_per_day,
    )
