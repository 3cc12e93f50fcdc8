-- Which log (the -wal file) belongs to which file: SQLite itself applies any log to any file that it lies beside.

CREATE TABLE seals (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    sealed TEXT NOT NULL,               -- drawn anew in the last change before the log is emptied into the file
    begun_from TEXT NOT NULL            -- the seal that the first change of the log found
) STRICT;
INSERT INTO seals VALUES (1, '', '');
