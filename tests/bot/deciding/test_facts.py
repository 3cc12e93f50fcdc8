"""Figures that are likely made up: numbers with units, against what the wanted answers of a class state."""

import pytest

from bot.deciding.facts import KnownFigures, count_made_up, figures

WANTED = [
    ("Refunds", "Team: Refunds\nReply: Your refund arrives 3 to 5 working days after the return has reached us."),
    ("Returns", "Team: Returns\nReply: You have 30 days; the 4.90 euros of delivery stay with us."),
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("3 to 5 working days", {"3-5 day"}),
        ("within 3-5 days", {"3-5 day"}),
        ("1 day", {"1 day"}),
        ("4,90 euros", {"4.90 euro"}),
        ("20 %", {"20 %"}),
        ("order 4711\nReply: yes", {"4711"}),
        ("no figure at all", set()),
    ],
)
def test_a_figure_is_a_number_with_its_unit(text: str, found: set[str]) -> None:
    assert figures(text) == found


def test_what_no_wanted_answer_of_the_class_states_is_made_up() -> None:
    known = KnownFigures(WANTED)
    assert known.stated
    assert known.made_up("Returns", "How long?", "Reply: within 14 days") == {"14 day"}
    assert known.made_up("Refunds", "How long?", "Reply: within 30 days") == {"30 day"}  # it holds of returns alone
    assert not known.made_up("Returns", "How long?", "Reply: You have 30 days.")
    assert not known.made_up("Returns", "Where is order 4711?", "We look for order 4711.")  # the request's own
    assert count_made_up(known, [("Returns", "How long?")] * 2, ["14 days", "30 days"]) == 1


def test_where_no_wanted_answer_states_a_figure_nothing_is_said() -> None:
    assert not KnownFigures([("a", "billing"), ("b", "delivery")]).stated
