"""Texts that are kept: the longest common beginning is found, of the same adapter alone, and what goes first was used least recently."""

from hypothesis import given
from hypothesis import strategies as st

from engine.backends.local.prefixes import PrefixStore

TEXTS = st.lists(st.integers(0, 2), min_size=1, max_size=9)


def a_store(kept_bytes: int = 1000, token_bytes: int = 1) -> PrefixStore[str]:
    """A store whose states are texts, a letter for each token."""
    return PrefixStore(
        lambda: token_bytes, lambda states: token_bytes * len(states), lambda states, start, end: states[start:end], kept_bytes
    )


def keep(store: PrefixStore[str], adapter: str, text: str) -> list[tuple[int, int]]:
    """Keep a text; returns the spans whose states were asked for."""
    asked = []

    def states(start: int, end: int) -> str:
        asked.append((start, end))
        return text[start:end]

    store.keep(adapter, [ord(letter) for letter in text], states)
    return asked


def found(store: PrefixStore[str], adapter: str, text: str) -> str:
    return "".join(states[:common] for states, common in store.find(adapter, [ord(letter) for letter in text]))


def test_the_longest_beginning_is_found_and_one_token_is_left_to_compute() -> None:
    store = a_store()
    keep(store, "a", "recipe one")
    keep(store, "a", "recipe other")
    assert found(store, "a", "recipe other things") == "recipe other"
    assert found(store, "a", "recipe on") == "recipe o"
    assert found(store, "a", "recipes") == "recipe"
    assert found(store, "a", "x") == found(store, "a", "r") == ""


def test_a_beginning_that_texts_share_is_kept_once() -> None:
    store = a_store()
    assert keep(store, "a", "recipe one") == [(0, 10)]
    assert keep(store, "a", "recipe two") == [(7, 10)]
    assert keep(store, "a", "recipe two and its answer") == [(10, 25)]
    assert keep(store, "a", "recipe") == keep(store, "a", "recipe one") == []
    assert store.size_bytes == len("recipe " + "one" + "two" + " and its answer")


def test_states_of_one_adapter_are_no_other_s() -> None:
    store = a_store()
    keep(store, "a", "abc")
    keep(store, "b", "ab")
    assert (found(store, "b", "abcd"), found(store, "c", "abcd")) == ("ab", "")
    store.forget("a")
    store.forget("c")
    assert (found(store, "a", "abcd"), found(store, "b", "abcd"), store.size_bytes) == ("", "ab", 2)


def test_the_ends_that_were_used_least_recently_go_first_and_the_recipe_stays() -> None:
    store = a_store(kept_bytes=60, token_bytes=2)
    keep(store, "a", "a recipe: one")
    for number in range(100, 140):
        keep(store, "a", f"a recipe: {number}")
        assert found(store, "a", "a recipe: new") == "a recipe: "
        assert store.size_bytes <= 60
    assert found(store, "a", "a recipe: 139?") == "a recipe: 139"
    assert found(store, "a", "a recipe: one?") == "a recipe: "


def test_a_text_that_is_larger_than_all_memory_is_not_kept_and_drives_nothing_out() -> None:
    store = a_store(kept_bytes=5)
    keep(store, "a", "abc")
    assert keep(store, "a", "x" * 6) == []
    assert found(store, "a", "abcd") == "abc"


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("ab"), TEXTS), max_size=30), st.integers(1, 40))
def test_whatever_is_kept_and_found_states_belong_to_their_tokens_and_memory_is_bounded(
    calls: list[tuple[bool, str, list[int]]], kept_bytes: int
) -> None:
    store: PrefixStore[list[tuple[str, int, int]]] = PrefixStore(lambda: 1, len, lambda states, start, end: states[start:end], kept_bytes)
    kept: list[tuple[str, list[int]]] = []
    for keeps, adapter, tokens in calls:
        states = [(adapter, place, token) for place, token in enumerate(tokens)]
        if keeps:
            store.keep(adapter, tokens, lambda start, end, states=states: states[start:end])  # type: ignore[misc]
            kept.append((adapter, tokens))
        else:
            have = [state for span, common in store.find(adapter, tokens) for state in span[:common]]
            assert have == states[: len(have)] and len(have) < len(tokens)
            best = max((common(tokens[:-1], other) for of, other in kept if of == adapter), default=0)
            assert len(have) <= best
            if sum(len(other) for _, other in kept) <= kept_bytes:
                assert len(have) == best, "nothing had to go"
        assert store.size_bytes <= kept_bytes


def common(one: list[int], other: list[int]) -> int:
    return next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
