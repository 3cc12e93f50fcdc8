-- What a verdict may count. How a vote closed is kept, so that no result can choose what counts; requests that are the same one are
-- found; a tag lives in one table; and what a closed duel says is kept in one narrow row, from which any scope is folded at once.

ALTER TABLE duels ADD COLUMN closed_by TEXT CHECK (closed_by IN ('quorum', 'deadline', 'hand', 'identical'));
UPDATE duels SET closed_by = CASE  -- of votes that closed before this was kept
    WHEN identical THEN 'identical'
    WHEN quorum IS NOT NULL AND (SELECT count(*) FROM ballots WHERE duel = duels.id) >= quorum THEN 'quorum'
    WHEN EXISTS (SELECT 1 FROM posts WHERE duel = duels.id AND closes_at <= closed_at) THEN 'deadline'
    ELSE 'hand' END
WHERE state = 'closed';

ALTER TABLE duels ADD COLUMN request_key TEXT;  -- digest of the folded request with what was said before; NULL: forgotten
ALTER TABLE duels ADD COLUMN repeats TEXT;      -- the first duel with the same key; NULL: this is the first
UPDATE duels SET request_key = request_key(
    request,
    coalesce((SELECT turns FROM prologues WHERE prologues.conversation = duels.conversation), '[]'),
    (SELECT json_group_array(json_array(request, text)) FROM (
        SELECT earlier.request, answers.text FROM duels AS earlier
            JOIN answers ON answers.duel = earlier.id AND answers.entrant = earlier.carried
        WHERE earlier.conversation = duels.conversation AND earlier.turn < duels.turn ORDER BY earlier.turn)))
WHERE request != '';
CREATE INDEX duels_by_request ON duels (request_key) WHERE request_key IS NOT NULL;
UPDATE duels SET repeats = (
    SELECT id FROM duels AS first WHERE first.request_key = duels.request_key AND first.rowid < duels.rowid ORDER BY first.rowid LIMIT 1)
WHERE request_key IS NOT NULL;
CREATE INDEX duels_repeating ON duels (repeats) WHERE repeats IS NOT NULL;

DROP TRIGGER posts_tagged;
INSERT INTO tags SELECT duel, tag, 0 FROM posts WHERE tag != ''
    ON CONFLICT (duel) DO UPDATE SET tag = excluded.tag, by_rule = 0;  -- what the asker said stands before what a rule guessed
ALTER TABLE posts DROP COLUMN tag;
CREATE INDEX tags_by_tag ON tags (tag);

CREATE TABLE voters (                   -- numbers for the names on ballots, so that many votes are read at once
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO voters (name) SELECT DISTINCT voter FROM ballots;
CREATE TRIGGER ballots_cast AFTER INSERT ON ballots BEGIN
    INSERT INTO voters (name) VALUES (new.voter) ON CONFLICT (name) DO NOTHING;
END;

CREATE VIEW outcomes_of AS              -- what closed duels say, worked out from all that is kept of them
SELECT d.closing, d.id AS duel, a.contestant AS first, b.contestant AS second, posts.team, coalesce(tags.tag, '') AS tag, d.closed_at,
    coalesce(d.repeats, d.id) AS unit,
    EXISTS (SELECT 1 FROM duels AS e WHERE e.repeats = coalesce(d.repeats, d.id) AND e.id != d.id AND e.closing IS NOT NULL)
        OR EXISTS (SELECT 1 FROM duels AS e WHERE e.id = d.repeats AND e.closing IS NOT NULL) AS shared,
    d.left_entrant, d.identical, trained_on.duel IS NOT NULL AS trained_on, d.closed_by = 'hand' AS by_hand,
    length(a.text) AS first_characters, length(b.text) AS second_characters,
    (SELECT avg(CASE WHEN entrant IS NULL THEN 0.5 ELSE entrant END) FROM guesses WHERE guesses.duel = d.id) AS guess,
    (SELECT count(*) FROM ballots WHERE ballots.duel = d.id) AS ballots,
    coalesce((SELECT group_concat(number || ' ' || CASE WHEN entrant IS NOT NULL THEN entrant ELSE 2 + (verdict = 'both_bad') END, ' ')
        FROM (SELECT * FROM ballots JOIN voters ON name = voter WHERE ballots.duel = d.id ORDER BY number)), '') AS votes
FROM duels AS d  -- CROSS keeps SQLite from starting at the contestants, who have met in every duel
    CROSS JOIN answers AS a ON a.duel = d.id AND a.entrant = 0
    CROSS JOIN answers AS b ON b.duel = d.id AND b.entrant = 1
    LEFT JOIN posts ON posts.duel = d.id
    LEFT JOIN tags ON tags.duel = d.id
    LEFT JOIN trained_on ON trained_on.duel = d.id
WHERE d.state = 'closed';

CREATE TABLE outcomes (                 -- the view's rows, kept: derived, so they can be dropped at any time and filled again from it
    closing INTEGER PRIMARY KEY,
    duel TEXT NOT NULL UNIQUE,
    first TEXT NOT NULL,                -- contestants of entrant 0 and 1
    second TEXT NOT NULL,
    team TEXT,
    tag TEXT NOT NULL,                  -- '': none
    closed_at TEXT NOT NULL,
    unit TEXT NOT NULL,                 -- the first duel with the same request
    shared INTEGER NOT NULL,            -- another duel of the unit has closed, too
    left_entrant INTEGER NOT NULL,
    identical INTEGER NOT NULL,
    trained_on INTEGER NOT NULL,
    by_hand INTEGER NOT NULL,
    first_characters INTEGER NOT NULL,
    second_characters INTEGER NOT NULL,
    guess REAL,                         -- mean of the guesses "which is the fine-tune?": right 1, cannot tell 1/2, wrong 0
    ballots INTEGER NOT NULL,
    votes TEXT NOT NULL                 -- voter's number, code, number, code …; 0 and 1 the better entrant, 2 tie, 3 both bad
) STRICT;
INSERT INTO outcomes SELECT * FROM outcomes_of;
CREATE INDEX outcomes_by_pair ON outcomes (first, second, closing);
CREATE INDEX outcomes_by_unit ON outcomes (unit, closing);
CREATE INDEX outcomes_shared ON outcomes (shared) WHERE shared;

CREATE TRIGGER duels_closed AFTER UPDATE OF state ON duels WHEN new.state = 'closed' BEGIN
    INSERT OR REPLACE INTO outcomes SELECT * FROM outcomes_of WHERE duel = new.id;
    UPDATE outcomes SET shared = 1 WHERE unit = coalesce(new.repeats, new.id) AND duel != new.id;
END;

DROP TRIGGER ballots_renamed;
CREATE TRIGGER ballots_renamed AFTER UPDATE OF voter ON ballots BEGIN  -- somebody is forgotten
    UPDATE epochs SET number = number + 1;
    DELETE FROM ledgers;
    UPDATE voters SET name = new.voter WHERE name = old.voter;
END;
CREATE TRIGGER tags_dropped AFTER DELETE ON tags BEGIN
    UPDATE epochs SET number = number + 1;
    DELETE FROM ledgers;
    UPDATE outcomes SET tag = '' WHERE duel = old.duel;
END;

UPDATE epochs SET number = number + 1;  -- ledgers of an earlier form say something else
DELETE FROM ledgers;
