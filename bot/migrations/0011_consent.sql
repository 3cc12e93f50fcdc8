-- Who agreed that their closed duels may train adapters, and where. A withdrawal takes the row away.

CREATE TABLE consents (
    person TEXT NOT NULL,
    team TEXT NOT NULL,                 -- the platform's id, as in posts; '': outside of teams, on the page and in the terminal
    agreed_at TEXT NOT NULL,
    PRIMARY KEY (person, team)
) STRICT, WITHOUT ROWID;
