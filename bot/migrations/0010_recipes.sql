-- Recipes as chains of versions that never change, which of them answers whom, what was tried out on whose requests, and past requests
-- that a new version has answered again.

CREATE TABLE recipe_versions (
    id TEXT PRIMARY KEY,                -- of name, version and digest
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    digest TEXT NOT NULL,               -- of all that it says, as contestants have it: not of name and version
    parent TEXT REFERENCES recipe_versions (id),  -- the version that was edited; NULL: the first of its chain
    author TEXT NOT NULL,               -- a person; or 'shipped', 'file': it came with the program, or from DUEL_RECIPE or DUEL_PLAIN_RECIPE
    saved_at TEXT NOT NULL,
    reason TEXT NOT NULL,               -- why it was made
    content TEXT NOT NULL,              -- the whole recipe as TOML
    edit_s REAL,                        -- seconds from opening the editor to saving; NULL: it was not edited here
    UNIQUE (name, version)
) STRICT;
CREATE INDEX recipe_versions_by_parent ON recipe_versions (parent);

CREATE TABLE recipe_uses (              -- which version answers a team, since when and why
    id INTEGER PRIMARY KEY,
    team TEXT NOT NULL,                 -- '': page, terminal and direct messages
    recipe TEXT NOT NULL REFERENCES recipe_versions (id),
    person TEXT NOT NULL,
    used_at TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX recipe_uses_by_team ON recipe_uses (team, id);

CREATE TABLE previews (                 -- a request on which a recipe was tried out while it was edited: no evidence for that recipe any more
    id INTEGER PRIMARY KEY,
    asker TEXT NOT NULL,
    team TEXT,                          -- NULL: page, terminal and direct messages
    recipe TEXT NOT NULL,               -- name of the one that was edited
    duel TEXT REFERENCES duels (id),    -- whose request it was; NULL: typed for this
    request TEXT NOT NULL,              -- that was typed; '' where it is a duel's
    asked_at TEXT NOT NULL,
    running INTEGER NOT NULL CHECK (running IN (0, 1)),
    usd REAL                            -- of its answers, in US dollars; NULL: not known
) STRICT;
CREATE INDEX previews_by_asker ON previews (asker, asked_at);
CREATE INDEX previews_by_time ON previews (asked_at);
CREATE INDEX previews_by_recipe ON previews (recipe);

CREATE TABLE rematches (                -- a duel on a past request: entrant 0 has the answer of then, entrant 1 answered anew
    duel TEXT PRIMARY KEY REFERENCES duels (id),
    past TEXT NOT NULL REFERENCES duels (id),
    challenger TEXT NOT NULL REFERENCES contestants (id)  -- entrant 1
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX rematches_by_past ON rematches (past, challenger);
