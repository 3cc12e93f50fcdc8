-- Answers without a duel: who answers alone, how many requests become duels, who has changed that; programs that ask with a key.

-- A turn of a conversation is a duel, a single (one contestant answered, nobody is asked to compare), or half a duel: a program has got
-- one answer, and the other one is written when the engine is idle. Only duels are ever open for ballots, so only they are evidence.
ALTER TABLE duels ADD COLUMN kind TEXT NOT NULL DEFAULT 'duel'
    CHECK (kind IN ('duel', 'single', 'half') AND (kind = 'duel' OR state IN ('answering', 'void')));
ALTER TABLE duels ADD COLUMN served INTEGER  -- the entrant whose answer went out alone, or first; NULL: both were shown together
    CHECK (served IS NULL OR served IN (0, 1));
ALTER TABLE duels ADD COLUMN coin REAL CHECK (coin IS NULL OR coin >= 0 AND coin < 1);      -- drawn before the request was known
ALTER TABLE duels ADD COLUMN share REAL CHECK (share IS NULL OR share >= 0 AND share <= 1);  -- the turn is a duel where coin < share; NULL: none was drawn
CREATE INDEX duels_served ON duels (served) WHERE served IS NOT NULL;
CREATE INDEX duels_alone ON duels (request_key) WHERE kind = 'single';

CREATE TABLE halves (                   -- halves whose other answer is still to be written
    duel TEXT PRIMARY KEY REFERENCES duels (id),
    other TEXT NOT NULL REFERENCES contestants (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE routes (                   -- how requests are answered: each change, the latest one holds
    id INTEGER PRIMARY KEY,
    team TEXT NOT NULL,                 -- '': page, terminal and direct messages
    tag TEXT NOT NULL,                  -- '': every request whose tag has no line of its own
    share REAL CHECK (share IS NULL OR share >= 0 AND share <= 1),  -- of requests that become duels; NULL: this tag goes by '' again
    winner TEXT REFERENCES contestants (id),  -- answers the others; NULL: there are none
    person TEXT NOT NULL,               -- who changed it; 'duelbot': it did so by itself
    changed_at TEXT NOT NULL,
    reason TEXT NOT NULL,
    told INTEGER NOT NULL CHECK (told IN (0, 1)),  -- 0: the team is still to be told
    CHECK (share IS NULL OR share = 1 OR winner IS NOT NULL)
) STRICT;
CREATE INDEX routes_by_team ON routes (team, tag, id);

CREATE TABLE coins (                    -- the next draw of each team, kept before its request is known
    team TEXT PRIMARY KEY,
    coin REAL NOT NULL CHECK (coin >= 0 AND coin < 1)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (                 -- keys of programs; of the key itself only a digest is kept
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL UNIQUE,        -- SHA-256 of the key, which is random and long
    team TEXT NOT NULL,                 -- '': page, terminal and direct messages
    in_flight INTEGER NOT NULL,         -- requests at the same time
    per_minute INTEGER NOT NULL,
    per_day INTEGER NOT NULL,
    usd_per_day REAL,                   -- US dollars that its answers may cost in 24 hours; NULL: no limit
    made_by TEXT NOT NULL,
    made_at TEXT NOT NULL,
    ended_by TEXT NOT NULL DEFAULT '',
    ended_at TEXT                       -- NULL: it opens the door
) STRICT;

DROP VIEW outcomes_of;
CREATE VIEW outcomes_of AS              -- what closed duels say, worked out from all that is kept of them
SELECT d.closing, d.id AS duel, a.contestant AS first, b.contestant AS second, posts.team, coalesce(tags.tag, '') AS tag, d.closed_at,
    coalesce(d.repeats, d.id) AS unit,
    EXISTS (SELECT 1 FROM duels AS e WHERE e.repeats = coalesce(d.repeats, d.id) AND e.id != d.id AND e.closing IS NOT NULL)
        OR EXISTS (SELECT 1 FROM duels AS e WHERE e.id = d.repeats AND (e.closing IS NOT NULL OR e.kind = 'single')) AS shared,
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
