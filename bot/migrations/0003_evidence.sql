-- What verdicts need beside duels and ballots. Ledgers are derived: they can be dropped at any time and are rebuilt from the duels.

CREATE TABLE tags (                     -- set when the request was asked, so that no tag can follow a result
    duel TEXT PRIMARY KEY REFERENCES duels (id),
    tag TEXT NOT NULL CHECK (tag != ''),
    by_rule INTEGER NOT NULL CHECK (by_rule IN (0, 1))  -- guessed by the team's rules; 0: said by the asker
) STRICT, WITHOUT ROWID;

CREATE TABLE trained_on (               -- duels on requests that the adapter saw in training: no evidence
    duel TEXT PRIMARY KEY REFERENCES duels (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledgers (                  -- the folded evidence of a scope up to a closing number
    scope TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,
    closing INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (json_valid(state)),
    used_at TEXT NOT NULL
) STRICT;

CREATE TABLE epochs (                   -- rises when closed duels change after all: then every ledger is stale
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    number INTEGER NOT NULL
) STRICT;
INSERT INTO epochs VALUES (1, 1);

CREATE TRIGGER ballots_renamed AFTER UPDATE OF voter ON ballots BEGIN  -- somebody is forgotten
    UPDATE epochs SET number = number + 1;
    DELETE FROM ledgers;
END;
CREATE TRIGGER posts_tagged AFTER UPDATE OF tag ON posts BEGIN
    UPDATE epochs SET number = number + 1;
    DELETE FROM ledgers;
END;

CREATE TABLE lives (                    -- when a contestant's parts were ready, and when it first could answer
    contestant TEXT PRIMARY KEY REFERENCES contestants (id),
    ready_at TEXT NOT NULL,             -- last edit of the recipe's file, or end of the adapter's data work
    live_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE replays (                  -- a past request answered again by each side alone, while nobody waited
    duel TEXT NOT NULL REFERENCES duels (id),
    contestant TEXT NOT NULL REFERENCES contestants (id),
    first_token_s REAL NOT NULL,
    total_s REAL NOT NULL,
    first INTEGER NOT NULL CHECK (first IN (0, 1)),     -- ran before the other side
    replayed_at TEXT NOT NULL,
    PRIMARY KEY (duel, contestant)
) STRICT, WITHOUT ROWID;

CREATE TABLE evaluations (              -- an evaluation set: rows with references, answered and scored without votes
    id TEXT PRIMARY KEY,                -- of the file's rows and the metrics
    name TEXT NOT NULL,
    rows INTEGER NOT NULL,
    begun_at TEXT NOT NULL
) STRICT;

CREATE TABLE evaluated (
    evaluation TEXT NOT NULL REFERENCES evaluations (id),
    row TEXT NOT NULL,
    contestant TEXT NOT NULL REFERENCES contestants (id),
    text TEXT NOT NULL,
    failure TEXT,                       -- NULL: answered
    scores TEXT NOT NULL CHECK (json_valid(scores)),    -- metric -> [0, 1]
    tags TEXT NOT NULL CHECK (json_valid(tags)),
    first_token_s REAL,
    total_s REAL,
    usd REAL,
    PRIMARY KEY (evaluation, row, contestant)
) STRICT, WITHOUT ROWID;
CREATE INDEX evaluated_by_contestant ON evaluated (contestant);
CREATE INDEX duels_by_closing_time ON duels (closed_at) WHERE state = 'closed';
