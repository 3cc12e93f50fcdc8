"""Private words: found where they are, not where something only looks like them, and masked."""

import pytest

from adapters.data.contact import Private, hits, is_iban, luhn, masked

FOUND = {
    "Pay with 4111 1111 1111 1111 please": (Private.CARD, "4111 1111 1111 1111"),
    "card 5555-5555-5555-4444": (Private.CARD, "5555-5555-5555-4444"),
    "to DE89 3704 0044 0532 0130 00, thanks": (Private.IBAN, "DE89 3704 0044 0532 0130 00"),
    "IBAN GB82WEST12345698765432.": (Private.IBAN, "GB82WEST12345698765432"),
    "write to ann.lee+shop@mail.example.org.": (Private.EMAIL, "ann.lee+shop@mail.example.org"),
    "call +49 (0)30 1234567 now": (Private.PHONE, "+49 (0)30 1234567"),
    "call 0171 2345678": (Private.PHONE, "0171 2345678"),
    "call (555) 123-4567": (Private.PHONE, "(555) 123-4567"),
    "call 555-123-4567.": (Private.PHONE, "555-123-4567"),
    "key AKIAIOSFODNN7EXAMPLE here": (Private.SECRET, "AKIAIOSFODNN7EXAMPLE"),
    "use sk-abcdefghijklmnopqrstuvwx": (Private.SECRET, "sk-abcdefghijklmnopqrstuvwx"),
    "token: ghp_" + "a1" * 18: (Private.SECRET, "token: ghp_" + "a1" * 18),
    'password = "hunter2hunter2"': (Private.SECRET, 'password = "hunter2hunter2'),
}
NOTHING = [
    "Order 4711 1111 1111 1112 is late",  # Luhn is wrong
    "DE89 3704 0044 0532 0131 02",  # its check digits are wrong
    "On 2026-11-28 at 10:15, or 28.11.2026, or 01-02-2026",
    "version 10.0.19045.3693",
    "We have 4,000 labelled letters and 90,000 requests",
    "Is my password safe? The token: please wait",
    "me@home and you @ work",
    "0000 0000 0000 0000",
]


@pytest.mark.parametrize("text", FOUND)
def test_private_words_are_found_and_masked(text: str) -> None:
    kind, words = FOUND[text]
    [hit] = hits(text)
    assert (hit.kind, text[hit.start : hit.end]) == (kind, words)
    assert masked(text, {kind}) == text.replace(words, f"[{kind}]") and masked(text, set(Private) - {kind}) == text


@pytest.mark.parametrize("text", NOTHING)
def test_what_only_looks_like_it_is_let_alone(text: str) -> None:
    assert hits(text) == []


def test_check_digits() -> None:
    assert luhn("79927398713") and not any(luhn(f"7992739871{digit}") for digit in "012456789")
    assert is_iban("FR1420041010050500013M02606") and not is_iban("FR1420041010050500013M02607")
