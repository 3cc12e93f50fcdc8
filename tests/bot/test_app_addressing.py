"""Which messages of a server ask, and how much members may ask by their roles. Pure."""

import pytest

from bot.app.addressing import Addressed, asks, begins_with_name
from bot.app.limits import Caps, caps_of
from bot.views import RoleLimit, TeamSettings

USUAL, ALL = TeamSettings(3, 24.0), TeamSettings(3, 24.0, replies=True)


@pytest.mark.parametrize(
    ("how", "usually", "where_all_replies_ask"),
    [
        (Addressed(mentioned=True), True, True),
        (Addressed(mentioned=True, answers_other=True), True, True),
        (Addressed(answers_bot=True), False, True),
        (Addressed(answers_bot=True, by_name=True), True, True),
        (Addressed(answers_bot=True, own_thread=True), True, True),
        (Addressed(by_name=True), False, False),
        (Addressed(answers_other=True, by_name=True), False, False),
        (Addressed(own_thread=True), True, True),
        (Addressed(own_thread=True, answers_other=True), False, False),
        (Addressed(own_thread=True, to_others=True), False, False),
        (Addressed(), False, False),
    ],
)
def test_what_names_the_bot_asks_and_what_only_talks_does_not(how: Addressed, usually: bool, where_all_replies_ask: bool) -> None:
    assert (asks(how, USUAL), asks(how, ALL)) == (usually, where_all_replies_ask)


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("Duelbot, and in French?", "Duelbot, "),
        ("duelbot: shorter", "duelbot: "),
        ("  Duel Bot shorter", "  Duel Bot "),
        ("Duelbot", "Duelbot"),
        ("Duelbots are fun", ""),
        ("Duelbot's first answer is better", ""),
        ("I like Duelbot", ""),
        ("", ""),
    ],
)
def test_a_name_at_the_beginning_is_found_with_what_parts_it_from_the_rest(text: str, begins: str) -> None:
    assert begins_with_name(text, ("Duelbot", "Duel Bot", "")) == begins


PERSON = Caps("You have", 3, 10, 300, 2.0)
LIMITS = {
    "": RoleLimit(per_day=5),
    "new": RoleLimit(in_flight=1, per_day=1),
    "trusted": RoleLimit(per_day=50),
    "rich": RoleLimit(per_day=900),
}


@pytest.mark.parametrize(
    ("roles", "per_day", "in_flight"),
    [
        (set(), 5, 3),  # everybody else
        ({"other"}, 5, 3),
        ({"new"}, 1, 1),
        ({"new", "trusted"}, 50, 3),  # the most generous of several; what one of them leaves open stays open
        ({"rich"}, 300, 3),  # never above the settings
    ],
)
def test_the_most_generous_role_holds_within_the_settings(roles: set[str], per_day: int, in_flight: int) -> None:
    caps = caps_of(PERSON, LIMITS, roles)
    assert (caps.per_day, caps.in_flight, caps.per_minute, caps.whose) == (per_day, in_flight, 10, "You have")


def test_without_limits_of_roles_the_settings_hold() -> None:
    assert caps_of(PERSON, {}, {"new"}) == PERSON
    assert caps_of(PERSON, {"new": RoleLimit(per_day=1)}, {"old"}) == PERSON
