"""Addresses as the outside writes them: hosts, origins, the page's public address, networks of proxies. Pure.

One host has many spellings (case, a dot at the end, letters of other scripts, the usual port); all come to one value here.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

import idna

_USUAL_PORT = {"http": 80, "https": 443}
_NETLOC = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[^\[\]:/?#@\\\s]+))(?::(?P<port>[0-9]{0,5}))?", re.ASCII)
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+")
_OWN = frozenset(["c", "results", "login", "logout", "_nicegui", "_nicegui_ws", "favicon.ico", "healthz", "readyz", "metrics", ".", ".."])


@dataclass(frozen=True, slots=True)
class Host:
    """A name or an address, as DNS compares it, and the port that was written beside it."""

    name: str
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """An origin: what browsers call the same site has the same three parts."""

    scheme: str
    host: str
    port: int

    def serves(self, host: Host) -> bool:
        """Whether a Host header means this site; a port that is not written is the scheme's usual one."""
        return (host.name, host.port or _USUAL_PORT[self.scheme]) == (self.host, self.port)

    @property
    def netloc(self) -> str:
        """As a Host header says it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _USUAL_PORT[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Public:
    """Where people outside find the page."""

    site: Site
    path: str  # begins with a slash and ends without one; empty: the page lies at the site's top

    @property
    def url(self) -> str:
        return f"{self.site.scheme}://{self.site.netloc}{self.path}"


def host_of(netloc: str) -> Host | None:
    """What a Host header names; None when it is none."""
    found = _NETLOC.fullmatch(netloc)
    if found is None or int(found["port"] or 0) > 65535:
        return None
    name = _six(found["six"]) if found["six"] else _name(found["name"])
    return Host(name, int(found["port"]) if found["port"] else None) if name else None


def site_of(origin: str) -> Site | None:
    """What an Origin header names; None for null, another scheme, or what is no origin."""
    scheme, _, netloc = origin.partition("://")
    scheme = scheme.lower()
    host = host_of(netloc) if scheme in _USUAL_PORT else None
    return Site(scheme, host.name, host.port or _USUAL_PORT[scheme]) if host else None


def public_of(text: str) -> Public:
    """The setting read. Raises ValueError that says what is wrong with it."""
    parts = re.fullmatch(r"(?P<origin>\w+://[^/]+)(/(?P<path>.*))?", text.strip())
    site = site_of(parts["origin"]) if parts else None
    if parts is None or site is None:
        raise ValueError("it must be a whole address, such as https://duels.example.org or https://example.org/duels")
    path = (parts["path"] or "").removesuffix("/")
    segments = path.split("/") if path else []
    if not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise ValueError("its path may hold letters, digits and . _ ~ - between single slashes, and nothing after it")
    if segments and segments[0] in _OWN:
        raise ValueError(f"its path may not begin with /{segments[0]}, which the page itself uses")
    return Public(site, "".join(f"/{segment}" for segment in segments))


def networks_of(text: str) -> tuple[str, ...]:
    """Addresses and networks with commas between. Raises ValueError that names the one that is none.

    An IPv4 network comes along as IPv6 sees it, for a page that listens on both.
    """
    found: list[str] = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        try:
            network = ip_network(part)
        except ValueError as error:
            raise ValueError(f"{part!r} is no address and no network such as 10.0.0.0/8") from error
        found.append(str(network))
        if network.version == 4:
            found.append(f"::ffff:{network.network_address}/{96 + network.prefixlen}")
    return tuple(found)


def is_loopback(name: str) -> bool:
    """Whether a host name or address can only be reached from this machine."""
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name.lower() == "localhost"


def neighbourhood(address: str) -> str:
    """What counts as one sender: an IPv4 address, or the 64 bits of IPv6 that one customer gets."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:64]
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped) if found.ipv4_mapped else str(ip_network((int(found) >> 64 << 64, 64)))


def _six(text: str) -> str:
    try:
        return str(IPv6Address(text))
    except ValueError:
        return ""


def _name(text: str) -> str:
    """Lower case, in the letters of DNS, without the dot of the root; empty when it is no name."""
    if not text.isascii():
        try:
            text = idna.encode(_letters(text), uts46=True).decode("ascii")
        except idna.IDNAError:
            return ""
    text = text.lower().removesuffix(".")
    return text if _NAME.fullmatch(text) else ""


def _letters(text: str) -> str:
    """Headers come as Latin-1; who writes other letters into one writes UTF-8."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
