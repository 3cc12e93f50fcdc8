"""/forget: what goes, what stays, and where nothing may be left."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.bot.fronts.discord_stage import Stage, staged, voted


async def test_forget_deletes_the_person_and_keeps_closed_ballots_without_them(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_quorum=2) as stage:
        ann, bob = stage.member("ann"), stage.member("bob")
        closed = await voted(stage, ann, "my first words", "A is better")
        await bob.click(closed, label="Tie")
        await voted(stage, bob, "his words", "Tie")
        third = await stage.member("eve").slash(stage.channel, "compare", request="her words")
        await ann.click(third.response, label="Tie")
        asked = await ann.slash(stage.channel, "forget")
        assert "This deletes your requests" in stage.shown(asked.response)
        await ann.click(asked.response, label="Delete")
        assert "gone from my store" in stage.shown(asked.response)
        assert "my first words" not in stage.shown(closed)
        assert "prompted says hi" not in stage.shown(closed)
        assert "2 votes: A is better (1), tie (1)." in stage.shown(closed), "the tally stays"
        assert "Nobody has voted yet." in stage.shown(third.response), "a ballot on an open vote goes with its person"
        assert "his words" in " ".join(summary.request for summary in await stage.app.looking.history())
        assert str(ann.id).encode() not in rows_of(stage)


async def test_nothing_that_was_forgotten_stays_in_the_stores_file(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        await ann.slash(stage.channel, "compare", request="a secret word")
        async with stage.app.core.store.reading() as look:
            assert [tuple(row) for row in await look.rows("PRAGMA secure_delete")] == [(1,)]
        await ann.click((await ann.slash(stage.channel, "forget")).response, label="Delete")
    files = bytes_in(tmp_path)
    assert b"prompted" in files
    assert b"secret word" not in files


async def test_forget_reaches_what_others_branched_off_from(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann, bob = stage.member("ann"), stage.member("bob")
        await bob.send(stage.channel, f"{stage.mention} his first words")
        await ann.send(stage.channel, f"{stage.mention} my secret words", reply_to=stage.last())
        hers = stage.last()
        await bob.send(stage.channel, f"{stage.mention} and then", reply_to=hers)
        await bob.send(stage.channel, f"{stage.mention} his branch", reply_to=hers)
        assert b"my secret words" in rows_of(stage)
        await ann.click((await ann.slash(stage.channel, "forget")).response, label="Delete")
        assert b"my secret words" not in rows_of(stage)
        await bob.send(stage.channel, f"{stage.mention} going on", reply_to=stage.last())
        said = [part.content for part in stage.backend.prompts[-1].messages if part.role == "user"]
        assert said == ["his first words", "his branch", "going on"]


def bytes_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())


def rows_of(stage: Stage) -> bytes:
    """Everything that the store's tables say."""
    with closing(sqlite3.connect(stage.app.core.store.path)) as connection, connection:
        return "\n".join(connection.iterdump()).encode()
