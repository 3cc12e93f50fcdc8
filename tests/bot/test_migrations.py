"""A store of an earlier version: what it knows is brought along, and what it did not keep is inferred from what it did."""

import sqlite3
from contextlib import closing
from pathlib import Path

from bot.store import Store
from bot.store.evidence import EvidenceRows
from bot.store.opening import migrations
from bot.store.posts import PostRows
from bot.verdict import Ledger, Scope

AT = "2026-11-01T12:00:00.000000+00:00"
LATER = "2026-11-02T12:00:00.000000+00:00"


def early(path: Path) -> None:
    """Version 3 of the tables, with duels that closed in each way."""
    with closing(sqlite3.connect(path)) as store:
        for sql in migrations()[:3]:
            store.executescript(sql)
        for one in ("p", "t"):
            arm = "prompted" if one == "p" else "tuned"
            adapter = ("demo", "1", "d" * 16, "f") if one == "t" else (None,) * 4
            values = (one, arm, "house", "1", "d", "{}", *adapter, "b", "r", 512, 1, AT)
            store.execute(f"INSERT INTO contestants VALUES ({', '.join('?' * len(values))})", values)
        for at, (name, request, quorum, votes, closes_at, tag) in enumerate(
            (
                ("full", "Which  one?", 1, ["ann"], None, "from"),
                ("again", "which one?", 1, ["bob"], None, ""),
                ("late", "Late?", 3, ["ann"], AT, ""),
                ("hand", "Early?", 3, ["ann"], LATER, ""),
                ("open", "Open?", 3, ["cleo"], LATER, ""),
            ),
            1,
        ):
            done = name != "open"
            store.execute("INSERT INTO conversations VALUES (?, ?)", (name, AT))
            columns = "id, conversation, turn, asker, request, asked_at, left_entrant, quorum, state, note, "
            columns += "answered_at, closed_at, closing, identical, "
            store.execute(
                f"INSERT INTO duels ({columns} carried, carried_by) VALUES (?, ?, 1, 'ann', ?, ?, 0, ?, ?, '', ?, ?, ?, 0, ?, ?)",
                (name, name, request, AT, quorum, "closed" if done else "open", AT, AT if done else None, at if done else None)
                + ((0, "vote") if done else (None, None)),
            )
            for entrant, contestant in enumerate(("p", "t")):
                store.execute(
                    "INSERT INTO answers (duel, entrant, contestant, text, finish) VALUES (?, ?, ?, ?, 'end')",
                    (name, entrant, contestant, f"answer {entrant}"),
                )
            for voter in votes:
                store.execute("INSERT INTO ballots VALUES (?, ?, 'better', 1, ?)", (name, voter, AT))
            post = (name, f"message:{at}", "red", "c", str(at), 0, 1, tag, closes_at, "closed" if done else "open1", 1)
            store.execute(f"INSERT INTO posts VALUES ({', '.join('?' * len(post))})", post)
        store.execute("INSERT INTO tags VALUES ('full', 'guessed', 1)")
        store.execute("INSERT INTO tags VALUES ('late', 'guessed', 1)")
        store.execute("PRAGMA user_version = 3")
        store.commit()


async def test_how_old_votes_closed_what_repeats_and_which_tag_was_said_are_brought_along(tmp_path: Path) -> None:
    early(tmp_path / "s")
    store = await Store.open(tmp_path / "s")
    try:
        async with store.reading() as look:
            rows = await look.rows("SELECT id, closed_by, repeats FROM duels ORDER BY rowid")
            assert [tuple(row) for row in rows] == [
                ("full", "quorum", None),
                ("again", "quorum", "full"),
                ("late", "deadline", None),
                ("hand", "hand", None),
                ("open", None, None),
            ]
            posts = PostRows(look)
            assert [(await posts.of(name)).tag for name in ("full", "again", "late")] == ["from", "", "guessed"]  # type: ignore[union-attr]
            ledger = Ledger.start(Scope(("p", "t"))).after(await EvidenceRows(look).filed(Scope(("p", "t")), 0, 9), 9)
            assert (ledger.capital.n, ledger.duels, dict(ledger.absent)) == (2, 3, {"repeat": 1, "by_hand": 1})
            assert await EvidenceRows(look).open(Scope(("p", "t"))) == 1
    finally:
        await store.aclose()
