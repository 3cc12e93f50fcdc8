"""A person is forgotten: their requests, answers and guesses go, and what must stay leads to nobody."""

import json
from collections.abc import Set

from bot.store.transaction import Transaction

FORGOTTEN = "forgotten"  # stands where a person was


async def forget(change: Transaction, person: str, alias: str) -> None:
    """Delete a person: requests with answers, conversations, guesses, consents, ballots of open duels. Other ballots stay, as `alias`'s.

    Votes on their requests end without a result, and the messages become stale; also where somebody else had a new version answer them.
    """
    asked = await change.rows("SELECT DISTINCT request FROM duels WHERE asker = ? AND request != ''", (person,))
    await forget_in_branches(change, {row["request"] for row in asked})
    own = "(SELECT id FROM duels WHERE asker = ?1 UNION SELECT duel FROM rematches JOIN duels AS d ON d.id = past WHERE d.asker = ?1)"
    talks = "(SELECT conversation FROM duels WHERE asker = ?1)"
    for sql in (
        "DELETE FROM ballots WHERE voter = ?1 AND duel IN (SELECT id FROM duels WHERE state = 'open')",
        "DELETE FROM guesses WHERE voter = ?1",
        "DELETE FROM reasons WHERE voter = ?1",
        "DELETE FROM voter_names WHERE voter = ?1",
        "DELETE FROM consents WHERE person = ?1",
        "DELETE FROM notices WHERE person = ?1",
        "DELETE FROM due_notices WHERE person = ?1",
        f"UPDATE answers SET text = '' WHERE duel IN {own}",
        f"DELETE FROM rolling WHERE conversation IN {talks}",
        f"DELETE FROM titles WHERE conversation IN {talks}",
        f"DELETE FROM prologues WHERE conversation IN {talks}",
        "DELETE FROM runs WHERE asker = ?1",
        "DELETE FROM previews WHERE asker = ?1",
        f"UPDATE jobs SET asker = '{FORGOTTEN}', channel = '', message = NULL WHERE asker = ?1",
        f"DELETE FROM tags WHERE by_rule = 0 AND duel IN {own}",
        f"UPDATE posts SET event = NULL, left_out = '', edited = '', shown = iif(shown = 'gone', shown, '') WHERE duel IN {own}",
        f"UPDATE duels SET state = 'void', note = 'The asker has deleted this.' WHERE id IN {own} AND state = 'open'",
        f"UPDATE duels SET request = '', request_key = NULL WHERE id IN {own}",
    ):
        await change.run(sql, (person,))
    await change.run("UPDATE ballots SET voter = ?2 WHERE voter = ?1", (person, alias))
    await change.run("UPDATE recipe_versions SET author = ?2 WHERE author = ?1", (person, alias))
    await change.run("UPDATE recipe_uses SET person = ?2 WHERE person = ?1", (person, alias))
    await change.run("UPDATE routes SET person = ?2 WHERE person = ?1", (person, alias))
    await change.run("UPDATE api_keys SET made_by = ?2 WHERE made_by = ?1", (person, alias))
    await change.run("UPDATE api_keys SET ended_by = ?2 WHERE ended_by = ?1", (person, alias))
    await change.run("DELETE FROM voters WHERE name = ?", (person,))
    await change.run(f"UPDATE duels SET asker = '{FORGOTTEN}' WHERE asker = ?1", (person,))


async def remove(change: Transaction, duel: str, note: str) -> None:
    """Delete what a duel says, and what it says in its rematches. Ballots of a closed vote stay; an open one ends, with this note."""
    these = "(SELECT ?1 UNION ALL SELECT duel FROM rematches WHERE past = ?1)"
    said = await change.rows(f"SELECT request FROM duels WHERE id IN {these} AND request != ''", (duel,))
    await forget_in_branches(change, {row["request"] for row in said})
    for sql in (
        f"DELETE FROM ballots WHERE duel IN (SELECT id FROM duels WHERE id IN {these} AND state = 'open')",
        f"DELETE FROM guesses WHERE duel IN (SELECT id FROM duels WHERE id IN {these} AND state = 'open')",
        f"DELETE FROM reasons WHERE duel IN {these}",
        f"DELETE FROM reasons WHERE duel IN {these} AND (kinds = '[]' OR duel IN (SELECT id FROM duels WHERE state = 'open'))",
        f"UPDATE reasons SET words = '' WHERE duel IN {these}",
        f"UPDATE answers SET text = '' WHERE duel IN {these}",
        f"DELETE FROM tags WHERE by_rule = 0 AND duel IN {these}",
        f"UPDATE posts SET left_out = '', edited = '', shown = iif(shown = 'gone', shown, '') WHERE duel IN {these}",
    ):
        await change.run(sql, (duel,))
    await change.run(f"UPDATE duels SET state = 'void', note = ?2 WHERE id IN {these} AND state IN ('open', 'void')", (duel, note))
    await change.run(f"UPDATE duels SET request = '', request_key = NULL WHERE id IN {these}", (duel,))


async def forget_in_branches(change: Transaction, asked: Set[str]) -> None:
    """Take these requests, and the answers to them, out of what other people's conversations began with."""
    for row in await change.rows("SELECT conversation, turns FROM prologues") if asked else ():
        turns = json.loads(row["turns"])
        starts = {at for at, (role, text) in enumerate(turns) if role == "user" and text in asked}
        kept = [turn for at, turn in enumerate(turns) if at not in starts and not (at - 1 in starts and turn[0] == "assistant")]
        if len(kept) < len(turns):
            said = json.dumps(kept, ensure_ascii=False)
            await change.run("UPDATE prologues SET turns = ? WHERE conversation = ?", (said, row["conversation"]))
