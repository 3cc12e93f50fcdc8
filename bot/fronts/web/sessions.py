"""Who is logged in, and the key that signs what browsers keep.

A login is a random word in a signed cookie. It ends after 30 days, when its person logs out, and when the password
changes, because the password is part of the key.
"""

import hashlib
import hmac
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from itsdangerous import BadSignature, TimestampSigner
from starlette.requests import HTTPConnection
from starlette.types import Scope

from bot.errors import StoreError

LASTS_S = 30 * 24 * 3600


class Logins:
    """Gives logins out and knows them again. Logins that a person has ended are lines of a file until they would end anyway."""

    def __init__(self, secret: str, password: str, cookie: str, ended: Path, now: Callable[[], float] = time.time) -> None:
        self._signer = TimestampSigner(hmac.new(secret.encode(), password.encode(), hashlib.sha256).digest(), salt=b"duelbot login")
        self._cookie, self._file, self._now = cookie, ended, now
        self._ended = self._read()

    def new(self) -> str:
        """Sign a new login, as text for `cookie`."""
        return self._signer.sign(secrets.token_urlsafe(18)).decode()

    def cookie(self, value: str, path: str) -> str:
        """Write the Set-Cookie header of a login; an empty value takes it away. path: of the page at its site."""
        age_s = LASTS_S if value else 0
        return f"{self._cookie}={value}; Path={path or '/'}; Max-Age={age_s}; HttpOnly; SameSite=Lax"

    def known(self, scope: Scope) -> str | None:
        """Find the login that this request shows; None when there is none, or when it has ended."""
        signed = HTTPConnection(scope).cookies.get(self._cookie, "")
        try:
            word, made = self._signer.unsign(signed.encode(), return_timestamp=True)
        except (BadSignature, UnicodeError):
            return None
        login = word.decode()
        return login if login not in self._ended and 0 <= self._now() - made.timestamp() < LASTS_S else None

    def end(self, login: str) -> None:
        """From now on nobody comes in with this login. Raises StoreError when a restart would forget that."""
        self._ended[login] = self._now() + LASTS_S
        lines = "".join(f"{until:.0f} {ended}\n" for ended, until in self._ended.items() if until > self._now())
        try:
            _make_whole(self._file, lines)
        except OSError as error:
            raise StoreError(f"The logout is not kept in {self._file} ({error.strerror}), and holds until a restart.") from error

    def _read(self) -> dict[str, float]:
        try:
            lines = self._file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"The ended logins {self._file} cannot be read: {error}.") from error
        parted = [line.partition(" ") for line in lines]
        return {login: float(until) for until, _, login in parted if until.isdecimal() and float(until) > self._now()}


def kept_secret(path: Path) -> str:
    """Read the key that signs the session cookies: made once, readable by its owner alone. Raises StoreError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make_whole(path, secrets.token_urlsafe(48))
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StoreError(f"The key of the page's sessions {path} cannot be kept: {error.strerror}.") from error
    if len(secret) < 32:
        raise StoreError(f"The key of the page's sessions {path} is damaged. Delete it; browsers then vote under new names.")
    return secret


def _make_whole(path: Path, text: str) -> None:
    """A file for its owner alone that is there with all its text or not at all, whatever ends the process."""
    handle, name = tempfile.mkstemp(dir=path.parent)  # readable by its owner alone
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink()
        raise
