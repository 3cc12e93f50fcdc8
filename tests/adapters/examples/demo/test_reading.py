"""What must have been read when an answer begins: the classes of every kind of message, follow-ups included."""

import random
import re
from typing import Any

import pytest

from adapters.examples.demo import reading
from adapters.examples.demo.batches import encode
from adapters.examples.demo.mix import Talk, answered
from adapters.examples.demo.reading import FACETS, band, digit, reading_of_talk, readings_within
from adapters.examples.demo.text import chat
from adapters.examples.demo.text.rules import HouseFacts
from adapters.examples.demo.text.situations import MARK, Situation, change_one, follow_up

pytestmark = pytest.mark.demo


def facets(made: Situation) -> dict[str, int]:
    return dict(zip(FACETS, reading.reading(made), strict=True))


def test_every_stated_fact_has_a_class_and_no_other() -> None:
    named = {"examples": "only 60 labelled examples", "volume_month": "90k requests a month"}
    read = facets(Situation("", HouseFacts(access=False, examples=60, volume_month=90_000), named))
    assert read["kind"] == 0 and read["access"] == 2
    assert read["first digit of the examples"] == 6 and read["first digit of the volume"] == 9
    assert read["examples"] == band(99, reading.EXAMPLE_BOUNDS) != band(100, reading.EXAMPLE_BOUNDS)
    assert not read["change"] and not read["deadline"] and not read["precision"] and not read["aspect"]


def test_none_and_not_stated_are_two_classes() -> None:
    assert facets(Situation("", HouseFacts(examples=0), {"examples": "no labelled examples"}))["examples"] == 1
    assert facets(Situation("", HouseFacts(), {}))["examples"] == 0


@pytest.mark.parametrize("bounds", [(1, 10, 200)])
def test_a_band_begins_at_its_bound(bounds: tuple[float, ...]) -> None:
    assert [band(value, bounds) for value in (None, 0, 1, 9, 10, 199, 200)] == [0, 1, 2, 2, 3, 3, 4]


@pytest.mark.parametrize(
    ("name", "wanted"), [("14'000 labelled examples", 1), ("half a million requests a month", 5), ("no labelled examples", 0), (None, 0)]
)
def test_the_first_digit_of_a_name(name: str | None, wanted: int) -> None:
    assert digit(name) == wanted


def test_replies_tell_the_kind_of_their_message() -> None:
    kinds = {reading_of_talk(reply)[:2] for reply in (*chat.EXPLAINED.values(), chat.HELLO, chat.ABLE)}
    assert len(kinds) == len(chat.EXPLAINED) + 2 and all(kind > 0 for kind, _ in kinds)


def test_a_follow_up_changes_the_facets_of_one_fact(situations: list[Situation]) -> None:
    rng = random.Random(21)
    for before in situations[:200]:
        after = follow_up(rng, before, change_one(rng, before.facts))
        old, new = facets(before), facets(after)
        changed = {name.removeprefix("first digit of the ") for name in FACETS if old[name] != new[name]}
        assert len(changed) <= 1


def test_a_fact_is_asked_for_where_its_words_end_and_not_before(situations: list[Situation]) -> None:
    for made in situations[:1_000]:
        assert {aspect for _, aspect in made.stated} == set(made.named) and not MARK.search(made.text)
        within = readings_within(made)
        assert [end for end, _ in within] == sorted({end for end, _ in made.stated})
        assert [read for _, read in within][-1:] == [reading.reading(made)][: len(within)]
        known: set[int] = set()
        for _, read in within:
            told = {at for at, known_as in enumerate(read) if known_as}
            assert known < told
            known = told
        for end, aspect in made.stated:  # a number stands in the words before
            number = re.match(r"\d[\d,.' ]*", made.named[aspect])
            assert not number or number[0].strip() in made.text[:end], made


def test_the_place_in_a_message_is_the_token_with_its_last_character(shipped_tokenizer: Any, situations: list[Situation]) -> None:
    tokenizer = shipped_tokenizer
    for made in situations[:100]:
        encoded = encode(tokenizer, answered(made, "Noted."))
        *places, answer = [at for at, _ in encoded.readings]
        for at, (end, _) in zip(places, readings_within(made), strict=True):
            upto = tokenizer.decode(encoded.ids[1 : at + 1])
            assert upto.startswith(made.text[:end]) and len(tokenizer.decode(encoded.ids[1:at])) < end, (made, end)
        assert tokenizer.decode(encoded.ids[answer]) == "<|assistant|>"


def test_every_class_is_one_of_its_facet_and_all_are_asked_for(conversations: list[Talk]) -> None:
    seen: dict[str, set[int]] = {name: set() for name in FACETS}
    for talk in conversations:
        for spoken in talk:
            for name, at in zip(FACETS, spoken.reads or (), strict=False):
                assert 0 <= at < FACETS[name]
                seen[name].add(at)
    assert {name: len(found) for name, found in seen.items()} == FACETS
