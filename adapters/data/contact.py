"""What an adapter must not be taught, found in a text: secrets, card and account numbers, e-mail addresses, phone numbers."""

import re
from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple


class Private(StrEnum):
    """Kinds of private words; a name between brackets takes their place."""

    SECRET = "secret"
    CARD = "card-number"
    IBAN = "iban"
    EMAIL = "e-mail"
    PHONE = "phone"


class Hit(NamedTuple):
    """A place in a text."""

    kind: Private
    start: int
    end: int


_WORD = r"""["']?\s*[:=]\s*["']?"""
_SECRETS = re.compile(
    "|".join(
        (
            r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:[\s\S]*?-----END (?:[A-Z]+ )*PRIVATE KEY-----)?",
            r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",  # AWS
            r"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{40,}\b",  # GitHub
            r"\bglpat-[A-Za-z0-9_-]{20,}",  # GitLab
            r"\bhf_[A-Za-z0-9]{30,}\b",  # Hugging Face
            r"\bsk-[A-Za-z0-9_-]{20,}|\b[sr]k_live_[A-Za-z0-9]{20,}\b",  # OpenAI and others; Stripe
            r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",  # Slack
            r"\bAIza[A-Za-z0-9_-]{35}",  # Google
            r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+",  # JSON Web Tokens
            r"\b[MNO][A-Za-z\d_-]{23,25}\.[A-Za-z\d_-]{6}\.[A-Za-z\d_-]{27,}",  # Discord
            rf"(?i:\b(?:password|passwort|passwd|api[_-]?key|secret|token){_WORD})(?=\S*\d)[^\s\"',;]{{8,}}",
        )
    )
)
_CARD = re.compile(r"(?<![\d.-])[2-6](?:[ -]?\d){12,18}(?![\d-])")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_EMAIL = re.compile(r"(?<![\w.+-])[A-Za-z0-9][\w.+-]{0,63}@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}\b")
# With a country's code, in brackets or after a 0 with parts between, or as North America writes it: eight to fifteen digits (E.164).
_PHONES = (
    r"(?:\+|00)\d[\d ()/.-]{6,20}\d",
    r"\(0?\d{2,5}\)[ /-]?\d[\d -]{4,12}\d",
    r"0\d{1,4}[ /-]\d[\d -]{4,12}\d",
    r"\d{3}[-. ]\d{3}[-. ]\d{4}",
)
_PHONE = re.compile(rf"(?<![\w.+-])(?<!\d )(?:{'|'.join(_PHONES)})(?![\w-]| \d)")
_DATE = re.compile(r"(?:00?\d|\d{2})[./ -]\d{1,2}[./ -](?:\d{2}|\d{4})")
_SIGN = re.compile(r"[@\d]|-----BEGIN|xox|eyJ|glpat|hf_|sk[-_]|rk_|gh[pousr]_|github_pat")  # no hit without one of these
LONGEST_IBAN = 34  # characters
CARD_DIGITS = range(13, 20)
PHONE_DIGITS = range(8, 16)


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether a text is an account number whose check digits are right (ISO 13616): modulo 97 of its letters as numbers is 1."""
    packed = text.replace(" ", "")
    return 15 <= len(packed) <= LONGEST_IBAN and int("".join(str(int(sign, 36)) for sign in packed[4:] + packed[:4])) % 97 == 1


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdecimal())


def _is_card(text: str) -> bool:
    digits = _digits(text)
    return len(digits) in CARD_DIGITS and len(set(digits)) > 1 and luhn(digits)


def _is_phone(text: str) -> bool:
    return len(_digits(text)) in PHONE_DIGITS and not _DATE.fullmatch(text)


_LOOKS = (
    (Private.SECRET, _SECRETS, lambda text: True),
    (Private.IBAN, _IBAN, is_iban),
    (Private.CARD, _CARD, _is_card),
    (Private.EMAIL, _EMAIL, lambda text: True),
    (Private.PHONE, _PHONE, _is_phone),
)


def hits(text: str) -> list[Hit]:
    """Find all private words of a text, in its order; of two that overlap the first kind in the order of _LOOKS."""
    found: list[Hit] = []
    if _SIGN.search(text):
        for kind, pattern, right in _LOOKS:
            for match in pattern.finditer(text):
                if right(match[0]) and not any(match.start() < other.end and other.start < match.end() for other in found):
                    found.append(Hit(kind, match.start(), match.end()))
    return sorted(found, key=lambda hit: hit.start)


def masked(text: str, kinds: Collection[Private]) -> str:
    """Put the kind between brackets in the place of each private word of these kinds."""
    for hit in reversed(hits(text)):
        if hit.kind in kinds:
            text = f"{text[: hit.start]}[{hit.kind}]{text[hit.end :]}"
    return text
