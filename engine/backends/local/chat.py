"""The model's own chat template: a conversation becomes tokens, and what of it the model really reads.

A template is a program that came with the model. Some take a message's content as a list of parts and write nothing of a plain
text, some drop a system text, and the mark that ends a turn need not be the model's end token: so each is tried, not believed.
"""

import inspect
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.errors import BackendError, BadAdapter, BadModel
from engine.parsing import read_json, reason
from engine.recipes import Message

ASKED, SAID, THEN = "Is 4711 a harbour?", "It was one in 1815.", "And 2087, what is that?"  # texts that no template holds
TRIED = (
    (Message("user", ASKED),),
    (Message("system", THEN), Message("user", ASKED)),
    (Message("user", ASKED), Message("assistant", SAID), Message("user", THEN)),
)
WRITTEN_OUT = re.compile(f"""['"]text['"]: ['"]{re.escape(ASKED)}""")  # a list of parts printed as it stands


class Chat:
    """A tokenizer with its chat template, and the form in which that template wants content; `name` is the model's. Raises BadModel."""

    def __init__(self, tokenizer: Any, name: str) -> None:
        self.tokenizer, self.name = tokenizer, name
        # names that apply_chat_template keeps for itself: no variables of a template, though a recipe could spell them
        self._own = frozenset(inspect.signature(tokenizer.apply_chat_template).parameters) - {"tools", "documents", "kwargs"}
        self._parts = False
        self._parts = self._wants_parts()

    def encode(self, messages: Sequence[Message], variables: Mapping[str, Any]) -> list[int]:
        """Turn a chat into tokens, with the beginning of an answer at its end. Raises BackendError when the template refuses it.

        A control token that somebody typed is read as its characters: it must not end a turn or begin another's.
        """
        if taken := sorted(self._own & variables.keys()):
            raise BackendError("bad_prompt", f"[chat_template] sets {', '.join(taken)}, which is no variable of a chat template.")
        try:
            encoded = self.tokenizer.apply_chat_template(
                self._chat(messages), add_generation_prompt=True, sanitize_control_tokens=True, return_dict=True, **variables
            )
        except Exception as error:  # a template is code from elsewhere, and ends in any kind
            raise BackendError("bad_prompt", f"The chat template of {self.name} refuses this conversation: {error}") from error
        tokens: list[int] = encoded["input_ids"]
        return tokens

    def unread(self, messages: Sequence[Message], variables: Mapping[str, Any]) -> tuple[Message, ...]:
        """Find the messages of which the prompt, decoded from its tokens, does not hold every character. Raises BackendError.

        Texts are compared as the tokenizer gives them back, as some fold case or leave out what their vocabulary lacks, and
        without their white space, which templates trim.
        """
        prompt = self._given_back(self.encode(messages, variables))
        return tuple(message for message in messages if self._given_back(self.tokens_of(message.content)) not in prompt)

    def tokens_of(self, text: str) -> list[int]:
        """Turn a text into the tokens by which the model writes it as its answer, without an end. A control token that it spells is its
        characters.
        """
        tokens: list[int] = self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        return tokens

    def ends(self) -> frozenset[int]:
        """Find the control tokens that the template writes straight after an assistant's turn."""
        ends = set()
        for more in ((), (Message("user", THEN),)):
            after = self._text((Message("user", ASKED), Message("assistant", SAID), *more)).partition(SAID)[2].lstrip()
            first = self.tokenizer.encode(after, add_special_tokens=False)[:1] if after else []
            ends |= {token for token in first if token in self.tokenizer.added_tokens_decoder}
        return frozenset(ends)

    def check_template(self, adapter: str, folder: Path) -> None:
        """Raise BadAdapter when the adapter's folder brings a chat template that writes another prompt than the base's."""
        own = _template_in(folder, adapter)
        if own is None or own.strip() == str(self.tokenizer.chat_template).strip():
            return
        if any(self._text(chat) != self._text(chat, own) for chat in TRIED):
            raise BadAdapter(
                f"The adapter {adapter} was trained with another chat template than that of {self.name}: its folder holds one that writes "
                "other prompts. Copy the base model's folder, put the adapter's chat_template.jinja into the copy, and name the copy with "
                "DUEL_BASE_MODEL; or train the adapter with the base's own template."
            )

    def new_tokens(self, adapter: str, folder: Path) -> tuple[str, ...]:
        """Write the sentence about tokens that the adapter's folder adds and the base does not have; none where there are none."""
        known = self.tokenizer.get_vocab()
        new = sorted(token for token, number in _tokens_in(folder, adapter).items() if known.get(token) != number)
        if not new:
            return ()
        shown = ", ".join(token[:40] for token in new[:3]) + (" …" if len(new) > 3 else "")
        return (
            f"The adapter {adapter} brings {len(new)} {'token' if len(new) == 1 else 'tokens'} that {self.name} does not have ({shown}); "
            "here they are read as their characters, as the base reads them.",
        )

    def _chat(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        return [
            {"role": message.role, "content": [{"type": "text", "text": message.content}] if self._parts else message.content}
            for message in messages
        ]

    def _text(self, messages: Sequence[Message], template: str | None = None) -> str:
        """Write a chat with a template, without asking for an answer; the empty text when it refuses."""
        try:
            return str(self.tokenizer.apply_chat_template(self._chat(messages), tokenize=False, chat_template=template))
        except Exception:
            return ""

    def _wants_parts(self) -> bool:
        """Whether the template writes what a user says only when it comes as a list of parts. Raises BadModel if it never does."""
        as_text = self._text(TRIED[0])
        if ASKED in as_text:
            return False
        self._parts = True
        if ASKED in (as_parts := self._text(TRIED[0])) and not WRITTEN_OUT.search(as_parts):
            return True
        if not as_text:
            return False  # it refuses such a chat; with which words, the start will say for the recipe in use
        raise BadModel(f"The chat template of {self.name} does not write what a user says, so the model would never see a request.")

    def _given_back(self, tokens: list[int]) -> str:
        text = self.tokenizer.decode(tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return "".join(str(text).split())


def _json_in(path: Path, adapter: str) -> Any:
    """Read a JSON file of an adapter's folder; an empty table where there is none. Raises BadAdapter."""
    if not path.is_file():
        return {}
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise BadAdapter(f"The adapter {adapter} cannot be read: {path.name}, {reason(error)}.") from error


def _template_in(folder: Path, adapter: str) -> str | None:
    """Read the chat template in an adapter's folder, as transformers saves one. Raises BadAdapter."""
    file = folder / "chat_template.jinja"
    try:
        if file.is_file():
            return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadAdapter(f"The adapter {adapter} cannot be read: {file.name}, {reason(error)}.") from error
    config = _json_in(folder / "tokenizer_config.json", adapter)
    template = config.get("chat_template") if isinstance(config, dict) else None
    return template if isinstance(template, str) else None


def _tokens_in(folder: Path, adapter: str) -> dict[str, int]:
    """Read the added tokens and their ids in an adapter's folder, whichever of three files tells them. Raises BadAdapter."""
    found: dict[str, int] = {}
    table = _json_in(folder / "added_tokens.json", adapter)
    found |= {token: number for token, number in table.items() if isinstance(number, int)} if isinstance(table, dict) else {}
    config = _json_in(folder / "tokenizer_config.json", adapter)
    decoder = config.get("added_tokens_decoder") if isinstance(config, dict) else None
    listed = _json_in(folder / "tokenizer.json", adapter)
    added = listed.get("added_tokens") if isinstance(listed, dict) else None
    entries = [(entry, entry.get("id")) for entry in added if isinstance(entry, dict)] if isinstance(added, list) else []
    if isinstance(decoder, dict):
        entries += [(entry, int(number)) for number, entry in decoder.items() if isinstance(entry, dict) and number.isdecimal()]
    found |= {entry["content"]: number for entry, number in entries if isinstance(entry.get("content"), str) and isinstance(number, int)}
    return found
