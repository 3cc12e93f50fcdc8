-- Files of requests whose two sides were picked.

ALTER TABLE runs ADD COLUMN pick TEXT NOT NULL DEFAULT '';  -- who meets, as JSON; '': the usual two
