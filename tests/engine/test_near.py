"""Near-duplicates: what they are, what a signature keeps of a text, and lists of requests that tell nobody a text."""

import random
import string
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.near import BITS, Signatures, gram_hashes, grams, jaccard, near, signature
from engine.trained_on import HEAD, digest, read_trained_on, write_trained_on

TEXTS = st.text(alphabet="ab é\n?", max_size=30)
LETTER = "My parcel with the blue lamp came yesterday and its shade is broken; may I send it back at your cost?"


def test_a_near_duplicate_shares_four_fifths_of_its_character_5_grams() -> None:
    assert grams("Ab  CDe f") == {"ab cd", "b cde", " cde ", "cde f"} and grams("Hi") == {"hi"} and grams(" ") == {""}
    assert near(LETTER, LETTER.upper() + "!") and near(LETTER, LETTER.replace("blue", "red")) and not near(LETTER, LETTER[:60])
    assert near("hi", "HI ") and not near("hi", "ho")


@given(st.lists(TEXTS, max_size=6))
def test_hashes_of_many_texts_are_those_of_their_grams(texts: list[str]) -> None:
    hashes, starts = gram_hashes(texts)
    assert len(starts) == len(texts) + 1 and starts[-1] == len(hashes)
    cut = [set(hashes[starts[at] : starts[at + 1]].tolist()) for at in range(len(texts))]
    for one, own in zip(texts, cut, strict=True):
        assert len(own) == len(grams(one)) and np.array_equal(gram_hashes([one])[0], sorted(own))
        for other, others in zip(texts, cut, strict=True):
            assert len(own & others) == len(grams(one) & grams(other))


def test_a_signature_stays_as_lists_hold_it() -> None:
    assert signature("We have 300 tickets") == signature("we have\n300  TICKETS") and len(signature("")) == BITS // 8
    assert signature("We have 300 tickets").hex()[:32] == "8f9793cd65ceba7b1d9958618c41144a"


def test_signatures_find_near_duplicates_and_nothing_else() -> None:
    """Real pairs around the limit: words changed in random sentences, with a fixed seed."""
    draw, missed, taken, nears, fars = random.Random(1), 0, 0, 0, 0
    for _ in range(1500):
        words = ["".join(draw.choices(string.ascii_lowercase, k=draw.randint(2, 9))) for _ in range(draw.randint(8, 30))]
        changed = [word if draw.random() > 0.12 else word[::-1] for word in words]
        one, other = " ".join(words), " ".join(changed)
        found, likeness = bool(Signatures([signature(one)]).near(other)), jaccard(grams(one), grams(other))
        nears, missed = nears + (likeness >= 0.8), missed + (likeness >= 0.8 and not found)
        fars, taken = fars + (likeness < 0.6), taken + (likeness < 0.6 and found)
    assert nears > 200 and fars > 200
    assert missed <= 2 and taken <= 2


def test_a_list_keeps_roles_and_tells_no_text(tmp_path: Path) -> None:
    write_trained_on(tmp_path, [LETTER, LETTER.upper()], dev=["How much is postage on one mug?"], test=["Do you ship to Norway?"])
    text = (tmp_path / "trained_on.txt").read_text()
    assert text.splitlines()[0] == HEAD and len(text.splitlines()) == 4 and "lamp" not in text
    listed = read_trained_on(tmp_path)
    assert listed.roles_of(LETTER + "!") == ("train",) and listed.roles_of("how much is postage on one mug") == ("dev",)
    assert listed.roles_of("Do you ship to Norway?") == ("test",) and listed.roles_of("Where is my lamp?") == ()


def test_a_list_of_before_is_read_and_goes_on_in_the_next(tmp_path: Path) -> None:
    (tmp_path / "trained_on.txt").write_text(f"{digest(LETTER)}\n{digest('Hello?')}\n")
    before = read_trained_on(tmp_path)
    assert len(before) == 2 and before.roles_of(LETTER) == ("train",) and before.roles_of(LETTER + "!") == ()
    write_trained_on(tmp_path, ["Do you ship to Norway?", "hello?"], before=before, test=[LETTER])
    after = read_trained_on(tmp_path)
    assert set(before.listed) < set(after.listed) and len(after) == 3
    assert after.roles_of(LETTER + "!") == ("train",)  # it was trained on once, so it is no test; its signature is known by now
    assert after.roles_of("HELLO ?") == () and after.roles_of("HELLO?") == ("train",)


@settings(max_examples=25, deadline=None)
@given(st.lists(TEXTS, max_size=8), st.lists(TEXTS, max_size=8))
def test_the_next_version_s_list_holds_the_first_one_s(tmp_path_factory: pytest.TempPathFactory, first: list[str], more: list[str]) -> None:
    folder = tmp_path_factory.mktemp("list")
    write_trained_on(folder, first)
    write_trained_on(folder, more, before=read_trained_on(folder))
    listed = read_trained_on(folder)
    assert set(listed.listed) == {digest(text) for text in (*first, *more)}
    assert all(listed.roles_of(text) == ("train",) for text in (*first, *more))
