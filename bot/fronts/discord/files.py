"""Files that people attach: text by its bytes, whatever Discord takes it for."""

from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
import discord

from bot.fronts.discord import fit
from engine.errors import BadRequest
from engine.request import MAX_CHARACTERS

BYTES_A_CHARACTER = 4  # UTF-8 takes at most these
NOT_READ = "I read text files only, in UTF-8; {name} is none."
MOST_SAID = 200  # characters about what is left out
_NO_TEXT = ("image/", "audio/", "video/", "font/", "application/pdf", "application/zip", "application/vnd.", "application/x-")
_TYPESCRIPT = ("video/mp2t", "video/vnd.dlna.mpeg-tts")  # what Discord takes .ts and .mts for


class NoText(BadRequest):
    """A file that holds no text: a picture, a sound, an archive."""


@dataclass(frozen=True, slots=True)
class Files:
    """The texts of some files, and a sentence about those that are no text."""

    texts: tuple[str, ...] = ()
    left_out: str = ""


async def read(files: Sequence[discord.Attachment]) -> Files:
    """Fetch the texts of text files; others are left out. Raises BadRequest for a text that is too long or cannot be fetched."""
    texts, others = [], []
    for file in files:
        try:
            texts.append(await text_of(file))
        except NoText:
            others.append(fit.inline(file.filename, 60))
    return Files(tuple(each for each in texts if each), left_out_words(others))


def left_out_words(names: Sequence[str]) -> str:
    """Say which files were left out; empty for none. Pure."""
    if not names:
        return ""
    named = fit.head(", ".join(names), MOST_SAID)
    return f"Left out, for I read UTF-8 text only (at most {MAX_CHARACTERS:,} characters): {named}."


async def text_of(file: discord.Attachment, requests: int = 1) -> str:
    """Fetch a text, with room for so many requests. Raises NoText, and BadRequest when it is too long or cannot be fetched."""
    name = fit.inline(file.filename, 60)
    if file.size > BYTES_A_CHARACTER * MAX_CHARACTERS * requests:
        if _is_declared_other(file.content_type or ""):
            raise NoText(NOT_READ.format(name=name))
        raise BadRequest(f"The file {name} is too long: at most {MAX_CHARACTERS * requests:,} characters are accepted.")
    data = await fetched(file, file.size)
    return decoded(data, name)


async def fetched(file: discord.Attachment, most: int) -> bytes:
    """Fetch an attached file of at most so many bytes. Raises BadRequest."""
    name = fit.inline(file.filename, 60)
    if file.size > most:
        raise BadRequest(f"The file {name} is too large: at most {most / 1e6:.0f} MB are read.")
    try:
        return await file.read()
    except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
        raise BadRequest(f"The file {name} could not be fetched from Discord. Send it again.") from error


def _is_declared_other(kind: str) -> bool:
    """Of a file that is too large to look into, what Discord takes it for has to do."""
    return kind.startswith(_NO_TEXT) and not kind.startswith(_TYPESCRIPT)


def decoded(data: bytes, name: str) -> str:
    """Decode UTF-8, with or without a mark at its beginning, and no NUL in it. Raises NoText, and BadRequest for UTF-16. Pure."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadRequest(f"The file {name} is not UTF-8 text but UTF-16. Save it as UTF-8 and send it again.")
    try:
        decoded = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NoText(NOT_READ.format(name=name)) from None
    if "\0" in decoded:
        raise NoText(NOT_READ.format(name=name))
    return decoded.strip()
