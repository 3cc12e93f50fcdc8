-- What people put in: files beside a request that are no part of it, and files of requests that are worked on.

ALTER TABLE posts ADD COLUMN left_out TEXT NOT NULL DEFAULT '';  -- a sentence about what came with the request and is no part of it

CREATE TABLE runs (                     -- files of requests that are worked on, one request after the other; deleted at their end
    event TEXT PRIMARY KEY,             -- what asked, "interaction:…"; its requests ask as "interaction:…:1" and so on
    asker TEXT NOT NULL,
    team TEXT,                          -- NULL in a direct message
    channel TEXT NOT NULL,
    message TEXT UNIQUE,                -- that says how far it is; NULL until it is sent
    roles TEXT NOT NULL CHECK (json_valid(roles)),      -- of the asker when they asked
    solo INTEGER NOT NULL CHECK (solo IN (0, 1)),       -- one ballot closes each vote
    tag TEXT NOT NULL,
    recipe TEXT NOT NULL,
    total INTEGER NOT NULL,
    answered INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    why TEXT NOT NULL DEFAULT '',       -- of the latest that failed
    ended TEXT NOT NULL DEFAULT '',     -- why it ended before its time; '' while it did not
    moved_at TEXT NOT NULL              -- when a request of it was last done with
) STRICT;
CREATE INDEX runs_by_asker ON runs (asker);

CREATE TABLE run_rows (                 -- requests that are still to be answered
    run TEXT NOT NULL REFERENCES runs (event) ON DELETE CASCADE,
    number INTEGER NOT NULL,            -- from 1
    request TEXT NOT NULL,
    breaks INTEGER NOT NULL DEFAULT 0,  -- how often the process ended while this one was being answered
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;
