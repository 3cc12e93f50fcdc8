"""Numbers as people write them: `say` writes one, `read` reads it back."""

import random
import re

UNIT_WORDS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen"""
UNITS = UNIT_WORDS.split()
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SPOKEN = {
    12: ("a dozen", "one dozen"),
    24: ("two dozen", "a couple of dozen"),
    36: ("three dozen", "a few dozen"),
    60: ("five dozen",),
    100: ("a hundred",),
    200: ("a couple of hundred", "a couple hundred"),
    300: ("a few hundred",),
    500: ("half a thousand",),
    1_000: ("a thousand",),
    1_500: ("one and a half thousand",),
    2_000: ("a couple of thousand", "a couple thousand"),
    2_500: ("two and a half thousand",),
    3_000: ("a few thousand",),
    10_000: ("ten thousand",),
    100_000: ("a hundred thousand",),
    200_000: ("a couple of hundred thousand", "a couple hundred thousand"),
    250_000: ("a quarter of a million", "a quarter million"),
    300_000: ("a few hundred thousand",),
    500_000: ("half a million",),
    1_000_000: ("a million",),
    1_500_000: ("one and a half million", "a million and a half"),
    2_000_000: ("a couple of million", "a couple million"),
}
NUMBER_WORDS = frozenset(
    [
        *UNITS,
        *filter(None, TENS),
        "hundred",
        "thousand",
        "million",
        "dozen",
        "half",
        "couple",
        "few",
        "quarter",
        "tens",
        "hundreds",
        "a",
        "and",
        "of",
    ]
)


def words(n: int) -> str:
    """Write an integer below a thousand million in English words."""
    for size, name in ((1_000_000, "million"), (1_000, "thousand")):
        if n >= size:
            rest = n % size
            return f"{words(n // size)} {name}" + (f" {words(rest)}" if rest else "")
    if n >= 100:
        rest = n % 100
        return f"{UNITS[n // 100]} hundred" + (f" and {words(rest)}" if rest else "")
    if n >= 20:
        return TENS[n // 10] + (f"-{UNITS[n % 10]}" if n % 10 else "")
    return UNITS[n]


def say(rng: random.Random, n: int) -> str:
    """Draw one of the ways in which people write n; `read` gives n back."""
    ways = [f"{n:,}", f"{n:,}", str(n), str(n)]
    if n >= 1_000:
        ways += [f"{n:,}".replace(",", mark) for mark in (" ", " ", ".", "'") if rng.random() < (1.0 if mark == " " else 0.4)]
    if n >= 1_000 and n % 100 == 0 and n < 1_000_000:
        ways += [f"{n / 1000:g}k"] * 3 + [f"{n / 1000:g}K", f"{n / 1000:g} k", f"{n / 1000:g} thousand", f"{n / 1000:g} thousand"]
    if n >= 1_000_000 and n % 100_000 == 0:
        million = f"{n / 1e6:g}"
        ways = [f"{n:,}", *[f"{million} million"] * 3, f"{million}M", f"{million}m", f"{million} mio"]
    if spellable(n):
        ways += [words(n)] * 3
    ways += SPOKEN.get(n, ()) * 2
    return rng.choice(ways)


def spellable(n: int) -> bool:
    """Whether people spell the number out: two words or so."""
    head = n
    while head and head % 1000 == 0:
        head //= 1000
    return head <= 20 or (head < 100 and head % 5 == 0) or (head < 1000 and head % 50 == 0)


def read(text: str) -> int:
    """Read the number that `say` wrote. Raises ValueError for anything else."""
    text = text.strip().lower()
    for n, ways in SPOKEN.items():
        if text in ways:
            return n
    if match := re.fullmatch(r"(\d[\d., ']*?)\s*(k|thousand|m|mio|million)?", text):
        size = {"k": 1e3, "thousand": 1e3, "m": 1e6, "mio": 1e6, "million": 1e6}.get(match[2] or "", 1)
        digits = match[1].replace(" ", "").replace(",", "").replace("'", "")
        if size == 1 and re.fullmatch(r"\d{1,3}(\.\d{3})+", digits):  # 14.000, as much of Europe writes it
            digits = digits.replace(".", "")
        return round(float(digits) * size)
    return read_words(text)


def read_words(text: str) -> int:
    """Read a number in English words. Raises ValueError for other words."""
    total = part = 0
    tokens = [word for word in re.split(r"[\s-]+", text) if word != "and"]
    if not tokens:
        raise ValueError("no number in an empty text")
    for word in tokens:
        if word in UNITS:
            part += UNITS.index(word)
        elif word in TENS and word:
            part += 10 * TENS.index(word)
        elif word == "hundred":
            part *= 100
        elif word in ("thousand", "million"):
            total += part * (1_000 if word == "thousand" else 1_000_000)
            part = 0
        else:
            raise ValueError(f"{word!r} is no number word")
    return total + part


def around(rng: random.Random, low: float, high: float) -> int:
    """Draw a number from low to high, even in its logarithm, mostly as round as people's numbers are, at times one with a name."""
    if rng.random() < 0.08 and (named := [n for n in SPOKEN if low <= n <= high]):
        return rng.choice(named)
    n = low * (high / low) ** rng.random()
    digits = rng.choices((1, 2, 3, 6), (5, 4, 1, 1))[0]
    step = 10 ** max(0, len(str(int(n))) - digits)
    rounded = round(n / step) * step
    return int(rounded if low <= rounded <= high else n)
