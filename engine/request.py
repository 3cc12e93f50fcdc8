"""A request: what a person asked, with the turns of the conversation before it."""

import unicodedata
from dataclasses import dataclass
from typing import Literal

from engine.errors import BadRequest

MAX_CHARACTERS = 20_000  # longest request; the model's own limit is in tokens, and the backend checks it


def folded(text: str) -> str:
    """Fold a text to its words: case and spacing say nothing any more."""
    return " ".join(text.casefold().split())


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier utterance of the conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """A checked request. Build one with `Request.of`, which refuses what cannot be asked."""

    text: str
    history: tuple[Turn, ...] = ()
    given: tuple[tuple[str, str], ...] = ()  # what recipes may fill in beside it: {{today}}, {{team}}

    @classmethod
    def of(cls, text: str, history: tuple[Turn, ...] = (), given: tuple[tuple[str, str], ...] = ()) -> "Request":
        """Check a request: trim its ends, unify line ends, keep everything else.

        Raises BadRequest for an empty text, more than MAX_CHARACTERS, and characters that are no text
        (NUL and other control characters, lone surrogates). They are refused, not dropped: what is
        stored and sent to both sides is what the person typed.
        """
        text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
        if not any(unicodedata.category(c)[0] not in "ZC" for c in text):
            raise BadRequest("The request is empty. Type a question or a situation first.")
        if len(text) > MAX_CHARACTERS:
            raise BadRequest(
                f"The request has {len(text):,} characters; at most {MAX_CHARACTERS:,} are accepted. Shorten it and send it again."
            )
        for position, character in enumerate(text, 1):
            if unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t":
                raise BadRequest(
                    f"The request holds a character that is no text (U+{ord(character):04X}, at position {position:,}). "
                    "Remove it and send the request again."
                )
        return cls(text, history, given)
