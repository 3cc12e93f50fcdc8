-- Rules of servers and the wishes of their members. In team_settings and recipe_uses a team may also be one of its channels, written
-- TEAM/CHANNEL: what is settled there holds in the channel and its threads, before what the team has settled.

ALTER TABLE duels ADD COLUMN says_who TEXT NOT NULL DEFAULT '';  -- the words by which an answer says which side it is; '': none does
CREATE INDEX duels_saying_who ON duels (id) WHERE says_who != '';

ALTER TABLE posts ADD COLUMN edited TEXT NOT NULL DEFAULT '';    -- the request as its asker has edited it since; '': as it was asked

CREATE TABLE role_limits (              -- what members with a role may ask; NULL: as the settings say
    team TEXT NOT NULL,
    role TEXT NOT NULL,                 -- '': everybody who has no other role with limits
    in_flight INTEGER CHECK (in_flight >= 0),
    per_minute INTEGER CHECK (per_minute >= 0),
    per_day INTEGER CHECK (per_day >= 0),
    usd_per_day REAL CHECK (usd_per_day >= 0),
    PRIMARY KEY (team, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE notices (                  -- who wants to be pinged when a vote closes that they asked for or voted in
    person TEXT PRIMARY KEY,
    since_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE due_notices (              -- whom the news of a close has still to name
    duel TEXT NOT NULL REFERENCES duels (id),
    person TEXT NOT NULL,
    ping INTEGER NOT NULL CHECK (ping IN (0, 1)),
    PRIMARY KEY (duel, person)
) STRICT, WITHOUT ROWID;
