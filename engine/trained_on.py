"""Requests that an adapter was made with are no evidence for it, nor are their near-duplicates; trained_on.txt in its folder lists them.

The list can go along with the weights and tells nobody what the training data says. A training run writes it with `write_trained_on`.

    trained_on 2                        the first line: the version of the form
    train a6ddd60d4b695e2a 1f0c…        a line a request, in any order: its role, its digest, its signature (engine/near.py), 128 hex digits
    train 0c6b…                         no signature: it was listed before there were any, and is known again by its words alone

Before version 2 the list had no first line and held digests alone, all of the role train; such a list is read as well.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from engine.errors import BadAdapter
from engine.near import BITS, Signatures, signature
from engine.request import folded

FILE = "trained_on.txt"
HEAD = "trained_on 2"
ROLES = ("train", "dev", "test")  # what a training run uses requests for; the first that applies is kept
_LINE = re.compile(rf"(?:({'|'.join(ROLES)}) )?([0-9a-f]{{16}})(?: ([0-9a-f]{{{BITS // 4}}}))?")


def digest(request: str) -> str:
    """Digest a request: the first 16 hex digits of the SHA-256 of its words, whatever their case and spacing."""
    return hashlib.sha256(folded(request).encode(errors="replace")).hexdigest()[:16]


class UsedRequest(NamedTuple):
    """What is kept of a request that a training run used."""

    role: str  # one of ROLES
    signature: bytes  # empty: not known


@dataclass(frozen=True, slots=True)
class TrainedOn:
    """The requests that an adapter was made with, by their digests."""

    listed: Mapping[str, UsedRequest] = field(default_factory=dict)
    _signed: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _signatures: Signatures = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        signed = {key: mark.signature for key, mark in self.listed.items() if mark.signature}
        object.__setattr__(self, "_signed", tuple(signed))
        object.__setattr__(self, "_signatures", Signatures(tuple(signed.values())))

    @classmethod
    def of(cls, requests: Iterable[str], role: str = "train") -> "TrainedOn":
        """List requests of one role, each once."""
        texts = {folded(request): request for request in requests}
        return cls({digest(text): UsedRequest(role, signature(text)) for text in texts.values()})

    def __len__(self) -> int:
        return len(self.listed)

    def __or__(self, other: "TrainedOn") -> "TrainedOn":
        """Join two lists. A request in both has the role that stands first in ROLES, and the signature if one of them knows it."""
        joined = dict(self.listed)
        for key, mark in other.listed.items():
            own = joined.get(key, mark)
            joined[key] = UsedRequest(min(own.role, mark.role, key=ROLES.index), own.signature or mark.signature)
        return TrainedOn(joined)

    def roles_of(self, request: str) -> tuple[str, ...]:
        """Find what a request and its near-duplicates were used for, in the order of ROLES; nothing where none is listed."""
        near = [self._signed[number] for number in self._signatures.near(request)] if self._signed else []
        found = {self.listed[key].role for key in (digest(request), *near) if key in self.listed}
        return tuple(role for role in ROLES if role in found)


def write_trained_on(
    folder: Path, requests: Iterable[str], *, dev: Iterable[str] = (), test: Iterable[str] = (), before: TrainedOn | None = None
) -> None:
    """List in an adapter folder the requests it was trained on, those on which choices were made (dev), and those kept for its test.

    before: the list of the adapter from which this one was trained on.
    """
    listed = (before or TrainedOn()) | TrainedOn.of(requests) | TrainedOn.of(dev, "dev") | TrainedOn.of(test, "test")
    lines = (f"{mark.role} {key} {mark.signature.hex()}".rstrip() for key, mark in sorted(listed.listed.items()))
    (folder / FILE).write_text("".join(f"{line}\n" for line in (HEAD, *lines)), encoding="ascii")


def read_trained_on(folder: Path) -> TrainedOn:
    """Read which requests the adapter in a folder was made with; none where nothing is listed.

    Raises BadAdapter for a list that cannot be read: to take it for empty would count duels that prove nothing.
    """
    path = folder / FILE
    try:
        lines = [line.strip() for line in path.read_text(encoding="ascii").splitlines()]
    except FileNotFoundError:
        return TrainedOn()
    except (OSError, UnicodeDecodeError) as error:
        why = "it is not plain text" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise BadAdapter(f"The list of requests that an adapter was trained on, {path}, cannot be read: {why}.") from error
    listed = {}
    for line in lines[1:] if lines[:1] == [HEAD] else lines:
        if found := _LINE.fullmatch(line):
            listed[found[2]] = UsedRequest(found[1] or "train", bytes.fromhex(found[3] or ""))
        elif line:
            raise BadAdapter(
                f"The list of requests that an adapter was trained on, {path}, holds {line[:40]!r}, which is no digest: 16 hex digits a "
                "line, with a role before and a signature behind. Write it again, or take the file away; then nothing is known of what the "
                "adapter was trained on."
            )
    return TrainedOn(listed)
