"""One host has many spellings; all of them are one value, and what is no host is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.address import Host, host_of, is_loopback, neighbourhood, networks_of, public_of, site_of


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a:1", Host("a", 1)),
        ("A.", Host("a")),
        ("a:", Host("a")),
        ("[::1]:1", Host("::1", 1)),
        ("[0:0:0:0:0:0:0:1]", Host("::1")),
        ("bücher.example", Host("xn--bcher-kva.example")),
        ("BÜCHER.example.:443", Host("xn--bcher-kva.example", 443)),
        ("bücher.example".encode().decode("latin-1"), Host("xn--bcher-kva.example")),  # as a header brings UTF-8
        ("faß.example", Host("xn--fa-hia.example")),
        ("duelbot_1:8080", Host("duelbot_1", 8080)),  # a container's name
    ],
)
def test_one_host_has_many_spellings(written: str, meant: Host) -> None:
    assert host_of(written) == meant


@pytest.mark.parametrize("written", ["", "[", "[x]", "[::1", "::1", "a b", "a:99999", "a:1:2", "a:x", "u@a", "a/b", "a..b", ".", "a?b"])
def test_what_is_no_host_is_none(written: str) -> None:
    assert host_of(written) is None


@given(st.text())
def test_no_text_breaks_the_reading(text: str) -> None:
    host_of(text)
    site_of(text)
    site_of(f"https://{text}")
    neighbourhood(text)


@pytest.mark.parametrize("origin", ["null", "", "http://", "http://[", "http://a/", "http://a/b", "http://u@a", "ftp://a", "//a", "a"])
def test_what_is_no_origin_is_none(origin: str) -> None:
    assert site_of(origin) is None


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("https://a.example", "a.example", True),
        ("https://a.example", "a.example:443", True),
        ("https://a.example:443", "A.EXAMPLE.", True),
        ("http://a.example", "a.example:80", True),
        ("http://a.example", "a.example:443", False),
        ("https://a.example", "a.example:80", False),
        ("https://a.example:8443", "a.example", False),
        ("https://b.example", "a.example", False),
    ],
)
def test_an_origin_is_compared_with_a_host_by_what_they_mean(origin: str, host: str, same: bool) -> None:
    site, asked = site_of(origin), host_of(host)
    assert site and asked and site.serves(asked) is same


@pytest.mark.parametrize(
    ("text", "url", "path"),
    [
        ("https://Example.org/", "https://example.org", ""),
        ("https://example.org:443/team/duels/", "https://example.org/team/duels", "/team/duels"),
        ("http://[::1]:8443/d", "http://[::1]:8443/d", "/d"),
        ("https://bücher.example", "https://xn--bcher-kva.example", ""),
    ],
)
def test_the_public_address_is_read(text: str, url: str, path: str) -> None:
    public = public_of(text)
    assert (public.url, public.path) == (url, path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("example.org", "whole address"),
        ("ftp://example.org", "whole address"),
        ("https://", "whole address"),
        ("https://example.org?x", "whole address"),
        ("https://user@example.org", "whole address"),
        ("https://example.org//x", "single slashes"),
        ("https://example.org/x?y", "its path"),
        ('https://example.org/"><script>', "its path"),
        ("https://example.org/c/team", "may not begin with /c"),
        ("https://example.org/../x", "may not begin with /.."),
    ],
)
def test_a_public_address_that_is_none_says_why(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        public_of(text)


def test_networks_come_as_both_versions_see_them() -> None:
    assert networks_of(" 10.0.0.0/8, ::1 ,") == ("10.0.0.0/8", "::ffff:10.0.0.0/104", "::1/128")
    assert networks_of("") == ()
    for text in ("*", "10.0.0.1/8", "proxy", "1.2.3"):
        with pytest.raises(ValueError, match="no address"):
            networks_of(text)


def test_one_customer_is_one_sender() -> None:
    assert neighbourhood("2001:db8::1") == neighbourhood("2001:db8::ffff:1") != neighbourhood("2001:db8:0:1::1")
    assert neighbourhood("::ffff:1.2.3.4") == neighbourhood("1.2.3.4") != neighbourhood("1.2.3.5")


@pytest.mark.parametrize(
    ("name", "known"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("example.org", False)]
)
def test_loopback_is_told_from_the_rest(name: str, known: bool) -> None:
    assert is_loopback(name) is known
