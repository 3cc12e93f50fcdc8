"""Rows that share the model thread: who waits how long, who is let in, what is kept, what an answer says that was given up."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.backends.base import Load, Party, Prompt, Stop, Usage
from engine.backends.local.backend import LocalBackend
from engine.backends.local.loading import load_base
from engine.backends.local.schedule import CHUNK
from engine.backends.local.writing import Writing
from engine.contestants import Adapter, open_adapter
from engine.cost import Price
from engine.duel import Answer, Failure, answer_each, too_late
from engine.recipes import Message, Sampling
from tests.engine import tiny

pytestmark = pytest.mark.asyncio(loop_scope="module")
PRICE = Price(None, "", "")
WORDS = "the reply names what was asked and who will see to it next "


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_base(tmp_path_factory.mktemp("base"), context=2048)


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Adapter:
    return open_adapter(tiny.save_adapter(tmp_path_factory.mktemp("adapter"), base))


def opened(base: Path, max_rows: int = 4, **more: Any) -> LocalBackend:
    return LocalBackend(load_base(base, "tiny", "float32", "cpu"), max_rows=max_rows, **more)


def prompt(text: str, new: int = 12, system: str = "", turns: Sequence[tuple[str, str]] = ()) -> Prompt:
    said = [Message("system", system)] if system else []
    said += [message for user, answer in turns for message in (Message("user", user), Message("assistant", answer))]
    return Prompt((*said, Message("user", text)), Sampling(max_new_tokens=new))


async def ask(backend: LocalBackend, wanted: Prompt, stop: Stop | None = None, owner: str = "") -> Answer:
    outcome = (await answer_each({"it": wanted}, backend, PRICE, stop=stop, owner=owner))["it"]
    assert isinstance(outcome, Answer), outcome
    return outcome


def log_of(backend: LocalBackend) -> list[tuple[str, int]]:
    """Have the thread's work noted: ("read", tokens) and ("step", rows)."""
    log: list[tuple[str, int]] = []
    step = backend.thread.step
    read, decode = step.read, step.decode

    def noting_read(row: Writing, most: int) -> Any:
        before = row.read
        logits = read(row, most)
        log.append(("read", row.read - before))
        return logits

    def noting_decode(rows: Sequence[Writing]) -> Any:
        log.append(("step", len(rows)))
        return decode(rows)

    step.read, step.decode = noting_read, noting_decode  # type: ignore[method-assign]
    return log


async def test_who_writes_never_waits_for_more_than_one_chunk_of_a_long_prompt(base: Path) -> None:
    backend = opened(base)
    log, started = log_of(backend), asyncio.Event()
    writing = asyncio.create_task(
        answer_each({"it": prompt("go on", 300)}, backend, PRICE, hear=lambda _key, _text: started.set())  # type: ignore[misc]
    )
    await started.wait()
    long = await ask(backend, prompt(WORDS * 20, 3))
    await writing
    await backend.aclose()
    start = next(place for place, (kind, tokens) in enumerate(log) if kind == "read" and tokens == CHUNK)
    during = log[start : start + 9]
    assert long.usage.prompt_tokens > 5 * CHUNK and [kind for kind, _ in during] == ["read", "step"] * 4 + ["read"]
    assert all(tokens <= CHUNK for kind, tokens in log if kind == "read")


async def test_a_stop_in_the_middle_of_a_long_prompt_frees_the_row_before_the_next_piece(base: Path) -> None:
    backend = opened(base)
    log, stop = log_of(backend), Stop()
    read = backend.thread.step.read

    def stopping(row: Writing, most: int) -> Any:
        logits = read(row, most)
        if row.read >= 2 * CHUNK:
            stop.raise_()
        return logits

    backend.thread.step.read = stopping  # type: ignore[method-assign]
    answer = await ask(backend, prompt(WORDS * 20), stop)
    assert (answer.finish, answer.usage.new_tokens, answer.text) == ("stopped", 0, "")
    assert log == [("read", CHUNK)] * 2 and not backend.thread.schedule.seats
    assert answer.usage.busy_s == pytest.approx(backend.thread.schedule.busy_s)
    await backend.aclose()


