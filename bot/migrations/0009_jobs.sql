-- Work that takes minutes, in a process of its own: one job at a time, in the order in which they were asked for.

CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,                 -- 'estimate', 'train'; other kinds of work come with the programs that do it
    arguments TEXT NOT NULL CHECK (json_valid(arguments)),  -- of the kind
    asker TEXT NOT NULL,
    team TEXT,                          -- NULL outside of servers
    channel TEXT NOT NULL DEFAULT '',   -- where a message shows how far it is; '' where none does
    message TEXT,                       -- that message; NULL until it is sent
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'stopped', 'failed')),
    words TEXT NOT NULL DEFAULT '',     -- a sentence about its end
    result TEXT CHECK (result IS NULL OR json_valid(result)),  -- of the kind; NULL before it is done
    asked_at TEXT NOT NULL,
    began_at TEXT,                      -- for the first time
    ended_at TEXT
) STRICT;
CREATE INDEX jobs_by_state ON jobs (state);
