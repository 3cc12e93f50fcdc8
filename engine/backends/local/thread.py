"""The model thread: rows join, decode together one token a step, and leave between steps.

Every moment of work is charged: a prefill to its row, a step in equal parts to the rows in it. So over any period the
busy_s of the answers sum to the time that the engine was busy (house work such as the alive check is counted apart).
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import torch
from torch import Tensor

from engine.backends.base import Chunk
from engine.backends.local.loading import Loaded
from engine.backends.local.lora import NONE, LoraRows
from engine.backends.local.rows import Detokenizer, Row, draw
from engine.backends.local.slots import PromptStore, SlotCache, Window
from engine.errors import BackendError

log = logging.getLogger(__name__)
T = TypeVar("T")


class ModelThread:
    """Owns a loaded model. `submit` and `call` may be used from any thread; everything else runs on the thread itself."""

    def __init__(self, loaded: Loaded, *, max_rows: int, device: str, clock: Callable[[], float]) -> None:
        self.busy_s = 0.0  # charged to answers
        self.house_s = 0.0  # alive checks; nobody's answer
        self._model, self.chat, self._base, self._end_ids = loaded.model, loaded.chat, loaded.base, loaded.end_ids
        self.lora = LoraRows(loaded.model)
        self._device, self._clock, self._max_rows = device, clock, max_rows
        self._cache = SlotCache(loaded.model.config.get_text_config().num_hidden_layers, max_rows)
        self._prompts = PromptStore()
        self._rows: list[Row] = []  # row i sits in slot i
        self._waiting: deque[Row] = deque()
        self._calls: deque[Callable[[], None]] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._mark = clock()  # until when the thread's time has been charged
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, row: Row) -> None:
        """Queue a row; it joins the batch when a slot is free, first come first served."""
        with self._wake:
            if self._closing:
                raise BackendError("closed", "Duelbot is shutting down; ask again when it is back.")
            self._waiting.append(row)
            self._wake.notify()

    def call(self, function: Callable[[], T]) -> "Future[T]":
        """Run something on the thread between steps."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)

        with self._wake:
            self._calls.append(run)
            self._wake.notify()
        return future

    def close(self) -> None:
        """Stop every row, then the thread. Blocks until the present step has ended."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    @property
    def rows(self) -> int:
        """Rows in the batch now."""
        return len(self._rows)

    # --- on the thread ---

    def _run(self) -> None:
        with torch.inference_mode():
            while self._wait_for_work():
                if self._calls:
                    self._calls.popleft()()
                    self._charge_house()
                self._drop_stopped()
                self._join()
                if self._rows:
                    self._step()
            self._end_all()

    def _wait_for_work(self) -> bool:
        with self._wake:
            while not (self._rows or self._waiting or self._calls or self._closing):
                self._wake.wait()
                self._mark = self._clock()  # idle until here, nobody pays
            return not self._closing

    def _charge(self, rows: list[Row]) -> None:
        """Everything since the last charge is these rows' work, in equal parts."""
        since, self._mark = self._mark, self._clock()
        self.busy_s += self._mark - since
        for row in rows:
            row.busy_s += (self._mark - since) / len(rows)

    def _charge_house(self) -> None:
        since, self._mark = self._mark, self._clock()
        self.house_s += self._mark - since

    def _drop_stopped(self) -> None:
        for row in [row for row in self._rows if row.stop.raised]:
            self._leave(row)
            row.end("stopped", self._clock(), self._device)
        for row in [row for row in self._waiting if row.stop.raised]:
            self._waiting.remove(row)
            row.end("stopped", self._clock(), self._device)

    def _join(self) -> None:
        """Let waiting rows in while slots are free, first come first served, each charged with its own prefill."""
        while self._waiting and len(self._rows) < self._max_rows:
            row = self._waiting.popleft()
            row.left_queue = self._clock()
            self._rows.append(row)
            if len(self._rows) > 1:
                for other in self._rows:
                    other.together = True
            try:
                token: int | BackendError = self._draw(row, self._prefill(row))
            except Exception as error:
                token = self._as_backend_error(error)
            self._charge([row])
            self._tell(row, token)

    def _prefill(self, row: Row) -> Tensor:
        """Read a row's prompt, from its first token that no kept prompt has; logits of the next token (vocabulary,)."""
        row.tokens = self.chat.encode(row.prompt.messages, dict(row.prompt.chat_template))
        room = self._base.context_tokens - row.prompt.sampling.max_new_tokens
        if len(row.tokens) > room:
            raise BackendError(
                "too_long",
                f"Request, conversation and instructions are {len(row.tokens):,} tokens together; {self._base.name} reads {room:,} "
                f"and keeps {row.prompt.sampling.max_new_tokens:,} for the answer. Shorten the request, or start a new conversation.",
            )
        row.text = Detokenizer(self.chat.tokenizer)
        if row.prompt.sampling.temperature > 0:
            row.generator = torch.Generator().manual_seed(row.prompt.seed)
        adapter = row.prompt.adapter.digest if row.prompt.adapter else NONE
        slot = len(self._rows) - 1
        row.cached, states = self._prompts.best(adapter, row.tokens)
        if row.cached:
            self._cache.copy_in(slot, states, row.cached)
        logits = self.read(row.tokens, adapter, slot, row.cached)
        if bool(logits.isfinite().all()):  # damaged states must not spread to later prompts
            self._prompts.keep(adapter, row.tokens, self._cache.copy_out(slot, len(row.tokens)))
        return logits

    def read(self, tokens: list[int], adapter: str, slot: int, done: int) -> Tensor:
        """Forward tokens[done:] of one row into its slot; logits after the last one (vocabulary,)."""
        columns = torch.arange(done, len(tokens), device=self._device)
        mask = columns[:, None] >= torch.arange(len(tokens), device=self._device)
        self._cache.aim(Window(slot, 1, columns, len(tokens)))
        self.lora.names = [adapter]
        return self._forward(torch.tensor([tokens[done:]], device=self._device), columns[None], mask[None, None])[0]

    def _step(self) -> None:
        """One token for every row, in one forward."""
        rows = list(self._rows)
        try:
            logits = self._decode(rows)
            tokens = [self._try_draw(row, own) for row, own in zip(rows, logits, strict=True)]
        except Exception as error:
            tokens = [self._as_backend_error(error)] * len(rows)
        self._charge(rows)
        for row, token in zip(rows, tokens, strict=True):
            self._tell(row, token)

    def _try_draw(self, row: Row, logits: Tensor) -> int | BackendError:
        try:
            return self._draw(row, logits)
        except BackendError as error:
            return error

    def _decode(self, rows: list[Row]) -> Tensor:
        lengths = torch.tensor([row.length for row in rows], device=self._device)
        width = max(row.length for row in rows) + 1
        mask = torch.arange(width, device=self._device) <= lengths[:, None]
        self._cache.aim(Window(0, len(rows), lengths, width))
        self.lora.names = [row.prompt.adapter.digest if row.prompt.adapter else NONE for row in rows]
        return self._forward(torch.tensor([[row.new[-1]] for row in rows], device=self._device), lengths[:, None], mask[:, None, None])

    def _forward(self, ids: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """ids, positions (rows, tokens), mask (rows, 1, tokens, columns), true where a token may look. Last logits (rows, vocabulary)."""
        out: Any = self._model(
            input_ids=ids, position_ids=positions, attention_mask=mask, past_key_values=self._cache, use_cache=True, logits_to_keep=1
        )
        logits: Tensor = out.logits[:, -1]
        return logits

    def _draw(self, row: Row, logits: Tensor) -> int:
        if not bool(logits.isfinite().all()):
            raise BackendError("not_finite", "The model's output is not a number, so this answer broke off; its weights may be damaged.")
        return draw(logits, row.prompt.sampling, row.generator)

    def _tell(self, row: Row, token: int | BackendError) -> None:
        """Hand out what the new token adds; end the row at an end token, at its limit, or with the error that came instead."""
        if isinstance(token, BackendError):
            self._cache.wipe(self._rows.index(row))
            self._leave(row)
            row.end(token, self._mark, self._device)
            return
        row.first_token = row.first_token or self._mark
        row.new.append(token)
        ended, full = token in self._end_ids, len(row.new) >= row.prompt.sampling.max_new_tokens
        assert row.text is not None
        if not ended and (piece := row.text.add(token)):
            row.deliver(Chunk(piece))
        if ended or full:
            self._leave(row)
            row.end("end" if ended else "length", self._mark, self._device)

    def _as_backend_error(self, error: Exception) -> BackendError:
        """One row's failure as its words; anything unforeseen is logged whole, and the other rows go on."""
        if isinstance(error, BackendError):
            return error
        log.error("the model failed", exc_info=error)
        return BackendError("crashed", f"The model failed while answering ({type(error).__name__}: {str(error).strip()[:200]}).")

    def _leave(self, row: Row) -> None:
        """Free a slot; the last row moves into it, so that rows stay packed."""
        slot, last = self._rows.index(row), self._rows[-1]
        if last is not row:
            self._cache.move(len(self._rows) - 1, slot, len(last.tokens) + len(last.new))
            self._rows[slot] = last
        self._rows.pop()

    def _end_all(self) -> None:
        for row in (*self._rows, *self._waiting):
            row.end(BackendError("closed", "Duelbot stopped while this was being answered. Ask it again."), self._clock(), self._device)
        self._rows.clear()
        self._waiting.clear()
        while self._calls:
            self._calls.popleft()()