async def test_a_long_prompt_says_the_same_beside_others_that_come_and_end_while_it_is_read(base: Path, adapter: Adapter) -> None:
    fresh = opened(base)
    alone = await ask(fresh, prompt(WORDS * 20, 20))
    others = [await ask(fresh, prompt(f"short {number}", 3 + number)) for number in range(6)]
    await fresh.aclose()
    backend = opened(base)
    long = asyncio.create_task(ask(backend, prompt(WORDS * 20, 20)))
    short = [asyncio.create_task(ask(backend, prompt(f"short {number}", 3 + number))) for number in range(6)]
    assert [(await task).text for task in short] == [answer.text for answer in others]
    assert (await long).text == alone.text
    await backend.aclose()


async def test_numbers_that_break_in_the_middle_of_a_prompt_fail_it_alone(base: Path) -> None:
    backend = opened(base)
    loaded = backend._loaded
    before = await ask(backend, prompt("hello", 20))
    poison = loaded.tokenizer("€", add_special_tokens=False)["input_ids"]
    weights = loaded.model.get_input_embeddings().weight.data
    kept = weights[poison].clone()
    weights[poison] = float("nan")
    log = log_of(backend)
    outcome = (await answer_each({"it": prompt("€ " + WORDS * 20)}, backend, PRICE))["it"]
    weights[poison] = kept
    assert isinstance(outcome, Failure) and outcome.kind == "not_finite"
    assert log == [("read", CHUNK)], "no further piece is read"
    assert (await ask(backend, prompt("hello", 20))).text == before.text
    await ask(backend, prompt("€ " + WORDS * 20))
    await backend.aclose()


async def test_both_sides_of_a_duel_leave_the_queue_at_the_same_time(base: Path) -> None:
    backend = opened(base, max_rows=2)
    joined: list[list[str]] = []
    begin = backend.thread.step.begin

    def noting(row: Writing) -> None:
        joined.append(sorted(row.prompt.messages[-1].content for row in backend.thread.schedule.running))
        begin(row)

    backend.thread.step.begin = noting  # type: ignore[method-assign]
    duels = [{side: prompt(f"{number} {side}", 4 + 8 * (side == "left")) for side in ("left", "right")} for number in range(4)]
    await asyncio.gather(*(answer_each(duel, backend, PRICE) for duel in duels))
    await backend.aclose()
    assert joined == [pair for number in range(4) for pair in [[f"{number} left", f"{number} right"]] * 2]


async def test_people_take_turns(base: Path) -> None:
    backend = opened(base, max_rows=2)
    ended: list[str] = []

    async def one(owner: str, number: int) -> None:
        await answer_each({side: prompt(f"{owner} {number} {side}", 3) for side in ("a", "b")}, backend, PRICE, owner=owner)
        ended.append(owner)

    await asyncio.gather(*(one("ann", number) for number in range(5)), one("ben", 0), one("cem", 0))
    await backend.aclose()
    assert ended[:3] == ["ann", "ben", "cem"]


async def test_an_answer_for_which_there_is_never_room_is_refused_in_words_and_others_wait(base: Path) -> None:
    trial = opened(base, max_rows=3)
    await ask(trial, prompt("hi"))
    room = trial.thread.step.room.bytes_of([300])
    await trial.aclose()
    backend = opened(base, max_rows=3, budget_bytes=room)
    outcomes = await answer_each({"long": prompt(WORDS * 20), "short": prompt("hi")}, backend, PRICE)
    await backend.aclose()
    failed = outcomes["long"]
    assert isinstance(failed, Failure) and failed.kind == "too_long" and "DUEL_KV_MIB" in failed.words
    assert isinstance(outcomes["short"], Answer)


