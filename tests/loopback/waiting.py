"""Waiting for what happens instead of for time to pass."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from tests.patience import patient

T = TypeVar("T")
PATIENCE_S = patient(25.0)  # nothing waits this long when all goes well


class Changes:
    """Told of every change; whoever waits is let go by the first one that makes its question true."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []

    def tell(self) -> None:
        """Something has changed: ask all questions again. A question that fails with an error fails its waiter."""
        for question, answer in list(self._waiting):
            if answer.done():
                continue
            try:
                value = question()
            except Exception as error:
                answer.set_exception(error)
                continue
            if value:
                answer.set_result(value)

    async def until(self, question: Callable[[], T | None], what: str | Callable[[], str], within_s: float = PATIENCE_S) -> T:
        """The first truthy answer to the question. AssertionError that says what never happened."""
        if value := question():
            return value
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        entry = (question, answer)
        self._waiting.append(entry)
        try:
            return await asyncio.wait_for(answer, within_s)
        except TimeoutError:
            said = what if isinstance(what, str) else what()
            raise AssertionError(f"within {within_s:g} s there was never {said}") from None
        finally:
            self._waiting.remove(entry)
