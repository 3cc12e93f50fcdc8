"""Prompts that are kept: the longest common beginning is found, of the same adapter alone, and what goes first was used least recently."""

from engine.backends.local.prefixes import KEPT_PER_ADAPTER, PromptStore


def test_the_longest_beginning_is_found_and_one_token_is_left_to_compute() -> None:
    store: PromptStore[str] = PromptStore()
    store.keep("a", [1, 2, 3, 9, 9], "short", 1)
    store.keep("a", [1, 2, 3, 4, 5, 6], "long", 1)
    assert store.best("a", [1, 2, 3, 4, 5, 7]) == (5, "long")
    assert store.best("a", [1, 2, 3, 9, 4]) == (4, "short")
    assert store.best("a", [1, 2, 3, 4, 5, 6]) == (5, "long")
    assert store.best("a", [2, 1]) == (0, None)
    assert store.best("a", [1]) == (0, None)


def test_states_of_one_adapter_are_no_other_s() -> None:
    store: PromptStore[str] = PromptStore()
    store.keep("a", [1, 2, 3], "of a", 1)
    store.keep("b", [1, 2], "of b", 1)
    assert store.best("b", [1, 2, 3, 4]) == (2, "of b")
    assert store.best("c", [1, 2, 3, 4]) == (0, None)
    store.forget("a")
    assert store.best("a", [1, 2, 3, 4]) == (0, None)
    assert store.best("b", [1, 2, 3, 4]) == (2, "of b")


def test_each_adapter_keeps_its_most_recently_used() -> None:
    store: PromptStore[int] = PromptStore()
    for number in range(KEPT_PER_ADAPTER):
        store.keep("a", [number, 0, 0], number, 1)
    store.keep("b", [0, 0, 0], 99, 1)
    assert store.best("a", [0, 0, 1]) == (2, 0), "used, and so no longer the first to go"
    store.keep("a", [7, 0, 0], 7, 1)
    assert store.best("a", [1, 0, 1]) == (0, None)
    assert store.best("a", [0, 0, 1]) == (2, 0)
    assert store.best("b", [0, 0, 1]) == (2, 99)


def test_no_more_bytes_are_kept_than_allowed() -> None:
    store: PromptStore[str] = PromptStore(kept_bytes=10)
    store.keep("a", [1, 1], "first", 6)
    store.keep("b", [2, 2], "second", 4)
    store.keep("c", [3, 3], "third", 5)
    assert [store.best(adapter, [number, number, 0])[1] for adapter, number in (("a", 1), ("b", 2), ("c", 3))] == [None, "second", "third"]
    store.keep("d", [4, 4], "too large", 11)
    assert store.best("d", [4, 4, 0]) == (0, None)
