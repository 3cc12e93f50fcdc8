"""Text out of a growing list of tokens."""

from collections.abc import Sequence
from typing import Any

HALF = "�"  # U+FFFD, as a decoder writes for bytes that are not a whole character yet


class Detokenizer:
    """Pieces of text out of tokens that come one by one, never broken in the middle of a character.

    A byte-level token can end inside a character, which decodes to U+FFFD; then the text waits for the next token.
    Pieces are differences of decoded spans that share their beginning, since a token's text can depend on the one before.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._tokens: list[int] = []
        self._start = 0  # of the span that is decoded
        self._told = 0  # tokens whose text has been handed out

    def add(self, token: int) -> str:
        """Take one more token and return the text that it completes; may be empty."""
        self._tokens.append(token)
        text = self._new_text()
        if text.endswith(HALF):
            return ""
        if text:
            self._start, self._told = self._told, len(self._tokens)
        return text

    def rest(self) -> str:
        """Return the text that was held back, at the end of an answer."""
        text = self._new_text()
        self._told = len(self._tokens)
        return text

    def _new_text(self) -> str:
        told = self._decode(self._tokens[self._start : self._told])
        return self._decode(self._tokens[self._start :])[len(told) :]

    def _decode(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text


class StopTexts:
    """Pieces of an answer up to the first of some texts. What may be the beginning of one is held back until it is known."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.met = False  # whether one of them came
        self._texts, self._held = tuple(texts), ""

    def add(self, piece: str) -> str:
        """Take one more piece and return what of the answer is certain; may be empty."""
        if self.met:
            return ""
        held = self._held + piece
        found = [at for text in self._texts if (at := held.find(text)) >= 0]
        if found:
            self.met, self._held = True, ""
            return held[: min(found)]
        keep = max((size for text in self._texts for size in range(1, len(text)) if held.endswith(text[:size])), default=0)
        self._held = held[len(held) - keep :]
        return held[: len(held) - keep]

    def rest(self, piece: str) -> str:
        """Take the last piece and return all that was held back, at the end of an answer."""
        told = self.add(piece)
        if self.met:
            return told
        held, self._held = self._held, ""
        return told + held
