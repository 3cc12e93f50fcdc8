-- Votes of several people outside of channels, the names that voters chose there, and why people voted as they did.

ALTER TABLE duels ADD COLUMN ends_at TEXT;  -- when an open vote outside of channels closes by itself; NULL: it does not
CREATE INDEX duels_ending ON duels (ends_at) WHERE state = 'open' AND ends_at IS NOT NULL;

CREATE TABLE voter_names (              -- the name that somebody votes under outside of channels; shown once a vote has closed
    voter TEXT PRIMARY KEY,
    name TEXT NOT NULL CHECK (name != '')
) STRICT, WITHOUT ROWID;

CREATE TABLE reasons (                  -- why somebody voted as they did; shown once the vote has closed
    duel TEXT NOT NULL REFERENCES duels (id),
    voter TEXT NOT NULL,
    kinds TEXT NOT NULL CHECK (json_valid(kinds)),      -- ["correct", "clearer", "format", "shorter"], some of these
    words TEXT NOT NULL,                -- free words, or ''
    blind INTEGER NOT NULL CHECK (blind IN (0, 1)),     -- given before the close
    given_at TEXT NOT NULL,
    PRIMARY KEY (duel, voter)
) STRICT, WITHOUT ROWID;

CREATE TABLE titles (                   -- what the person who began a conversation calls it; without one its first request stands there
    conversation TEXT PRIMARY KEY REFERENCES conversations (id),
    title TEXT NOT NULL CHECK (title != '')
) STRICT, WITHOUT ROWID;
