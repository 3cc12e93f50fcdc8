-- Where duels are asked and shown in a team's channels, and what a team has settled for itself. Ids of people, messages, channels and
-- teams are the platform's, as text.

CREATE TABLE posts (
    duel TEXT PRIMARY KEY REFERENCES duels (id),
    event TEXT UNIQUE,                  -- what asked, "message:…" or "interaction:…": the same event twice asks once; NULL: forgotten
    team TEXT,                          -- NULL in a direct message
    channel TEXT NOT NULL,
    message TEXT UNIQUE,                -- that shows the duel; NULL until it is sent
    private INTEGER NOT NULL CHECK (private IN (0, 1)),  -- shown to its asker alone
    lasting INTEGER NOT NULL CHECK (lasting IN (0, 1)),  -- can be edited for ever; 0: only while its token lives
    tag TEXT NOT NULL,                  -- a word of the asker's, or ''
    closes_at TEXT,                     -- the vote's deadline; NULL for none
    shown TEXT NOT NULL DEFAULT '',     -- what the message shows: state and number of ballots, or 'gone' when it was deleted
    told INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1))  -- the asker was told of the close
) STRICT;
CREATE INDEX posts_by_team ON posts (team);  -- and, as every index, by the order in which they were written
CREATE INDEX posts_unsettled ON posts (duel) WHERE shown NOT IN ('closed', 'void', 'gone');  -- what may still have to be edited
CREATE INDEX duels_by_asker ON duels (asker, asked_at);
CREATE INDEX duels_open ON duels (state) WHERE state = 'open';

CREATE TABLE prologues (                -- what was said before a conversation's first request
    conversation TEXT PRIMARY KEY REFERENCES conversations (id),
    turns TEXT NOT NULL CHECK (json_valid(turns))       -- [[role, text], …]
) STRICT;

CREATE TABLE rolling (                  -- the conversation that goes on in a direct message until /new
    channel TEXT PRIMARY KEY,
    conversation TEXT NOT NULL REFERENCES conversations (id)
) STRICT;

CREATE TABLE team_settings (
    team TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (team, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE guesses (                  -- "which one is it?", asked of some voters before the close
    duel TEXT NOT NULL REFERENCES duels (id),
    voter TEXT NOT NULL,
    entrant INTEGER CHECK (entrant IN (0, 1)),  -- taken for entrant 1 of the duel; NULL: could not tell
    guessed_at TEXT NOT NULL,
    PRIMARY KEY (duel, voter)
) STRICT, WITHOUT ROWID;

CREATE TABLE marks (                    -- small facts to remember across starts
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
