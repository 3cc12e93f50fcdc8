"""Texts whose states are kept, and how much of one a new prompt begins with. Nothing here knows what a state is."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

KEPT_BYTES = 128 << 20  # of states, for all adapters together, where nobody says how many

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Span(Generic[T]):
    """Tokens that follow on those of `before`, with their states. By the first token of each, the spans that go on from here."""

    tokens: tuple[int, ...]
    states: T | None  # None at a root, which has no tokens
    size_bytes: int
    before: "_Span[T] | None" = None
    after: "dict[int, _Span[T]]" = field(default_factory=dict)


class PrefixStore(Generic[T]):
    """States of recent prompts and answers by adapter, as a tree: what several of them begin with is kept once.

    A recipe's long text is the beginning of every prompt made with it, and an answered request that of the conversation's next one, so each
    is computed once. States of one adapter are wrong for every other. At most `kept_bytes` are kept. The ends that were least recently
    used go first: a beginning is used with each of its ends, so it stays for as long as one of them.
    """

    def __init__(
        self, token_bytes: Callable[[], int], size_of: Callable[[T], int], cut: Callable[[T, int, int], T], kept_bytes: int = KEPT_BYTES
    ) -> None:
        """token_bytes: tells the bytes of one token's states. size_of: those that a span's take, which may be more.

        cut: takes the states of the tokens start to end - 1 out of a span's.
        """
        self._token_bytes, self._size_of, self._cut, self._limit = token_bytes, size_of, cut, kept_bytes
        self.size_bytes = 0  # of all states that are kept; memory that two of them share counts for both
        self._roots: dict[str, _Span[T]] = {}
        self._spans: OrderedDict[int, _Span[T]] = OrderedDict()  # by id, the least recently used first; none before those after it

    def find(self, adapter: str, tokens: Sequence[int]) -> list[tuple[T, int]]:
        """Find the longest beginning that is kept: the states of each of its spans, and how many of that span's tokens are in common.

        Together they are fewer than `tokens`, as at least one has to be computed to know what comes next.
        """
        path = self._path(adapter, tokens[:-1])
        self._use(path)
        return [(span.states, common) for span, common in path if span.states is not None]

    def keep(self, adapter: str, tokens: Sequence[int], states: Callable[[int, int], T]) -> None:
        """Keep a text, unless it is larger than all that may be kept. `states` is asked for tokens start to end - 1, those not kept yet."""
        if len(tokens) * self._token_bytes() > self._limit:
            return
        path = self._path(adapter, tokens)
        done = sum(common for _, common in path)
        if done == len(tokens) or self._add(path, adapter, tokens[done:], states(done, len(tokens))):
            self._use(path)
        while self.size_bytes > self._limit:
            self._drop(next(iter(self._spans.values())))

    def forget(self, adapter: str) -> None:
        """Let everything of an adapter go."""
        spans = list(self._roots.pop(adapter).after.values()) if adapter in self._roots else []
        for span in spans:  # grows
            spans += span.after.values()
            self.size_bytes -= span.size_bytes
            del self._spans[id(span)]

    def _add(self, path: list[tuple[_Span[T], int]], adapter: str, tokens: Sequence[int], states: T) -> bool:
        """Let tokens follow on a path, which ends with them afterwards. Returns whether there is room for all of it."""
        last, common = path.pop() if path else (self._roots.setdefault(adapter, _Span((), None, 0)), 0)
        if common < len(last.tokens):
            last = self._split(last, common)
        new = _Span(tuple(tokens), states, self._size_of(states), last)
        path += [(last, common), (new, len(tokens))] if common else [(new, len(tokens))]
        if sum(span.size_bytes for span, _ in path) > self._limit:
            return False
        last.after[tokens[0]] = self._spans[id(new)] = new
        self.size_bytes += new.size_bytes
        return True

    def _path(self, adapter: str, tokens: Sequence[int]) -> list[tuple[_Span[T], int]]:
        """Walk along the tokens: the spans that they begin with, and how many of each one's tokens are in common."""
        path: list[tuple[_Span[T], int]] = []
        span, done = self._roots.get(adapter), 0
        while span and done < len(tokens) and (span := span.after.get(tokens[done])):
            common = common_length(span.tokens, tokens[done : done + len(span.tokens)])
            path.append((span, common))
            if common < len(span.tokens):
                break
            done += common
        return path

    def _use(self, path: Sequence[tuple[_Span[T], int]]) -> None:
        """Mark the spans as used now, each after those that follow on it."""
        for span, _ in reversed(path):
            self._spans.move_to_end(id(span))

    def _split(self, span: _Span[T], at: int) -> _Span[T]:
        """Make two spans of one: what comes first, which is returned, and the rest, which follows on it."""
        assert span.states is not None and span.before is not None, "only a root has none"
        begun = self._cut(span.states, 0, at)
        first = _Span(span.tokens[:at], begun, self._size_of(begun), span.before, {span.tokens[at]: span})
        span.before.after[span.tokens[0]] = self._spans[id(first)] = first
        self.size_bytes += first.size_bytes - span.size_bytes
        span.tokens, span.states, span.before = span.tokens[at:], self._cut(span.states, at, len(span.tokens)), first
        span.size_bytes = self._size_of(span.states)
        self.size_bytes += span.size_bytes
        return first

    def _drop(self, span: _Span[T]) -> None:
        assert span.before is not None and not span.after, "the least recently used is an end"
        self.size_bytes -= span.size_bytes
        del self._spans[id(span)], span.before.after[span.tokens[0]]


def common_length(one: Sequence[int], other: Sequence[int]) -> int:
    """Count the tokens that both begin with."""
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return index
    return min(len(one), len(other))
