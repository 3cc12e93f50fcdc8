-- Duelbot's store, first form. Ids are opaque text; times are UTC, ISO 8601 with microseconds, so that text order is time order.
-- An entrant is 0 or 1, the order of a duel's arms; the coin (left_entrant) seats them.

PRAGMA application_id = 1148544354;  -- "Dueb" in ASCII: tells this file from other programs' databases

CREATE TABLE contestants (
    id TEXT PRIMARY KEY,                -- of everything below but names, folder and time
    arm TEXT NOT NULL CHECK (arm IN ('prompted', 'tuned', 'plain', 'combined')),
    recipe_name TEXT NOT NULL,
    recipe_version TEXT NOT NULL,
    recipe_digest TEXT NOT NULL,
    recipe TEXT NOT NULL CHECK (json_valid(recipe)),  -- the whole recipe with its sampling
    adapter_name TEXT,                  -- the four are NULL for an arm without an adapter
    adapter_version TEXT,
    adapter_digest TEXT,
    adapter_folder TEXT,
    base_name TEXT NOT NULL,
    base_revision TEXT NOT NULL,
    base_context_tokens INTEGER NOT NULL,
    base_parameters INTEGER NOT NULL,
    first_met_at TEXT NOT NULL
) STRICT;

CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    started_at TEXT NOT NULL
) STRICT;

CREATE TABLE duels (
    id TEXT PRIMARY KEY,
    conversation TEXT NOT NULL REFERENCES conversations (id),
    turn INTEGER NOT NULL CHECK (turn >= 1),
    asker TEXT NOT NULL,
    request TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    left_entrant INTEGER NOT NULL CHECK (left_entrant IN (0, 1)),
    quorum INTEGER CHECK (quorum >= 1),                 -- NULL: closed by hand
    state TEXT NOT NULL CHECK (state IN ('answering', 'open', 'closed', 'void')),
    note TEXT NOT NULL,                                 -- what the asker was told; when void, why
    answered_at TEXT,
    closed_at TEXT,
    closing INTEGER UNIQUE,                             -- 1, 2, 3 … in the order in which duels closed
    identical INTEGER NOT NULL CHECK (identical IN (0, 1)),  -- equal answers: closed without a vote
    carried INTEGER CHECK (carried IN (0, 1)),          -- the entrant whose answer the conversation goes on with
    carried_by TEXT CHECK (carried_by IN ('vote', 'early', 'only', 'stopped', 'identical')),
    UNIQUE (conversation, turn),
    CHECK ((state = 'closed') = (closing IS NOT NULL)),
    CHECK ((carried IS NULL) = (carried_by IS NULL))
) STRICT;
CREATE INDEX duels_by_time ON duels (asked_at);
CREATE INDEX duels_in_flight ON duels (state) WHERE state = 'answering';

CREATE TABLE answers (
    duel TEXT NOT NULL REFERENCES duels (id),
    entrant INTEGER NOT NULL CHECK (entrant IN (0, 1)),
    contestant TEXT NOT NULL REFERENCES contestants (id),
    text TEXT NOT NULL,                                 -- of a failed side, what it had written
    finish TEXT CHECK (finish IN ('end', 'length', 'stopped')),
    failure_kind TEXT,
    failure_words TEXT,
    prompt_tokens INTEGER,                              -- usage: all NULL where the backend could not say
    cached_prompt_tokens INTEGER,
    new_tokens INTEGER,
    queued_s REAL,
    first_token_s REAL,
    total_s REAL,
    busy_s REAL,
    device TEXT,
    ran TEXT CHECK (ran IN ('alone', 'together')),
    usd REAL,
    basis TEXT CHECK (basis IN ('device_hour', 'token_price', 'unknown')),
    price_source TEXT,
    price_date TEXT,
    PRIMARY KEY (duel, entrant),
    CHECK ((finish IS NULL) = (failure_kind IS NOT NULL)),
    CHECK ((failure_kind IS NULL) = (failure_words IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_by_contestant ON answers (contestant, duel);

CREATE TABLE ballots (
    duel TEXT NOT NULL REFERENCES duels (id),
    voter TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('better', 'tie', 'both_bad')),
    entrant INTEGER CHECK (entrant IN (0, 1)),
    cast_at TEXT NOT NULL,
    PRIMARY KEY (duel, voter),
    CHECK ((verdict = 'better') = (entrant IS NOT NULL))
) STRICT, WITHOUT ROWID;