@pytest.mark.parametrize("house", ["", WORDS * 12])
async def test_a_conversation_s_next_turn_reads_only_what_is_new(base: Path, house: str) -> None:
    backend = opened(base)
    first = await ask(backend, prompt("What now?", 40, house))
    turns = [("What now?", first.text)]
    second = await ask(backend, prompt("And then?", 40, house, turns))
    fresh = opened(base)
    assert (await ask(fresh, prompt("And then?", 40, house, turns))).text == second.text
    chat = backend._loaded.chat
    known = chat.encode(prompt("What now?", 40, house).messages, {})
    written = chat.encode(prompt("And then?", 40, house, turns).messages, {})
    assert written[: len(known)] == known, "the template writes the earlier turn as it did before"
    assert second.usage.cached_prompt_tokens >= len(known)
    await fresh.aclose()
    await backend.aclose()


async def test_what_was_written_is_kept_behind_its_prompt(base: Path) -> None:
    """A random model's bytes come back from their text as other tokens, so the tokens themselves are looked up here."""
    backend = opened(base)
    rows: list[Writing] = []
    begin = backend.thread.step.begin

    def noting(row: Writing) -> None:
        rows.append(row)
        begin(row)

    backend.thread.step.begin = noting  # type: ignore[method-assign]
    await ask(backend, prompt("What now?", 40))
    (row,) = rows
    kept = backend.thread.step._kept.find(row.adapter, [*row.tokens, *row.new, 0, 0])
    await backend.aclose()
    assert sum(common for _, common in kept) == len(row.tokens) + len(row.new) - 1, "all but the newest, which was never read"


async def test_a_new_request_finds_the_recipe_however_many_came_between(base: Path) -> None:
    backend = opened(base)
    recipe = WORDS * 10
    await ask(backend, prompt("first", 2, recipe))
    for number in range(12):
        await ask(backend, prompt(f"{number} without it", 2))
    found = await ask(backend, prompt("another request", 2, recipe))
    await backend.aclose()
    assert found.usage.prompt_tokens - found.usage.cached_prompt_tokens < 30


async def test_an_owner_and_a_group_reach_the_row(base: Path) -> None:
    backend = opened(base)
    seen: list[tuple[str, str]] = []
    begin = backend.thread.step.begin

    def noting(row: Writing) -> None:
        seen.append((row.owner, row.group))
        begin(row)

    backend.thread.step.begin = noting  # type: ignore[method-assign]
    async for _ in backend.generate(prompt("hi", 1), Stop(), Party("ann", "duel 7")):
        pass
    await backend.aclose()
    assert seen == [("ann", "duel 7")]


def usage(new: int, first_s: float, total_s: float) -> Usage:
    return Usage(60, 0, new, 0.0, first_s, total_s, 1.0, "cpu", "alone")


@pytest.mark.parametrize(
    ("counted", "load", "words"),
    [
        (usage(26, 20.0, 120.0), Load(4.3, 2), "26 tokens had been written, 0.25 a second. The machine is busy: 4.3 programs want its 2"),
        (usage(26, 20.0, 120.0), Load(2.1, 2), "26 tokens had been written, 0.25 a second."),
        (usage(1, 120.0, 120.0), None, "1 token had been written."),
        (usage(0, 120.0, 120.0), None, "its prompt was still being read."),
        (usage(0, 0.0, 0.0), None, "it was still waiting for its turn."),
    ],
)
async def test_an_answer_that_is_given_up_says_how_far_it_came(counted: Usage, load: Load | None, words: str) -> None:
    said = too_late(120.0, counted, load)
    assert said.startswith(f"No complete answer within 120 s: {words}")
    assert ("busy" in said) == (load is not None and load.busy)


async def test_the_last_chunk_tells_the_machine_s_load(base: Path) -> None:
    backend = opened(base)
    chunks = [chunk async for chunk in backend.generate(prompt("hi", 2), Stop())]
    await backend.aclose()
    load = chunks[-1].load
    assert load is not None and load.processors >= 1 and load.wanting >= 0
    assert all(chunk.load is None for chunk in chunks[:-1])
