"""Routes as values: which one holds, who answers alone, and what was before."""

from datetime import UTC, datetime

import pytest

from bot.routes import ALL_DUELS, Drawn, Route, alone, before_it, holding, route_for

AT = datetime(2026, 11, 28, tzinfo=UTC)
PAIR = ("p", "t")


def route(share: float | None = 0.1, winner: str | None = "t", tag: str = "") -> Route:
    return Route("", tag, share, winner, "ann", AT, "")


@pytest.mark.parametrize(
    ("coin", "share", "duel"), [(0.0, 0.1, True), (0.0999, 0.1, True), (0.1, 0.1, False), (0.0, 0.0, False), (0.99, 1, True)]
)
def test_a_request_becomes_a_duel_where_the_coin_lies_below_the_share(coin: float, share: float, duel: bool) -> None:
    assert Drawn(coin, share, 1).is_duel is duel


def test_the_latest_change_of_a_tag_holds_and_a_dropped_tag_goes_by_that_of_all() -> None:
    changes = [route(), route(0.3, "p", "billing"), route(0.05, "p")]
    held = holding(changes)
    assert (route_for(held, "billing"), route_for(held, "code"), route_for(held, "")) == (changes[1], changes[2], changes[2])
    held = holding([*changes, route(None, None, "billing")])
    assert route_for(held, "billing") == changes[2] and route_for({}, "billing") is None
    assert (before_it(changes, ""), before_it(changes, "billing")) == (changes[0], None)


@pytest.mark.parametrize(
    ("held", "pair", "who"),
    [
        (route(), PAIR, 1),
        (route(winner="p"), PAIR, 0),
        (route(winner="gone"), PAIR, None),  # an edited recipe is a new contestant
        (route(ALL_DUELS), PAIR, None),
        (route(None, None), PAIR, None),
        (None, PAIR, None),
        (route(winner="p"), ("p", "p"), None),  # an A/A check compares a contestant with itself
    ],
)
def test_the_winner_answers_alone_while_it_meets(held: Route | None, pair: tuple[str, str], who: int | None) -> None:
    assert alone(held, pair) == who
