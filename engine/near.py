"""Near-duplicates: two texts are the same request when their character 5-grams overlap by 0.8 (Jaccard), whatever case and spacing.

A signature stands for a text where the text itself must not be told: one bit of each of BITS minimal hashes (Li and König 2010, b-bit
minwise hashing), so no 5-gram can be read off it, as it could off the hashes. Two signatures agree in (1 + J) / 2 of their bits, J with
a standard deviation of 2 sqrt(.09 / BITS) = .027 at .8. CALLED_NEAR lies three of these below LIMIT: of pairs at the limit one in
seven hundred is missed, and what is called near beyond the limit costs a duel, not the truth. Who knows nearly all of a text already
can see in its signature that it was there; that is what a signature is for.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.request import folded

GRAM = 5  # characters
LIMIT = 0.8  # of Jaccard, from which on two texts are near-duplicates
BITS = 512  # of a signature
CALLED_NEAR = 0.72  # Jaccard as two signatures estimate it, from which on they are those of near-duplicates
Hashes = npt.NDArray[np.uint64]  # of the 5-grams of a text: sorted, each once
_SLICE = 4096  # 5-grams hashed at a time: 16 MB


def grams(text: str) -> frozenset[str]:
    """Cut a text into its character 5-grams, case and spacing folded; one that is shorter is a gram itself."""
    words = folded(text)
    return frozenset(words[at : at + GRAM] for at in range(max(1, len(words) - GRAM + 1)))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Compute the share of grams that two texts have in common, 0 to 1."""
    return len(one & other) / len(one | other)


def near(one: str, other: str) -> bool:
    """Whether two texts are near-duplicates; the same text is one."""
    return jaccard(grams(one), grams(other)) >= LIMIT


def mixed(values: Hashes) -> Hashes:
    """Scatter 64-bit values over all 64-bit values, one to one (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def gram_hashes(texts: Sequence[str]) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Hash the 5-grams of many texts. Returns the hashes text by text, each once in a text, and where each text begins, the end last."""
    values, owner = all_grams(texts)
    order = np.lexsort((values, owner))
    values, owner = values[order], owner[order]
    first = np.ones(len(values), dtype=bool)
    first[1:] = (values[1:] != values[:-1]) | (owner[1:] != owner[:-1])
    return values[first], np.searchsorted(owner[first], np.arange(len(texts) + 1))


def all_grams(texts: Sequence[str]) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Hash the 5-grams of many texts, each as often as it comes. Returns the hashes text by text, and the number of the text of each."""
    words = [folded(text) for text in texts]
    padded = [each.ljust(GRAM, "\0") for each in words]  # a short text is one gram; NUL cannot be asked
    points = np.frombuffer("".join(padded).encode("utf-32-le", errors="surrogatepass"), dtype="<u4").astype(np.uint64)
    lengths = np.fromiter((len(each) for each in padded), dtype=np.int64, count=len(padded))
    ends = np.cumsum(lengths)
    values = np.zeros(max(0, len(points) - GRAM + 1), dtype=np.uint64)
    for offset in range(GRAM):
        values = mixed(values ^ points[offset : offset + len(values)]) + np.uint64(offset + 1)
    owner = np.repeat(np.arange(len(padded)), lengths)[: len(values)]
    inside = np.arange(len(values)) + GRAM <= ends[owner]  # no gram reaches into the next text
    return values[inside], owner[inside]


def signature(text: str) -> bytes:
    """Compute the signature of a text, BITS / 8 bytes. It is stored, so what it is made of never changes."""
    hashes, _ = gram_hashes([text])
    least = np.full(BITS, np.iinfo(np.uint64).max, dtype=np.uint64)
    for at in range(0, len(hashes), _SLICE // 8):
        least = np.minimum(least, mixed(hashes[at : at + _SLICE // 8, None] ^ _KEYS[None, :]).min(axis=0))
    return np.packbits((least & np.uint64(1)).astype(np.uint8)).tobytes()


class Signatures:
    """Many signatures, to be asked which of them are of near-duplicates of a text."""

    def __init__(self, signatures: Sequence[bytes]) -> None:
        self._bits = np.frombuffer(b"".join(signatures), dtype=np.uint64).reshape(len(signatures), BITS // 64)

    def __len__(self) -> int:
        return len(self._bits)

    def near(self, text: str) -> list[int]:
        """Find the numbers of those signatures that are of near-duplicates of a text, as far as they tell."""
        own = np.frombuffer(signature(text), dtype=np.uint64)
        differ = np.bitwise_count(self._bits ^ own).sum(axis=1, dtype=np.int64)
        return [int(number) for number in np.flatnonzero(1 - 2 * differ / BITS >= CALLED_NEAR)]


_KEYS = mixed(np.arange(1, BITS + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))  # of the minimal hashes, splitmix64's own row
